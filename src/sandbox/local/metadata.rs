//! Modes and times of files in tier B, where programs see the file system of the machine.
//!
//! Landlock does not look at chmod(2) and utimensat(2), and no filter of system calls can look at a path: programs could
//! open up, lock or age files of the user who makes the box that they may only read, or not even that. So these calls wait
//! until a thread of the daemon's process has looked where their path or descriptor leads and, if that is a place of the
//! box, made the change itself. It works on what it looked at, so nothing is won by changing the path meanwhile. Source:
//! seccomp_unotify(2).

use std::{
    ffi::OsString,
    fs, io,
    os::{
        fd::{AsFd as _, AsRawFd as _, OwnedFd},
        unix::{
            ffi::{OsStrExt as _, OsStringExt as _},
            fs::FileExt as _,
        },
    },
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
};

use rustix::{
    fs::{AtFlags, CWD, Mode, OFlags, Timespec, Timestamps},
    io::Errno,
};

use super::{seccomp, sys};

/// Longest path, with the zero byte at its end. Source: limits.h.
const LONGEST: usize = 4096;

/// Puts this thread, and all that it starts, under the rule that only what is below `places` changes its mode and times.
///
/// # Errors
/// A kernel before 5.5, which has no Landlock that tier B could do with either.
pub(super) fn guard(places: Vec<PathBuf>) -> io::Result<()> {
    let (hand_over, listener) = mpsc::channel::<OwnedFd>();
    // Before the filter, which it must not be under: it would wait for itself.
    thread::Builder::new().name("metadata".into()).stack_size(128 << 10).spawn(move || {
        let places = places.into_iter().filter_map(|place| place.canonicalize().ok()).collect();
        if let Ok(listener) = listener.recv() {
            Guard { listener, places }.run();
        }
    })?;
    let listener = sys::listen_to_filter(&seccomp::metadata_filter()?)?;
    // Where the thread is gone nobody answers, and then every such call fails.
    hand_over.send(listener).map_err(io::Error::other)
}

struct Guard {
    listener: OwnedFd,
    places: Vec<PathBuf>,
}

impl Guard {
    fn run(&self) {
        loop {
            let asked = match sys::next_notification(self.listener.as_fd()) {
                Ok(asked) => asked,
                // The program was killed meanwhile, or a signal came.
                Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EINTR)) => continue,
                Err(_) => return,
            };
            let answer = Request::of(&asked).and_then(|request| self.answer(&request));
            let errno = answer.err().map_or(0, |error| error.raw_os_error().unwrap_or(libc::EPERM));
            // Whoever asked may be gone.
            let _ = sys::answer_notification(self.listener.as_fd(), asked.id, errno);
        }
    }

    fn answer(&self, request: &Request) -> io::Result<()> {
        let found = request.open()?;
        let itself = format!("/proc/self/fd/{}", found.as_raw_fd());
        let path = fs::read_link(&itself)?;
        // Memory with a descriptor is the program's own. Source: memfd_create(2).
        let memory = path.as_os_str().as_bytes().starts_with(b"/memfd:");
        if !memory && !self.places.iter().any(|place| path.starts_with(place)) {
            return Err(Errno::PERM.into());
        }
        match &request.change {
            Change::Mode(mode) => rustix::fs::chmod(&itself, Mode::from_raw_mode(*mode))?,
            Change::Times(times) => rustix::fs::utimensat(&found, "", times, AtFlags::EMPTY_PATH)?,
        }
        Ok(())
    }
}

/// What a program wants to change.
struct Request {
    /// The thread that asks.
    thread: u32,
    /// As the call has it: a descriptor, or the current folder.
    folder: i32,
    path: PathBuf,
    /// Not the target of a link but the link.
    itself: bool,
    /// An empty path stands for the folder.
    empty: bool,
    change: Change,
}

enum Change {
    Mode(u32),
    Times(Timestamps),
}

