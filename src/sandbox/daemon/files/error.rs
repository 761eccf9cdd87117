//! What goes wrong with files.

use std::io;

use http::StatusCode;
use rustix::io::Errno;

/// Paths are as the caller wrote them.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("there is no `{0}`")]
    NotFound(String),
    #[error("`{0}` is outside the workspace")]
    Outside(String),
    #[error("`{path}` cannot be changed: {reason}")]
    Denied { path: String, reason: &'static str },
    #[error("`{0}` is a folder")]
    IsFolder(String),
    #[error("`{0}` is not a folder")]
    NotFolder(String),
    #[error("`{path}` is {kind}, not a regular file")]
    NotRegular { path: String, kind: &'static str },
    #[error("`{0}` exists already")]
    Exists(String),
    #[error("`{path}` is not text in UTF-8 ({size} bytes)")]
    NotText { path: String, size: u64 },
    #[error("{what} is larger than {most} bytes")]
    TooLarge { what: String, most: u64 },
    #[error("{what} has more than {most} entries")]
    TooMany { what: String, most: usize },
    #[error("`{0}` is nested too deeply")]
    TooDeep(String),
    #[error("there is no space left to write `{0}`")]
    NoSpace(String),
    /// Arguments that no file system would make sense of.
    #[error("{0}")]
    Invalid(String),
    /// An edit that does not fit the file.
    #[error("{0}")]
    NoMatch(String),
    #[error("the archive is refused: {0}")]
    Archive(String),
    #[error("the range is not in the file, which has {size} bytes")]
    Range { size: u64 },
    #[error("`{path}` could not be used: {source}")]
    Io { path: String, source: io::Error },
}

impl FileError {
    /// For `map_err`: what the system says of `path`.
    pub(super) fn of(path: &str) -> impl Fn(Errno) -> Self + use<> {
        let path = path.to_owned();
        move |errno| {
            let path = path.clone();
            match errno {
                Errno::NOENT => Self::NotFound(path),
                Errno::NOTDIR => Self::NotFolder(path),
                Errno::ISDIR => Self::IsFolder(path),
                Errno::EXIST | Errno::NOTEMPTY => Self::Exists(path),
                Errno::ACCESS | Errno::PERM => Self::Denied { path, reason: "permission denied" },
                Errno::ROFS => Self::Denied { path, reason: "it is read-only" },
                // A mount point: that is how single files are protected.
                Errno::BUSY => Self::Denied { path, reason: "it is protected" },
                Errno::NXIO => Self::NotRegular { path, kind: "a socket" },
                Errno::LOOP => Self::Invalid(format!("`{path}` leads through too many symbolic links")),
                Errno::NAMETOOLONG => Self::Invalid(format!("`{}` is too long", crate::tool::cap::short(&path, 64))),
                Errno::NOSPC | Errno::DQUOT | Errno::FBIG => Self::NoSpace(path),
                _ => Self::Io { path, source: errno.into() },
            }
        }
    }

    /// As [`FileError::of`], for errors of the standard library.
    pub(super) fn io(path: &str) -> impl Fn(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| match Errno::from_io_error(&source) {
            Some(errno) => Self::of(&path)(errno),
            None => Self::Io { path: path.clone(), source },
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Outside(_) | Self::Denied { .. } => StatusCode::FORBIDDEN,
            Self::IsFolder(_) | Self::NotFolder(_) | Self::NotRegular { .. } | Self::Exists(_) => StatusCode::CONFLICT,
            Self::NotText { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge { .. } | Self::TooMany { .. } | Self::TooDeep(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NoSpace(_) => StatusCode::INSUFFICIENT_STORAGE,
            Self::Invalid(_) | Self::NoMatch(_) => StatusCode::BAD_REQUEST,
            Self::Archive(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Range { .. } => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::Io { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// For programs.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "not_found",
            Self::Outside(_) => "outside",
            Self::Denied { .. } => "denied",
            Self::IsFolder(_) => "is_folder",
            Self::NotFolder(_) => "not_folder",
            Self::NotRegular { .. } => "not_regular",
            Self::Exists(_) => "exists",
            Self::NotText { .. } => "not_text",
            Self::TooLarge { .. } => "too_large",
            Self::TooMany { .. } => "too_many",
            Self::TooDeep(_) => "too_deep",
            Self::NoSpace(_) => "no_space",
            Self::Invalid(_) => "invalid",
            Self::NoMatch(_) => "no_match",
            Self::Archive(_) => "archive",
            Self::Range { .. } => "range",
            Self::Io { .. } => "io",
        }
    }
}
