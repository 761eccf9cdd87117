//! How a deployment on this machine is: the supervisor is asked, the record says the rest.

use std::io;

use super::{
    TARGET, ask,
    place::Place,
    record::{Kept, Record},
    wire::{Phase, Standing},
};
use crate::deploy::{
    DeployError,
    plan::{Observed, Revision, State},
};

/// Blocks the thread.
pub(super) fn observed(name: &str, place: &Place) -> Result<Observed, DeployError> {
    let Some(record) = Record::read(&place.record())? else { return Ok(without(name, State::Stopped)) };
    let (state, detail) = state(place, &record);
    let runs = matches!(state, State::Running | State::Starting | State::Failing);
    let revisions = record.revisions.iter().map(|kept| {
        let current = kept.number == record.current;
        let (state, detail) = if current { (state, detail.clone()) } else { (State::Stopped, String::new()) };
        revision(kept, current, state, detail)
    });
    Ok(Observed { revisions: revisions.collect(), url: runs.then(|| url(&record)), ..without(name, state) })
}

/// For a list: one whose record cannot be used is there, too, and keeps nobody from the others. Blocks the thread.
pub(super) fn listed(name: &str, place: &Place) -> Option<Observed> {
    match observed(name, place) {
        Ok(observed) => Some(observed).filter(Observed::exists),
        Err(_) => Some(without(name, State::Unknown)),
    }
}

/// Of which no revision is known.
fn without(name: &str, state: State) -> Observed {
    Observed {
        id: format!("{TARGET}/{name}"),
        name: name.to_owned(),
        target: TARGET,
        state,
        url: None,
        revisions: vec![],
        drift: vec![],
    }
}

/// Of the current revision.
fn state(place: &Place, record: &Record) -> (State, String) {
    match ask::standing(place, &record.supervisor) {
        Ok(Standing { phase, detail, .. }) => match phase {
            Phase::Running => (State::Running, detail),
            Phase::Starting => (State::Starting, detail),
            Phase::Failing => (State::Failing, detail),
        },
        Err(error) if is_gone(&error) => {
            let detail = if record.stopped { "" } else { "its supervisor ended without being told to" };
            (State::Stopped, detail.to_owned())
        }
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
            (State::Failing, format!("its supervisor does not answer within {} s", ask::PATIENCE.as_secs()))
        }
        Err(error) => (State::Failing, format!("its supervisor does not answer: {error}")),
    }
}

/// Whether this is how a socket of a process that ended fails.
pub(super) fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

fn revision(kept: &Kept, current: bool, state: State, detail: String) -> Revision {
    Revision {
        number: kept.number,
        current,
        state,
        created: kept.created,
        agent_hash: kept.spec["agent_hash"].as_str().unwrap_or_default().to_owned(),
        spec: kept.spec.clone(),
        secrets: kept.secrets.clone(),
        detail,
    }
}

fn url(record: &Record) -> String {
    format!("http://{}", crate::deploy::probe::reached((record.host, record.port).into()))
}
