//! The parts of a message: text and images.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::Value;

use super::unsupported;
use crate::{
    domain::{Content, Image},
    server::ApiError,
};

/// The content of a message: text, or parts.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "`content` is text, or a list of parts each with a `type`")]
pub(in crate::server::protocol) enum Parts {
    Text(String),
    Parts(Vec<Part>),
}

/// A part, as either API writes it.
#[derive(Debug, Deserialize)]
pub(in crate::server::protocol) struct Part {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
    /// An URL, or an object with one.
    #[serde(default)]
    image_url: Option<Value>,
    #[serde(default)]
    file_id: Option<String>,
}

impl Parts {
    /// Text and images.
    ///
    /// # Errors
    /// 400 for what an agent cannot take.
    pub(in crate::server::protocol) fn content(self) -> Result<Vec<Content>, ApiError> {
        match self {
            Self::Text(text) => Ok(vec![Content::text(text)]),
            Self::Parts(parts) => parts.into_iter().map(Part::content).collect(),
        }
    }

    /// Text alone; `what` is the message that it belongs to.
    ///
    /// # Errors
    /// 400 for anything else.
    pub(in crate::server::protocol) fn text(self, what: &str) -> Result<String, ApiError> {
        let content = self.content()?;
        let text = content.into_iter().map(|part| match part {
            Content::Text { text } => Ok(text),
            _ => Err(ApiError::invalid(format!("{what} holds text and nothing else"))),
        });
        Ok(text.collect::<Result<Vec<_>, _>>()?.join("\n"))
    }
}

impl Part {
    fn content(self) -> Result<Content, ApiError> {
        match self.kind.as_str() {
            "text" | "input_text" | "output_text" => {
                self.text.map(Content::text).ok_or_else(|| ApiError::invalid("a part of text has no `text`"))
            }
            "refusal" => self.refusal.map(Content::text).ok_or_else(|| ApiError::invalid("a refusal has no `refusal`")),
            "image_url" | "input_image" => self.image(),
            kind => Err(unsupported(kind, "an agent takes text and images, and no such part")),
        }
    }

    fn image(self) -> Result<Content, ApiError> {
        if self.file_id.is_some() {
            return Err(unsupported("file_id", "there are no files here: send the image as a data URL"));
        }
        let url = match &self.image_url {
            Some(Value::String(url)) => Some(url.as_str()),
            Some(object) => object.get("url").and_then(Value::as_str),
            None => None,
        };
        let url = url.ok_or_else(|| ApiError::invalid("an image has no `image_url`"))?;
        data_url(url).map(Content::Image)
    }
}

/// Source: RFC 2397.
fn data_url(url: &str) -> Result<Image, ApiError> {
    let Some(rest) = url.strip_prefix("data:") else {
        return Err(unsupported(
            "image_url",
            "images are not fetched from where a caller says: send a data URL, `data:image/png;base64,…`",
        ));
    };
    let parsed = rest.split_once(',').and_then(|(head, data)| Some((head.strip_suffix(";base64")?, data)));
    let (media_type, data) = parsed.ok_or_else(|| unsupported("image_url", "a data URL of an image is in base64"))?;
    let media_type = media_type.split(';').next().unwrap_or_default().to_ascii_lowercase();
    if !media_type.starts_with("image/") {
        return Err(unsupported("image_url", &format!("`{media_type}` is no type of an image")));
    }
    if STANDARD.decode(data).map_or(true, |bytes| bytes.is_empty()) {
        return Err(unsupported("image_url", "the data is no base64"));
    }
    Ok(Image { media_type, data: data.to_owned() })
}
