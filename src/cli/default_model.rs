//! The model of an agent file that names none: the user's setting, else what is found on this machine.

use super::{CliError, Cx, Exit};
use crate::{
    config::{Keys, Settings},
    model,
};

pub(super) struct DefaultModel {
    /// What [`model::open`] takes.
    pub reference: String,
    /// Why it is this one, to tell the user.
    pub because: String,
}

/// The model of an agent file that names none, said on standard error.
///
/// # Errors
/// Settings that cannot be read.
pub(super) async fn said(keys: &Keys, cx: &Cx) -> Result<String, CliError> {
    let default = DefaultModel::find(keys, cx).await?;
    cx.printer.stderr(&format!("model: {} ({})\n", default.reference, default.because));
    Ok(default.reference)
}

impl DefaultModel {
    /// Finds it; servers of this machine are only looked for where nothing else says.
    ///
    /// # Errors
    /// Settings that cannot be read.
    pub(super) async fn find(keys: &Keys, cx: &Cx) -> Result<Self, CliError> {
        let settings = Settings::load(&cx.paths).map_err(|error| CliError::from_error(Exit::Usage, &error))?;
        if let Some(reference) = settings.model() {
            let because = format!("set in {}", settings.path().display());
            return Ok(Self { reference: reference.to_owned(), because });
        }
        let detected = model::detect(keys, &cx.http).await;
        Ok(Self { reference: detected.reference, because: detected.because.to_string() })
    }
}
