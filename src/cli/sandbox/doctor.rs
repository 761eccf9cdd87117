//! `agentscope sandbox doctor`.

use clap::Args;

use super::made_of::BackendChoice;
use crate::{
    cli::{CliError, Cx, Exit, Output},
    sandbox::{BackendKind, Sandboxes},
    ui::{printable, style},
};

/// Show what isolation this machine offers, layer by layer, and how to get more
///
/// With --prove, find out instead of believing: a sandbox is made with the defaults, some fifty ways out of it are tried
/// from inside, and each is shown with what stopped it. They aim at files, a process and ports that are made for it
/// outside, so nothing of yours is touched where one succeeds.
#[derive(Debug, Args)]
#[command(after_help = "The exit code is 1 where no backend with isolation can be used, and where an attempt escaped.

Examples:
  agentscope sandbox doctor
  agentscope sandbox doctor --prove --backend local")]
pub(super) struct DoctorArgs {
    /// The form of the result
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    pub(super) output: Output,
    /// Try to get out, in a sandbox of each backend with isolation that can be used here
    #[arg(long)]
    prove: bool,
    /// Only in one of this backend
    #[arg(long, value_enum, value_name = "BACKEND", requires = "prove")]
    pub(super) backend: Option<BackendChoice>,
    /// For backends with images: this one, which has Python, instead of the default
    #[arg(long, value_name = "IMAGE", requires = "prove")]
    pub(super) image: Option<String>,
}

pub(super) async fn run(args: &DoctorArgs, all: &Sandboxes, cx: &Cx) -> Result<Exit, CliError> {
    if args.prove {
        return super::prove::run(args, all, cx).await;
    }
    let probes = all.probe().await;
    match args.output {
        Output::Json => cx.printer.json(&probes)?,
        Output::Text => {
            let heading = cx.printer.out_style(style::HEADING);
            let mut text = String::new();
            for probe in &probes {
                let what = probe.confinement.as_ref().map_or_else(
                    || "cannot be used here".to_owned(),
                    |confinement| format!("tier {}", confinement.tier),
                );
                text.push_str(&format!("{heading}{}{heading:#}: {what}\n", probe.backend));
                for layer in probe.confinement.iter().flat_map(|confinement| &confinement.layers) {
                    text.push_str(&super::layer(layer, cx));
                }
                if let Some(hint) = &probe.hint {
                    text.push_str(&format!("  hint: {}\n", printable(hint)));
                }
            }
            cx.printer.stdout(&text)?;
        }
    }
    let usable = probes.iter().any(|probe| probe.backend != BackendKind::Host && probe.confinement.is_some());
    Ok(if usable { Exit::Done } else { Exit::Failed })
}
