//! Where the sandboxes of other users of this machine are kept.
//!
//! Known are the folders that users have by default, and those of every box that runs, wherever they are: the log of a
//! box is in its folder, and is what its first process has as its standard error.

use std::{
    collections::BTreeMap,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};
#[cfg(target_os = "linux")]
use std::{
    ffi::OsString,
    io,
    os::unix::process::CommandExt as _,
    process::{Command, ExitCode},
};

use super::{SandboxId, tree};

/// One place where somebody else keeps sandboxes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Home {
    /// The name of the account, or its number where it has no name.
    pub user: String,
    pub uid: u32,
    pub gid: u32,
    /// The home folder of the account.
    pub folder: PathBuf,
    /// The variable that leads to the place, where it is not the default one.
    pub variable: Option<(String, PathBuf)>,
}

/// An entry of `/etc/passwd`. Source: passwd(5).
struct Account {
    name: String,
    gid: u32,
    folder: PathBuf,
}

/// The places of everybody but root, who asks; on Linux.
#[must_use]
pub fn homes() -> Vec<Home> {
    if !cfg!(target_os = "linux") {
        return vec![];
    }
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let accounts: BTreeMap<u32, Account> = passwd.lines().filter_map(account).collect();
    let mut found: BTreeMap<PathBuf, Home> = BTreeMap::new();
    for (uid, account) in &accounts {
        let root = account.folder.join(DEFAULT);
        if *uid != 0 && owner(&root) == Some(*uid) {
            found.insert(root, home(*uid, &accounts, None));
        }
    }
    for root in tree::all().iter().filter_map(|process| root_of(process.pid)) {
        let Some(uid) = owner(&root).filter(|uid| *uid != 0) else { continue };
        let Some(variable) = variable(&root) else { continue };
        found.entry(root).or_insert_with(|| home(uid, &accounts, Some(variable)));
    }
    found.into_values().collect()
}

/// In a home folder.
const DEFAULT: &str = ".local/state/agentscope/sandboxes";

fn account(line: &str) -> Option<(u32, Account)> {
    let fields: Vec<&str> = line.split(':').collect();
    let [name, _, uid, gid, _, folder, ..] = fields[..] else { return None };
    Some((uid.parse().ok()?, Account { name: name.to_owned(), gid: gid.parse().ok()?, folder: folder.into() }))
}

fn home(uid: u32, accounts: &BTreeMap<u32, Account>, variable: Option<(String, PathBuf)>) -> Home {
    match accounts.get(&uid) {
        Some(account) => {
            Home { user: account.name.clone(), uid, gid: account.gid, folder: account.folder.clone(), variable }
        }
        None => Home { user: uid.to_string(), uid, gid: uid, folder: PathBuf::from("/"), variable },
    }
}

/// Of a folder that is there; a link is none.
fn owner(folder: &Path) -> Option<u32> {
    std::fs::symlink_metadata(folder).ok().filter(std::fs::Metadata::is_dir).map(|meta| meta.uid())
}

/// The folder of all boxes that the box of this process is in.
fn root_of(pid: i32) -> Option<PathBuf> {
    let command = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let verb = command.split(|byte| *byte == 0).nth(1)?;
    if !matches!(verb, b"__init" | b"__box") {
        return None;
    }
    let log = std::fs::read_link(format!("/proc/{pid}/fd/2")).ok()?;
    let folder = log.parent()?;
    folder.file_name()?.to_str()?.parse::<SandboxId>().ok()?;
    folder.parent().map(Path::to_owned)
}

/// What leads to `root`, the other way round than [`Paths`](crate::config::Paths) has it.
fn variable(root: &Path) -> Option<(String, PathBuf)> {
    let above = without(root, "sandboxes")?;
    match without(above, "state") {
        Some(home) => Some(("AGENTSCOPE_HOME".to_owned(), home.to_owned())),
        None => without(above, "agentscope").map(|state| ("XDG_STATE_HOME".to_owned(), state.to_owned())),
    }
}

/// The folder of `path`, if that is its name there.
fn without<'a>(path: &'a Path, name: &str) -> Option<&'a Path> {
    path.parent().filter(|_| path.file_name().is_some_and(|last| last == name))
}

/// The hidden subcommand `__as UID GID ARGS`: this program with these arguments, as another user. Of root alone.
pub const AS_ANOTHER: &str = "__as";

/// The process itself: [`AS_ANOTHER`].
#[cfg(target_os = "linux")]
pub(super) fn main(args: &[OsString]) -> ExitCode {
    // Where it could not, nothing was said, and its exit code says that.
    let _ = assume(args);
    ExitCode::FAILURE
}

/// Returns only where it could not.
#[cfg(target_os = "linux")]
fn assume(args: &[OsString]) -> io::Result<()> {
    let number = |text: &OsString| text.to_str().and_then(|text| text.parse::<u32>().ok());
    let [uid, gid, rest @ ..] = args else { return Err(io::ErrorKind::InvalidInput.into()) };
    let (Some(uid), Some(gid)) = (number(uid), number(gid)) else { return Err(io::ErrorKind::InvalidInput.into()) };
    // The user may have a debugger wait for it, which is not to find the terminal of root, nor a file that the shell of
    // root has open.
    rustix::process::setsid()?;
    super::local::close_from(3)?;
    let (uid, gid) = (rustix::thread::Uid::from_raw(uid), rustix::thread::Gid::from_raw(gid));
    rustix::thread::set_thread_groups(&[])?;
    rustix::thread::set_thread_res_gid(gid, gid, gid)?;
    rustix::thread::set_thread_res_uid(uid, uid, uid)?;
    Err(Command::new("/proc/self/exe").args(rest).exec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_named_by_the_variable_that_leads_there() {
        let of = |root: &str| variable(Path::new(root)).map(|(name, value)| format!("{name}={}", value.display()));
        assert_eq!(of("/srv/a/state/sandboxes").as_deref(), Some("AGENTSCOPE_HOME=/srv/a"));
        assert_eq!(of("/srv/s/agentscope/sandboxes").as_deref(), Some("XDG_STATE_HOME=/srv/s"));
        assert_eq!(of("/srv/boxes"), None);
    }

    #[test]
    fn an_account_has_seven_fields() {
        let (uid, account) = account("ann:x:1000:100:Ann:/home/ann:/bin/sh").unwrap();
        assert_eq!((uid, account.gid, account.folder), (1000, 100, PathBuf::from("/home/ann")));
        assert!(super::account("ann:x:1000").is_none());
    }
}