impl Request {
    /// The places of the arguments. Source: chmod(2), utimensat(2).
    fn of(asked: &libc::seccomp_notif) -> io::Result<Self> {
        let (call, arguments) = (libc::c_long::from(asked.data.nr), &asked.data.args);
        let number = |place: usize| u32::try_from(arguments[place] & 0xffff_ffff).unwrap_or(0);
        let (folder, path, flags) = match call {
            #[cfg(target_arch = "x86_64")]
            libc::SYS_chmod => (libc::AT_FDCWD, arguments[0], 0),
            libc::SYS_fchmod => (number(0).cast_signed(), 0, 0),
            // Its number of arguments is three: no flags.
            libc::SYS_fchmodat => (number(0).cast_signed(), arguments[1], 0),
            _ => (number(0).cast_signed(), arguments[1], number(3).cast_signed()),
        };
        let memory = fs::File::open(format!("/proc/{}/mem", asked.pid))?;
        let change = match call {
            libc::SYS_utimensat => Change::Times(times(&memory, arguments[2])?),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_chmod => Change::Mode(number(1)),
            libc::SYS_fchmod => Change::Mode(number(1)),
            _ => Change::Mode(number(2)),
        };
        // Of the calls that take a path, futimens(3) alone has none.
        let by_descriptor = call == libc::SYS_fchmod || call == libc::SYS_utimensat && path == 0;
        Ok(Self {
            thread: asked.pid,
            folder,
            path: if by_descriptor { PathBuf::new() } else { text(&memory, path)? },
            itself: flags & libc::AT_SYMLINK_NOFOLLOW != 0,
            empty: by_descriptor || flags & libc::AT_EMPTY_PATH != 0,
            change,
        })
    }

    /// Opens what it is about, without reading.
    fn open(&self) -> io::Result<OwnedFd> {
        let of_thread = |name: &str| {
            let path = format!("/proc/{}/{name}", self.thread);
            rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
        };
        let folder = match (self.path.is_absolute(), self.folder) {
            (true, _) => None,
            (false, libc::AT_FDCWD) => Some(of_thread("cwd")?),
            (false, number) => Some(of_thread(&format!("fd/{number}"))?),
        };
        if self.path.as_os_str().is_empty() {
            return folder.filter(|_| self.empty).ok_or_else(|| Errno::NOENT.into());
        }
        // What a program calls itself is not this one.
        let own = ["/proc/self", "/proc/thread-self"].into_iter().find_map(|own| self.path.strip_prefix(own).ok());
        let path =
            own.map_or_else(|| self.path.clone(), |rest| Path::new(&format!("/proc/{}", self.thread)).join(rest));
        let follow = if self.itself { OFlags::NOFOLLOW } else { OFlags::empty() };
        let flags = OFlags::PATH | OFlags::CLOEXEC | follow;
        let base = folder.as_ref().map_or(CWD, |folder| folder.as_fd());
        Ok(rustix::fs::openat(base, path, flags, Mode::empty())?)
    }
}

/// The text at `address`, up to its zero byte.
fn text(memory: &fs::File, address: u64) -> io::Result<PathBuf> {
    let mut bytes = vec![];
    let page = sys::page_size();
    while bytes.len() < LONGEST {
        let at = address.checked_add(bytes.len() as u64).ok_or(Errno::FAULT)?;
        // What follows on the next page may not be there.
        let mut part = vec![0; usize::try_from(page - at % page).unwrap_or(1)];
        let read = memory.read_at(&mut part, at).map_err(|_| Errno::FAULT)?;
        if read == 0 {
            return Err(Errno::FAULT.into());
        }
        if let Some(end) = part[..read].iter().position(|byte| *byte == 0) {
            bytes.extend_from_slice(&part[..end]);
            return Ok(OsString::from_vec(bytes).into());
        }
        bytes.extend_from_slice(&part[..read]);
    }
    Err(Errno::NAMETOOLONG.into())
}

/// The two times at `address`; now where there are none.
fn times(memory: &fs::File, address: u64) -> io::Result<Timestamps> {
    /// Source: utimensat(2).
    const NOW: Timespec = Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW as _ };
    if address == 0 {
        return Ok(Timestamps { last_access: NOW, last_modification: NOW });
    }
    let mut bytes = [0; 32];
    memory.read_exact_at(&mut bytes, address).map_err(|_| Errno::FAULT)?;
    let mut numbers = bytes.chunks_exact(8).map(|part| part.try_into().map_or(0, i64::from_ne_bytes));
    let mut next = || numbers.next().unwrap_or(0);
    let (access, modification) = ((next(), next()), (next(), next()));
    let time = |(seconds, nanoseconds)| Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
    Ok(Timestamps { last_access: time(access), last_modification: time(modification) })
}
