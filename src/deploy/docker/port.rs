//! The port of the host by which callers reach a deployment.

use std::{collections::BTreeSet, io, net::TcpListener, ops::RangeInclusive};

use super::{inside, observe::Container};
use crate::deploy::{DeployError, plan::Desired};

/// So many are tried.
const TRIED: u16 = 1000;

/// What was asked for, else what the deployment has, else one that is free.
pub(super) struct Port {
    asked: Option<u16>,
    kept: Option<u16>,
    host: String,
    /// Those that are still to be tried.
    free: RangeInclusive<u16>,
    /// Those of other deployments: free, too, while one of them is being replaced.
    of_others: BTreeSet<u16>,
    /// An engine elsewhere says itself whether a port is taken.
    is_here: bool,
}

impl Port {
    /// `all` are the containers of every deployment, `current` the one of this.
    pub(super) fn of(desired: &Desired, current: Option<&Container>, all: &[Container], is_here: bool) -> Self {
        let others = all.iter().filter(|container| container.deployment != desired.name);
        let publish = &desired.spec["publish"];
        let first = inside::port(&desired.spec);
        Self {
            asked: publish["port"].as_u64().and_then(|port| u16::try_from(port).ok()),
            kept: current.and_then(Container::bound_port),
            host: publish["host"].as_str().unwrap_or("127.0.0.1").to_owned(),
            free: first..=first.saturating_add(TRIED),
            of_others: others.filter_map(Container::bound_port).collect(),
            is_here,
        }
    }

    /// # Errors
    /// One was asked for that another has.
    pub(super) fn check(&self) -> Result<(), DeployError> {
        match self.asked.filter(|port| Some(*port) != self.kept && !self.is_free(*port)) {
            Some(port) => Err(DeployError::PortTaken { port }),
            None => Ok(()),
        }
    }

    pub(super) fn may_be_another(&self) -> bool {
        self.asked.is_none() && self.kept.is_none()
    }

    /// # Errors
    /// None is free.
    pub(super) fn next(&mut self) -> Result<u16, DeployError> {
        if let Some(port) = self.asked.or(self.kept) {
            return Ok(port);
        }
        while let Some(port) = self.free.next() {
            if !self.of_others.contains(&port) && self.is_free(port) {
                return Ok(port);
            }
        }
        Err(DeployError::PortTaken { port: *self.free.end() })
    }

    fn is_free(&self, port: u16) -> bool {
        // What else is in the way, such as a port that only the engine may open, the engine says itself.
        let in_use = |error: io::Error| error.kind() == io::ErrorKind::AddrInUse;
        let taken = self.is_here && TcpListener::bind((self.host.as_str(), port)).is_err_and(in_use);
        !taken
    }
}
