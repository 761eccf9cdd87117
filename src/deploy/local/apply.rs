//! A new revision, or one that is there already, is made the one that serves.

use std::{collections::BTreeMap, net::IpAddr, net::TcpListener, time::Duration};

use super::{
    Local, TARGET, ask, blocking, end, observe,
    place::{Place, drop_folder},
    port,
    record::{Kept, Record},
    wire::{Begin, Serving, Variables},
};
use crate::{
    config::{FileLock, SERVE_TOKEN, Secret, agent_file::Smoke},
    deploy::{
        Artefact, DeployError, Progress,
        plan::{self, Desired, Plan},
    },
    sandbox,
};

/// Revisions that stay, the current one among them.
const KEPT: usize = 5;

/// What a revision is begun with.
struct Starting<'a> {
    number: u32,
    listener: (TcpListener, IpAddr),
    record: Option<Record>,
    kept: Kept,
    variables: Variables,
    smoke: Option<&'a Smoke>,
    patience: Duration,
}

impl Local {
    /// Makes what `plan` wants of what there is now; `false` where that is so already.
    pub(super) async fn make(
        &self,
        plan: Plan,
        lock: &FileLock,
        patience: Duration,
        progress: &dyn Progress,
    ) -> Result<bool, DeployError> {
        let name = plan.desired.name.clone();
        let place = self.place(&name)?;
        // Others may have changed it since it was planned.
        let (observed, record) = {
            let (name, place) = (name.clone(), place.clone());
            blocking(move || Ok((observe::observed(&name, &place)?, Record::read(&place.record())?))).await?
        };
        let plan = plan::diff(plan.desired, observed);
        if !plan.changed() {
            return Ok(false);
        }
        self.sweep(&place, record.as_ref()).await?;
        let number = plan.revision();
        progress.step(&format!("making revision {number}"), None, None);
        let listener = {
            let (desired, record, place) = (plan.desired.clone(), record.clone(), place.clone());
            blocking(move || port::listener(&desired, record.as_ref(), &place)).await?
        };
        let there =
            record.as_ref().and_then(|record| record.kept(number)).filter(|_| plan.changed() && plan.keeps_revision());
        let (kept, new) = match there {
            Some(kept) => (kept.clone(), false),
            None => (keep(&place, &plan.desired, number)?, true),
        };
        let variables = exposed(&plan.desired.secrets);
        let smoke = plan.desired.smoke.as_ref();
        let existed = record.is_some();
        let starting = Starting { number, listener, record, kept, variables, smoke, patience };
        if let Err(error) = self.serve(&place, &name, starting, lock, progress).await {
            if new {
                // What failed is not kept: the number is free again.
                let _ = drop_folder(&place.revision(number));
            }
            if !existed {
                let _ = std::fs::remove_dir(place.revisions());
                let _ = std::fs::remove_dir(place.data());
                let _ = std::fs::remove_dir(&place.folder);
            }
            let runs = plan.observed.url.is_some();
            return Err(if runs { error.leaving("the old revision goes on as before") } else { error });
        }
        prune(&place);
        Ok(true)
    }

    async fn serve(
        &self,
        place: &Place,
        name: &str,
        starting: Starting<'_>,
        lock: &FileLock,
        progress: &dyn Progress,
    ) -> Result<(), DeployError> {
        let Starting { number, listener: (listener, host), record, kept, mut variables, smoke, patience } = starting;
        let port = listener.local_addr().map_err(DeployError::io("look at the listener"))?.port();
        let before = record.as_ref().map(|record| record.supervisor.clone());
        // The token stays while somebody has it.
        let token = before.and_then(|id| ask::secrets(place, &id).ok()).map(|secrets| secrets.token);
        let token = token.unwrap_or_else(|| sandbox::Token::random().expose().to_owned());
        variables.insert(SERVE_TOKEN.to_owned(), token.clone());
        let serving = Serving {
            agent: place.agent(number, &kept.agent_file),
            profile: kept.spec["profile"].as_str().map(str::to_owned),
            host,
            variables,
        };
        let id = uuid::Uuid::now_v7().simple().to_string();
        let mut next = match record {
            Some(record) => record,
            None => Record::new(name, host, port, kept.clone()),
        };
        next.revisions.retain(|other| other.number != number);
        next.revisions.push(kept);
        next.revisions.sort_by_key(|kept| kept.number);
        while next.revisions.len() > KEPT {
            // Never the one that is about to serve, which may be an old one again.
            let oldest = next.revisions.iter().position(|kept| kept.number != number).unwrap_or_default();
            next.revisions.remove(oldest);
        }
        (next.host, next.port, next.current, next.stopped) = (host, port, number, false);
        next.supervisor.clone_from(&id);
        let begin = Begin {
            id,
            number,
            serving,
            token,
            smoke: smoke.map(|smoke| (smoke.prompt.clone(), smoke.expect.clone())),
            patience: patience.as_secs(),
            record: next,
        };
        self.begin(place, &begin, &listener, lock, progress).await
    }

