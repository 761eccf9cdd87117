//! The network namespace of a box. To make one takes the kernel as long as it takes us to put the root folder together, so
//! both are done at once: by the process that has started the box's first one, and would have nothing left to do.

use std::os::{
    fd::{AsFd as _, OwnedFd},
    unix::net::UnixStream,
};

use rustix::{
    fs::{Mode, OFlags},
    thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space},
};

use super::{
    config::{During as _, Phase, Trouble},
    sys,
};
use crate::sandbox::handoff;

/// What the two processes share before they are two.
pub(super) struct Handover {
    maker: UnixStream,
    member: UnixStream,
    /// Of the maker, which is moved to the new root folder with its first process: paths lead elsewhere then.
    namespaces: OwnedFd,
}

impl Handover {
    /// In the process that makes it, before there is the other.
    ///
    /// # Errors
    /// As the system says.
    pub(super) fn new() -> Result<Self, Trouble> {
        let (maker, member) = UnixStream::pair().during(Phase::Confinement, "make a pair of sockets")?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let namespaces = rustix::fs::open("/proc/self/ns", flags, Mode::empty());
        Ok(Self { maker, member, namespaces: namespaces.during(Phase::Namespaces, "open the namespaces")? })
    }

    /// Makes the namespace and hands it over, or why there is none. This process is in it afterwards.
    pub(super) fn make(self) {
        let made = make(&self.namespaces);
        let (said, namespace) = match &made {
            Ok(namespace) => (Ok(()), vec![namespace.as_fd()]),
            Err(trouble) => (Err(trouble), vec![]),
        };
        // Where nobody waits for it, nobody needs it.
        let _ = handoff::send(&self.maker, &said, &namespace);
    }

    /// Enters the namespace that the other process makes.
    ///
    /// # Errors
    /// What the other says.
    pub(super) fn join(self) -> Result<(), Trouble> {
        // Else it would never end where the other process is gone.
        drop(self.maker);
        let received = handoff::receive::<Result<(), Trouble>>(&self.member);
        let (made, namespaces) = received.during(Phase::Namespaces, "make namespaces")?;
        made?;
        let namespace = namespaces.first().ok_or("none came").during(Phase::Namespaces, "make namespaces")?;
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
            .during(Phase::Namespaces, "enter the network namespace")
    }
}

fn make(namespaces: &OwnedFd) -> Result<OwnedFd, Trouble> {
    sys::unshare(UnshareFlags::NEWNET).during(Phase::Namespaces, "make namespaces")?;
    sys::loopback_up().during(Phase::Namespaces, "bring up the loopback interface")?;
    rustix::fs::openat(namespaces, "net", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .during(Phase::Namespaces, "open the network namespace")
}
