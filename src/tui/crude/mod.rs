//! A composer and a transcript that do the least.

mod composer;
mod transcript;

pub use self::{
    composer::{Composer, Draft, Outcome},
    transcript::Transcript,
};
