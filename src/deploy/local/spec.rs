//! What a deployment on this machine is to be, as a document.

use serde_json::json;

use super::place::Place;
use crate::deploy::{DeployRequest, plan::Desired};

pub(super) fn desired(request: &DeployRequest, place: &Place) -> Desired {
    let data = place.data().display().to_string();
    let spec = json!({
        "agent_hash": request.agent_hash,
        "version": env!("CARGO_PKG_VERSION"),
        "profile": request.profile,
        // The first that is tried.
        "port": request.port,
        "publish": {
            "host": request.publish.host.to_string(),
            // Absent, one that is free is taken and kept.
            "port": request.publish.port,
        },
        "data": data,
    });
    let mut notes = request.notes.clone();
    notes.push(format!("sessions and memory are kept in `{data}`, from one revision to the next"));
    notes.push(
        "it ends with this machine, and `agentscope deploy local` starts it again; its secrets are in the memory of a \
         process alone, so they are needed again then, and for a rollback"
            .to_owned(),
    );
    notes.push(
        "a new revision takes over without a gap; turns that run on the old one have some seconds to end".to_owned(),
    );
    Desired::of(request, spec, notes)
}
