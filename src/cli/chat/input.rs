//! What the user wants to say: `-q`, PROMPT, standard input, attached files.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

use crate::{
    agent::attach::{self, AttachError},
    cli::{CliError, Cx, Exit},
    domain::Content,
};

/// A little more than is accepted.
const MOST: u64 = (4 << 20) + 1;

/// All of standard input, as text.
///
/// # Errors
/// Empty, too long, or not UTF-8: exit code 2.
pub(super) fn standard_input() -> Result<String, CliError> {
    let mut bytes = vec![];
    std::io::stdin()
        .lock()
        .take(MOST)
        .read_to_end(&mut bytes)
        .map_err(|error| CliError::failed("could not read standard input").because(&error))?;
    let text = attach::text(bytes, "standard input")?;
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
    let mut parts = vec![];
    for file in files {
        if file == Path::new("-") {
            parts.push(attach::named_text("standard input", &standard_input()?));
        } else {
            parts.extend(attach::attach(std::slice::from_ref(file), &cx.env.cwd)?);
        }
    }
    Ok(parts)
}

impl From<AttachError> for CliError {
    fn from(error: AttachError) -> Self {
        let exit = match error {
            AttachError::NotFound { .. } => Exit::NotFound,
            AttachError::Read { .. } => Exit::Failed,
            AttachError::TooLarge { .. } | AttachError::NotText { .. } => Exit::Usage,
        };
        let told = Self::from_error(exit, &error);
        match error.hint() {
            Some(hint) => told.hint(hint),
            None => told,
        }
    }
}
