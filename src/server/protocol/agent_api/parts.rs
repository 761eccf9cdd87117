//! The parts of a message as a model can be given them: text and images.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;

use super::{python_json::dumps, request::InPart};
use crate::{
    domain::{Content, Image, ToolOutcome},
    server::ApiError,
    tool::cap,
};

/// Where in the request something stands.
#[derive(Clone, Debug)]
pub(super) struct Place(String);

impl Place {
    pub(super) fn message(index: usize) -> Self {
        Self(format!("input[{index}]"))
    }

    fn part(&self, index: usize) -> Self {
        Self(format!("{}.content[{index}]", self.0))
    }

    /// 400: what stands here `is` wrong in some way.
    pub(super) fn invalid(&self, is: &str) -> ApiError {
        ApiError::invalid(format!("`{}` {is}", self.0))
    }
}

/// # Errors
/// 400 for what no model can be given.
pub(super) fn contents(parts: Vec<InPart>, place: &Place) -> Result<Vec<Content>, ApiError> {
    parts.into_iter().enumerate().map(|(index, part)| one(part, &place.part(index))).collect()
}

fn one(part: InPart, place: &Place) -> Result<Content, ApiError> {
    match part {
        InPart::Text { text } => text.map(Content::text).ok_or_else(|| place.invalid("has no `text`")),
        InPart::Refusal { refusal } => refusal.map(Content::text).ok_or_else(|| place.invalid("has no `refusal`")),
        InPart::Image { image_url } => {
            let url = image_url.ok_or_else(|| place.invalid("has no `image_url`"))?;
            let Some((media_type, data)) = data_url(&url) else {
                return Err(place.invalid("names an image elsewhere; send it as a `data:` URL in base64"));
            };
            image(media_type, data, place)
        }
        // Models are told of data as JSON.
        InPart::Data { data } => {
            data.map(|data| Content::text(dumps(&data))).ok_or_else(|| place.invalid("has no `data`"))
        }
        InPart::File { file_url, file_id, filename, file_data } => {
            if file_id.is_some() && file_data.is_none() && file_url.is_none() {
                return Err(place.invalid("names a file by `file_id`, and this server keeps none; send `file_data`"));
            }
            let file = file_data.or(file_url).ok_or_else(|| place.invalid("has neither `file_data` nor `file_url`"))?;
            self::file(filename.as_deref(), &file, place)
        }
        InPart::Audio {} => Err(place.invalid("is audio, which agents here do not hear; send text or images")),
        InPart::Video {} => Err(place.invalid("is a video, which agents here do not see; send text or images")),
    }
}

/// The type and the base64 of `data:image/png;base64,…`.
fn data_url(url: &str) -> Option<(&str, &str)> {
    let (head, data) = url.strip_prefix("data:")?.split_once(',')?;
    let media_type = head.strip_suffix(";base64")?;
    Some((media_type.split(';').next().unwrap_or_default(), data))
}

fn image(media_type: &str, data: &str, place: &Place) -> Result<Content, ApiError> {
    if !media_type.starts_with("image/") {
        return Err(place.invalid("is no image by its own word"));
    }
    if data.len() > cap::IMAGE {
        return Err(place.invalid("is larger than the 5 MiB that models take"));
    }
    if data.is_empty() || BASE64_STANDARD.decode(data).is_err() {
        return Err(place.invalid("is not in base64"));
    }
    Ok(Content::Image(Image { media_type: media_type.to_owned(), data: data.to_owned() }))
}

/// A file: an image as such, text with its name.
fn file(name: Option<&str>, file: &str, place: &Place) -> Result<Content, ApiError> {
    let data = match data_url(file) {
        Some((media_type, data)) if media_type.starts_with("image/") => return image(media_type, data, place),
        Some((_, data)) => data,
        None if file.contains("://") => {
            return Err(place.invalid("names a file elsewhere; send it as `file_data` in base64"));
        }
        None => file,
    };
    let bytes = BASE64_STANDARD.decode(data).map_err(|_| place.invalid("is not in base64"))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| place.invalid("is a file that is neither text nor an image, which models cannot read"))?;
    let name = name.filter(|name| !name.is_empty()).unwrap_or("file");
    Ok(Content::text(format!("File `{name}`:\n{text}")))
}

/// What came of a call, as the caller says it: text, blocks of text and images, or any JSON; mostly as text of JSON.
pub(super) fn outcome(output: Value) -> ToolOutcome {
    let output = match output {
        Value::String(text) => match serde_json::from_str(&text) {
            Ok(inner @ (Value::String(_) | Value::Array(_))) => inner,
            _ => Value::String(text),
        },
        other => other,
    };
    match output {
        Value::String(text) => ToolOutcome::ok(text),
        Value::Array(blocks) => match blocks.iter().map(block).collect::<Option<Vec<_>>>() {
            Some(content) if !content.is_empty() => ToolOutcome::Ok { content },
            _ => ToolOutcome::ok(dumps(&blocks)),
        },
        other => ToolOutcome::ok(dumps(&other)),
    }
}

fn block(block: &Value) -> Option<Content> {
    match block["type"].as_str()? {
        "text" => Some(Content::text(block["text"].as_str()?)),
        "image" => {
            let (media_type, data) = match block["image_url"].as_str() {
                Some(url) => data_url(url)?,
                None => (block["source"]["media_type"].as_str()?, block["source"]["data"].as_str()?),
            };
            image(media_type, data, &Place::message(0)).ok()
        }
        _ => None,
    }
}