    /// Lets an earlier revision serve again.
    pub(super) async fn back(
        &self,
        name: &str,
        to: Option<u32>,
        lock: &FileLock,
        patience: Duration,
        progress: &dyn Progress,
    ) -> Result<(), DeployError> {
        let (place, record) = self.there(name)?;
        let number = wanted(&record, to)?;
        let Some(mut kept) = record.kept(number).cloned() else { return Err(super::missing(name)) };
        self.sweep(&place, Some(&record)).await?;
        let desired = Desired {
            name: name.to_owned(),
            // Where callers reach it stays, whatever that revision was asked for.
            spec: serde_json::json!({
                "publish": { "host": record.host.to_string(), "port": record.port },
            }),
            artefact: None,
            secrets: self.values(&place, &record, &kept)?,
            smoke: None,
            notes: vec![],
        };
        kept.secrets = desired.secrets.iter().map(|(name, value)| (name.clone(), plan::fingerprint(value))).collect();
        let variables = exposed(&desired.secrets);
        let listener = {
            let (record, place) = (record.clone(), place.clone());
            blocking(move || port::listener(&desired, Some(&record), &place)).await?
        };
        let record = Some(record);
        let starting = Starting { number, listener, record, kept, variables, smoke: None, patience };
        self.serve(&place, name, starting, lock, progress).await
    }

    /// The values that a revision needs: those that the supervisor has, where they are the same, else those that are set
    /// here.
    fn values(&self, place: &Place, record: &Record, kept: &Kept) -> Result<BTreeMap<String, Secret>, DeployError> {
        let had = ask::secrets(place, &record.supervisor).map(|secrets| secrets.variables).unwrap_or_default();
        let mut lacking = vec![];
        let mut values = BTreeMap::new();
        for (name, fingerprint) in &kept.secrets {
            let same = had.get(name).map(|value| Secret::from(value.as_str()));
            let same = same.filter(|value| plan::is_of(fingerprint, value));
            match same.or_else(|| self.keys.get(name)) {
                Some(value) => drop(values.insert(name.clone(), value)),
                None => lacking.push(format!("`{name}`")),
            }
        }
        if lacking.is_empty() {
            return Ok(values);
        }
        Err(DeployError::Usage {
            what: format!("revision {} of `{TARGET}/{}` needs {} again", kept.number, record.name, lacking.join(", ")),
            hint: "secrets are in the memory of what runs alone: set the variables, and try again".to_owned(),
        })
    }

    /// Ends what commands and supervisors that died left behind.
    async fn sweep(&self, place: &Place, record: Option<&Record>) -> Result<(), DeployError> {
        let (place, keep) = (place.clone(), record.map(|record| record.supervisor.clone()));
        blocking(move || end::left(&place, keep.as_deref())).await
    }
}

fn wanted(record: &Record, to: Option<u32>) -> Result<u32, DeployError> {
    let id = format!("{TARGET}/{}", record.name);
    let others = || record.revisions.iter().map(|kept| kept.number).filter(|number| *number != record.current);
    let found = match to {
        Some(number) if number == record.current => {
            return Err(DeployError::Usage {
                what: format!("revision {number} of `{id}` is the current one"),
                hint: "`agentscope status` shows its revisions".to_owned(),
            });
        }
        Some(number) => others().find(|other| *other == number),
        None => others().filter(|other| *other < record.current).max(),
    };
    found.ok_or_else(|| DeployError::NotFound {
        what: match to {
            Some(number) => format!("`{id}` has no revision {number}"),
            None => format!("`{id}` has no revision before {}", record.current),
        },
        hint: "`agentscope status` shows those that there are".to_owned(),
    })
}

/// Puts the files of a new revision in their place.
fn keep(place: &Place, desired: &Desired, number: u32) -> Result<Kept, DeployError> {
    let Some(Artefact::Files(assets)) = &desired.artefact else {
        return Err(DeployError::Failed { what: "there are no files to deploy".to_owned(), hint: None });
    };
    place.keep(number, &assets.files)?;
    Ok(Kept {
        number,
        created: jiff::Timestamp::now().as_second(),
        spec: desired.spec.clone(),
        agent_file: assets.agent_file.clone(),
        secrets: desired.secrets.iter().map(|(name, value)| (name.clone(), plan::fingerprint(value))).collect(),
    })
}

fn exposed(secrets: &BTreeMap<String, Secret>) -> Variables {
    secrets.iter().map(|(name, value)| (name.clone(), value.expose().to_owned())).collect()
}

/// Removes the files of revisions that the record does not have any more. What stays now goes with the next.
fn prune(place: &Place) {
    let Ok(Some(record)) = Record::read(&place.record()) else { return };
    for entry in std::fs::read_dir(place.revisions()).into_iter().flatten().flatten() {
        let number = entry.file_name().to_str().and_then(|name| name.parse().ok());
        if number.is_none_or(|number| record.kept(number).is_none()) {
            let _ = drop_folder(&entry.path());
        }
    }
}
