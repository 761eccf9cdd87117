//! The listener of a deployment on this machine.

use std::{
    collections::BTreeSet,
    io,
    net::{IpAddr, TcpListener},
};

use super::{ask, names, place::Place, record::Record};
use crate::deploy::{DeployError, plan::Desired};

/// So many are tried.
const TRIED: u16 = 1000;

/// The one that was asked for, else the one that the deployment has, else the next that is free. Blocks the thread.
///
/// # Errors
/// A port that was asked for and is taken; an address that is none of this machine.
pub(super) fn listener(
    desired: &Desired,
    record: Option<&Record>,
    place: &Place,
) -> Result<(TcpListener, IpAddr), DeployError> {
    let publish = &desired.spec["publish"];
    let host = publish["host"].as_str().and_then(|host| host.parse().ok()).unwrap_or(IpAddr::from([127, 0, 0, 1]));
    let asked = publish["port"].as_u64().and_then(|port| u16::try_from(port).ok());
    let kept = record.filter(|record| record.host == host && asked.is_none_or(|asked| asked == record.port));
    if let Some(record) = kept
        && let Ok(listener) = ask::listener(place, &record.supervisor)
    {
        return Ok((listener, host));
    }
    if let Some(port) = asked {
        let listener = bind(host, port)?.ok_or(DeployError::PortTaken { port })?;
        return Ok((listener, host));
    }
    if let Some(record) = kept
        && let Some(listener) = bind(host, record.port)?
    {
        return Ok((listener, host));
    }
    let first = desired.spec["port"].as_u64().and_then(|port| u16::try_from(port).ok()).unwrap_or_default();
    let others = of_others(place);
    for port in (first..=first.saturating_add(TRIED)).filter(|port| !others.contains(port)) {
        if let Some(listener) = bind(host, port)? {
            return Ok((listener, host));
        }
    }
    Err(DeployError::PortTaken { port: first.saturating_add(TRIED) })
}

/// `None` where it is taken.
fn bind(host: IpAddr, port: u16) -> Result<Option<TcpListener>, DeployError> {
    match TcpListener::bind((host, port)) {
        Ok(listener) => Ok(Some(listener)),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(None),
        Err(error) => Err(DeployError::Usage {
            what: format!("`{host}` cannot be listened on at port {port}: {error}"),
            hint: "choose an address of this machine with `--host`, and a port above 1023 with `--port`".to_owned(),
        }),
    }
}

/// Ports that other deployments keep: free, too, while they do not run.
fn of_others(place: &Place) -> BTreeSet<u16> {
    let Some(root) = place.folder.parent() else { return BTreeSet::new() };
    let others = names(root).into_iter().filter_map(|name| Place::new(root, &name).ok());
    let others = others.filter(|other| other.folder != place.folder);
    others.filter_map(|other| Some(Record::read(&other.record()).ok()??.port)).collect()
}
