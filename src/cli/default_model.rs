//! The model of an agent file that names none, as the command line says it.

use super::{CliError, Cx};
use crate::{config::Keys, model::DefaultModel};

/// The model of an agent file that names none.
///
/// # Errors
/// Settings that cannot be read.
pub(super) async fn find(keys: &Keys, cx: &Cx) -> Result<DefaultModel, CliError> {
    Ok(DefaultModel::find(keys, &cx.paths, &cx.http).await?)
}

/// The same, said on standard error.
///
/// # Errors
/// Settings that cannot be read.
pub(super) async fn found(keys: &Keys, cx: &Cx) -> Result<String, CliError> {
    let default = find(keys, cx).await?;
    say(&default, cx);
    Ok(default.reference)
}

/// Says it on standard error.
pub(super) fn say(default: &DefaultModel, cx: &Cx) {
    cx.printer.stderr(&format!("model: {} ({})\n", default.reference, default.because));
}
