//! The network namespace of a box. To make one takes the kernel nearly as long as it takes us to put the root folder
//! together. So root has one in [store](Spare) for the next box; else both are done [at once](Handover), by the process that
//! has started the box's first one and would have nothing left to do.

use std::{
    io,
    os::{
        fd::{AsFd as _, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
    time::Duration,
};

use rustix::{
    event::{EventfdFlags, PollFd, PollFlags, eventfd, poll},
    fs::{Mode, OFlags},
    thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space},
};

use super::{
    config::{During as _, Phase, Trouble},
    sys,
};
use crate::sandbox::handoff;

/// How long nobody asks for a box before the next namespace is made: the last one and its first program have better use for
/// the processors.
const QUIET: Duration = Duration::from_millis(15);
const OWN: &str = "/proc/self/ns/net";

/// A namespace for the next box. Nobody inside has any right in it: it belongs to the user namespace that it was made in, and
/// only who is root there can make one.
pub(super) struct Spare {
    /// Of this process.
    own: OwnedFd,
    made: Option<OwnedFd>,
}

impl Spare {
    /// `None` where there can be none.
    pub(super) fn new() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        let own = open(OWN).ok()?;
        // Root of a container may leave the machine's network, but not come back.
        enter(own.as_fd()).ok()?;
        Some(Self { own, made: None })
    }

    /// Waits until somebody asks at `asks`, and makes one meanwhile where there is none.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`] where it cannot be made. After any other this process may be in the wrong namespace.
    pub(super) fn await_asked(&mut self, asks: &UnixStream) -> io::Result<()> {
        let quiet = rustix::event::Timespec { tv_sec: 0, tv_nsec: QUIET.subsec_nanos().into() };
        let asked = || poll(&mut [PollFd::new(asks, PollFlags::IN)], Some(&quiet));
        if self.made.is_some() || rustix::io::retry_on_intr(asked)? > 0 {
            return Ok(());
        }
        sys::unshare(UnshareFlags::NEWNET).map_err(|_| io::ErrorKind::Unsupported)?;
        let made = sys::loopback_up().and_then(|()| open(OWN));
        enter(self.own.as_fd()).map_err(io::Error::other)?;
        self.made = Some(made.map_err(|_| io::ErrorKind::Unsupported)?);
        Ok(())
    }

    /// The one that there is. Who asks in a child of the process leaves it there.
    pub(super) fn take(&mut self) -> Option<OwnedFd> {
        self.made.take()
    }
}

fn open(path: &str) -> io::Result<OwnedFd> {
    Ok(rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?)
}

/// Moves this process, which must have one thread.
pub(super) fn enter(namespace: BorrowedFd<'_>) -> io::Result<()> {
    Ok(move_into_link_name_space(namespace, Some(LinkNameSpaceType::Network))?)
}

/// What the two processes share before they are two.
pub(super) struct Handover {
    maker: UnixStream,
    member: UnixStream,
    /// Counts once the other process runs.
    begun: OwnedFd,
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
        let namespaces = namespaces.during(Phase::Namespaces, "open the namespaces")?;
        let begun = eventfd(0, EventfdFlags::CLOEXEC).during(Phase::Confinement, "make a counter of events")?;
        Ok(Self { maker, member, begun, namespaces })
    }

    /// In the other process, before anything else.
    pub(super) fn begin(&self) {
        // Where the other is gone, that is seen when the namespace is to be entered.
        let _ = rustix::io::write(&self.begun, &1_u64.to_ne_bytes());
    }

    /// Makes the namespace and hands it over, or why there is none. This process is in it afterwards.
    pub(super) fn make(self) {
        // Else nobody would see that the other process is gone.
        drop(self.member);
        // The kernel lets a new process wait for the processor of the one that forked it, and one that wakes up run on another
        // that is free. It is woken through a counter of events: who writes to a socket is taken for one that is about to wait.
        let begun = PollFd::new(&self.begun, PollFlags::IN);
        let gone = PollFd::new(&self.maker, PollFlags::IN);
        let _ = rustix::io::retry_on_intr(|| poll(&mut [begun.clone(), gone.clone()], None));
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
        enter(namespace.as_fd()).during(Phase::Namespaces, "enter the network namespace")
    }
}

fn make(namespaces: &OwnedFd) -> Result<OwnedFd, Trouble> {
    sys::unshare(UnshareFlags::NEWNET).during(Phase::Namespaces, "make namespaces")?;
    sys::loopback_up().during(Phase::Namespaces, "bring up the loopback interface")?;
    rustix::fs::openat(namespaces, "net", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .during(Phase::Namespaces, "open the network namespace")
}
