//! Files that go with a message.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

use base64::Engine as _;

use crate::domain::{Content, Image};

/// More text than any model's window holds is a mistake.
const MOST_TEXT: u64 = 4 << 20;
/// What providers accept at most.
const MOST_IMAGE: u64 = 20 << 20;

/// Why a file cannot go with a message. Names are as they were given.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    #[error("there is no file `{name}`")]
    NotFound { name: String },
    #[error("could not read `{name}`")]
    Read { name: String, source: std::io::Error },
    #[error("{what} is larger than {most} MiB{}", if *.text { " of text" } else { "" })]
    TooLarge { what: String, most: u64, text: bool },
    #[error("{what} is not text: {why}")]
    NotText { what: String, why: String },
}

impl AttachError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotText { .. } => Some("text in UTF-8 and PNG, JPEG, GIF and WebP images can be sent"),
            Self::NotFound { .. } | Self::Read { .. } | Self::TooLarge { .. } => None,
        }
    }
}

/// The files as parts of a message: images as images, the rest as text. Relative paths start at `folder`. Waits for the
/// disk.
///
/// # Errors
/// A file that is not there, cannot be read, is too large, or is neither text nor an image.
pub fn attach(files: &[PathBuf], folder: &Path) -> Result<Vec<Content>, AttachError> {
    files.iter().map(|file| one(file, folder)).collect()
}

fn one(file: &Path, folder: &Path) -> Result<Content, AttachError> {
    let name = file.display().to_string();
    let bytes = read(&folder.join(file), &name)?;
    Ok(match Image::type_of(&bytes) {
        Some(media_type) => Content::Image(Image {
            media_type: media_type.to_owned(),
            data: base64::engine::general_purpose::STANDARD.encode(bytes),
        }),
        None => named_text(&name, &text(bytes, &format!("`{name}`"))?),
    })
}

fn read(path: &Path, name: &str) -> Result<Vec<u8>, AttachError> {
    let failed = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound => AttachError::NotFound { name: name.to_owned() },
        _ => AttachError::Read { name: name.to_owned(), source },
    };
    let mut bytes = vec![];
    std::fs::File::open(path).and_then(|file| file.take(MOST_IMAGE + 1).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() as u64 > MOST_IMAGE {
        return Err(AttachError::TooLarge { what: format!("`{name}`"), most: MOST_IMAGE >> 20, text: false });
    }
    Ok(bytes)
}

/// Text from outside, as a message may hold it. `what` is said of it where it is not.
///
/// # Errors
/// Too much, or no text.
pub fn text(bytes: Vec<u8>, what: &str) -> Result<String, AttachError> {
    let what = || what.to_owned();
    if bytes.len() as u64 > MOST_TEXT {
        return Err(AttachError::TooLarge { what: what(), most: MOST_TEXT >> 20, text: true });
    }
    let text = String::from_utf8(bytes).map_err(|error| AttachError::NotText {
        what: what(),
        why: format!("byte {} is not UTF-8", error.utf8_error().valid_up_to() + 1),
    })?;
    if text.contains('\0') {
        return Err(AttachError::NotText { what: what(), why: "it holds NUL bytes".to_owned() });
    }
    Ok(text)
}

/// A text with its name, as a model is told of it.
#[must_use]
pub fn named_text(name: &str, text: &str) -> Content {
    Content::text(format!("<file name=\"{name}\">\n{text}\n</file>"))
}
