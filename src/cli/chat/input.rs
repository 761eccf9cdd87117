//! What the user wants to say: `-q`, PROMPT, standard input, attached files.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

use base64::Engine as _;

use crate::{
    cli::{CliError, Cx},
    domain::{Content, Image},
};

/// More text than any model's window holds is a mistake.
const MOST_TEXT: u64 = 4 << 20;
/// What providers accept at most.
const MOST_IMAGE: u64 = 20 << 20;

/// All of standard input, as text.
///
/// # Errors
/// Empty, too long, or not UTF-8: exit code 2.
pub(super) fn standard_input() -> Result<String, CliError> {
    let mut bytes = vec![];
    std::io::stdin()
        .lock()
        .take(MOST_TEXT + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| CliError::failed("could not read standard input").because(&error))?;
    let text = text_of(bytes, "standard input")?;
    if text.trim().is_empty() {
        return Err(CliError::usage("standard input is empty").hint("say something with `-q TEXT`, or pipe it in"));
    }
    Ok(text)
}

/// The attached files as parts of a message: images as images, the rest as text; `-` is standard input.
///
/// # Errors
/// A file that is not there (4), cannot be read (1), or is neither text nor an image (2).
pub(super) fn attachments(files: &[PathBuf], cx: &Cx) -> Result<Vec<Content>, CliError> {
    files
        .iter()
        .map(|file| {
            if file == Path::new("-") {
                return Ok(as_text("standard input", &standard_input()?));
            }
            let name = file.display().to_string();
            let bytes = read(&cx.env.cwd.join(file), &name)?;
            match image_type(&bytes) {
                Some(media_type) => Ok(Content::Image(Image {
                    media_type: media_type.to_owned(),
                    data: base64::engine::general_purpose::STANDARD.encode(bytes),
                })),
                None => Ok(as_text(&name, &text_of(bytes, &format!("`{name}`"))?)),
            }
        })
        .collect()
}

fn read(path: &Path, name: &str) -> Result<Vec<u8>, CliError> {
    let failed = |error: &std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => CliError::not_found(format!("there is no file `{name}`")),
        _ => CliError::failed(format!("could not read `{name}`")).because(error),
    };
    let mut bytes = vec![];
    std::fs::File::open(path)
        .and_then(|file| file.take(MOST_IMAGE + 1).read_to_end(&mut bytes))
        .map_err(|error| failed(&error))?;
    if bytes.len() as u64 > MOST_IMAGE {
        return Err(CliError::usage(format!("`{name}` is larger than {} MiB", MOST_IMAGE >> 20)));
    }
    Ok(bytes)
}

fn text_of(bytes: Vec<u8>, what: &str) -> Result<String, CliError> {
    if bytes.len() as u64 > MOST_TEXT {
        return Err(CliError::usage(format!("{what} is larger than {} MiB of text", MOST_TEXT >> 20)));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        CliError::usage(format!("{what} is not text: byte {} is not UTF-8", error.utf8_error().valid_up_to() + 1))
            .hint("text in UTF-8 and PNG, JPEG, GIF and WebP images can be sent")
    })?;
    if text.contains('\0') {
        return Err(CliError::usage(format!("{what} is not text: it holds NUL bytes")));
    }
    Ok(text)
}

fn as_text(name: &str, text: &str) -> Content {
    Content::text(format!("<file name=\"{name}\">\n{text}\n</file>"))
}

/// By the first bytes, as the formats define them; names lie.
fn image_type(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}
