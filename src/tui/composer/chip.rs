//! What stands in the text as one piece: a large paste, a file, an image.

use std::{path::PathBuf, sync::Arc};

/// Chips are single characters of a plane that nobody types: the text stays a plain string, and a chip can neither be
/// split nor half deleted. Whatever brings such a character along loses it when it is put in.
const FIRST: u32 = 0x10_0000;
const LAST: u32 = 0x10_FFFD;

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Chip {
    /// Expanded when the message is sent.
    Pasted(Arc<str>),
    /// What was pasted may be the path of a file; until it is known it is no more than text.
    Perhaps(Arc<str>),
    /// Attached to the message.
    File { path: PathBuf, image: bool },
}

/// The character of the chip at `index`; `None` beyond what there is room for.
pub(super) fn character(index: usize) -> Option<char> {
    let code = FIRST.checked_add(u32::try_from(index).ok()?)?;
    if code > LAST { None } else { char::from_u32(code) }
}

/// Which chip a character is.
pub(super) fn index(c: char) -> Option<usize> {
    let code = u32::from(c);
    (FIRST..=LAST).contains(&code).then(|| (code - FIRST) as usize)
}

/// Text from outside as it may be put into a message: line ends are `\n`, and nothing drives a terminal or is a chip.
pub(super) fn clean(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let mended = text.chars().map(|c| match c {
        '\r' => '\n',
        '\n' | '\t' => c,
        c if c.is_control() || index(c).is_some() => '\u{fffd}',
        c => c,
    });
    mended.collect()
}

impl Chip {
    /// What is shown in its place. `nth` counts the images before it.
    pub(super) fn label(&self, nth: usize) -> String {
        match self {
            Self::Pasted(text) => match text.lines().count() {
                0 | 1 => format!("[Pasted {} characters]", text.chars().count()),
                lines => format!("[Pasted {lines} lines]"),
            },
            Self::Perhaps(text) => text.to_string(),
            Self::File { image: true, .. } => format!("[Image #{}]", nth + 1),
            Self::File { path, image: false } => format!("[File {}]", path.display()),
        }
    }

    pub(super) fn is_image(&self) -> bool {
        matches!(self, Self::File { image: true, .. })
    }
}
