//! What callers send besides text: images for the model, and files that are text after all.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    domain::{Content, Image},
    server::ApiError,
};

/// What every provider takes.
const IMAGES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// A file as base64; `field` is where it stood in the request.
///
/// # Errors
/// 400 for what is no base64, and for a kind of file that models cannot be given.
pub(super) fn file(media_type: &str, data: &str, field: &str) -> Result<Content, ApiError> {
    let kind = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let wrong = || ApiError::invalid(format!("`{field}` is not in base64"));
    let bytes = STANDARD.decode(data).map_err(|_| wrong())?;
    if IMAGES.contains(&kind.as_str()) {
        return Ok(Content::Image(Image { media_type: kind, data: data.to_owned() }));
    }
    let text = kind.starts_with("text/") || matches!(kind.as_str(), "application/json" | "application/yaml");
    match String::from_utf8(bytes) {
        Ok(text_of_file) if text => Ok(Content::text(text_of_file)),
        _ => Err(ApiError::invalid(format!(
            "`{field}` is `{media_type}`: taken are {} and text in UTF-8",
            IMAGES.map(|kind| format!("`{kind}`")).join(", ")
        ))),
    }
}

/// A file by its URL, which must hold it.
///
/// # Errors
/// 400 for any but a `data:` URL: what a caller names is not fetched, as it may be what only this machine reaches.
pub(super) fn url(url: &str, field: &str) -> Result<Content, ApiError> {
    let held = url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
    let (media_type, data) = held.ok_or_else(|| {
        ApiError::invalid(format!(
            "`{field}` must be a `data:` URL in base64: this server fetches nothing for a caller"
        ))
    })?;
    file(media_type, data, field)
}
