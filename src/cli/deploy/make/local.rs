//! For `local`: the files of the agent, which this program runs itself.

use super::{Prepared, Ready, tools};
use crate::{
    cli::{
        CliError, Cx,
        deploy::{DeployArgs, targets},
    },
    deploy::Artefact,
};

pub(super) async fn ready(mut prepared: Prepared, args: &DeployArgs, cx: &Cx) -> Result<Ready, CliError> {
    for (flag, given) in [("--base", args.base.is_some()), ("--runtime-binary", args.runtime_binary.is_some())] {
        if given {
            return Err(CliError::usage(format!("`{flag}` is about images, and `local` makes none"))
                .hint("leave it out: this program and those of this machine are used"));
        }
    }
    tools::on_this_machine(&mut prepared, cx).await?;
    let agent_hash = prepared.assets.hash()?.to_string();
    let artefact = Artefact::Files(Box::new(prepared.assets.clone()));
    let place = prepared.name.clone();
    Ok(Ready { deployer: Box::new(targets::local(cx)?), place, request: prepared.request(args, artefact, agent_hash) })
}
