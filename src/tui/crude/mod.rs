//! A transcript that does the least.

mod transcript;

pub use self::transcript::Transcript;
