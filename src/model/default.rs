//! The model of an agent file that names none: the user's setting, else what is found on this machine.

use std::sync::Arc;

use super::detect;
use crate::{
    config::{Keys, Paths, Settings, SettingsError},
    runtime::http::Http,
};

/// A model, and why it is this one.
#[derive(Clone, Debug)]
pub struct DefaultModel {
    /// What [`open`](super::open()) takes.
    pub reference: String,
    /// To tell the user.
    pub because: String,
}

impl DefaultModel {
    /// Finds it; servers of this machine are only looked for where nothing else says.
    ///
    /// # Errors
    /// Settings that cannot be read.
    pub async fn find(keys: &Keys, paths: &Paths, http: &Arc<Http>) -> Result<Self, SettingsError> {
        let settings = Settings::load(paths)?;
        if let Some(reference) = settings.model() {
            let because = format!("set in {}", settings.path().display());
            return Ok(Self { reference: reference.to_owned(), because });
        }
        let detected = detect::detect(keys, http).await;
        Ok(Self { reference: detected.reference, because: detected.because.to_string() })
    }
}
