//! Makes programs in a running box see what the user changed: `__refresh`, a process of its own that enters the box.
//!
//! An overlay remembers what it found below it, so that a file which an editor replaced would stay the old one.
//! Mounting it again drops that memory. What its upper folder holds hides the user's file for good; that is written
//! through the mount, where the kernel takes part in it, and never behind its back.

use std::{
    ffi::OsStr,
    fs,
    io::{self, Write as _},
    os::{fd::AsFd as _, unix::fs::PermissionsExt as _},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use rustix::{
    fs::{Gid, Uid},
    mount::MountFlags,
    thread::{LinkNameSpaceType, move_into_link_name_space},
};
use serde::{Deserialize, Serialize};

use super::{
    apply::{Apply, Source},
    folder::{Folder, lossless},
    state::{Change, State, copy},
};

/// The hidden subcommand.
pub const COMMAND: &str = "__refresh";

/// This program; also after another version has taken its place on disk.
const PROGRAM: &str = "/proc/self/exe";

/// Where every box has its workspace.
const WORKSPACE: &str = "/workspace";

/// On standard input.
#[derive(Serialize, Deserialize)]
struct Request {
    /// Any process of the box.
    process: i32,
    /// The mount, as seen in the box.
    #[serde(with = "lossless")]
    workspace: PathBuf,
    /// A folder that holds the content of the change with index N as `N`, readable for everybody.
    #[serde(with = "lossless")]
    staged: PathBuf,
    changes: Vec<Change>,
}

/// On standard output, where all went well but for these.
#[derive(Serialize, Deserialize)]
struct Failed {
    #[serde(with = "lossless")]
    path: PathBuf,
    why: String,
}

/// Mounts the workspace of the box of `process` again, and makes `changes` in it, whose contents are in `folder`. The
/// paths for which that did not succeed.
pub(super) fn refresh(process: i32, of_box: &Path, folder: &Folder, changes: &[Change]) -> io::Result<Vec<PathBuf>> {
    let staged = tempfile::Builder::new().prefix("incoming").tempdir_in(of_box)?;
    // Whoever reads it is another user by then. Nobody else gets through the folder above.
    fs::set_permissions(staged.path(), fs::Permissions::from_mode(0o755))?;
    let mut failed = vec![];
    let mut request =
        Request { process, workspace: WORKSPACE.into(), staged: staged.path().to_owned(), changes: vec![] };
    for change in changes {
        match stage(folder, change, &staged.path().join(request.changes.len().to_string())) {
            Ok(()) => request.changes.push(change.clone()),
            Err(_) => failed.push(change.path.clone()),
        }
    }
    failed.extend(ask(&request)?.into_iter().map(|failed| failed.path));
    Ok(failed)
}

fn stage(folder: &Folder, change: &Change, to: &Path) -> io::Result<()> {
    let State::File { .. } = change.after else { return Ok(()) };
    let mut from = folder.read(&change.path)?;
    let mut file = fs::File::create_new(to)?;
    copy(&mut from, &mut file)?;
    file.set_permissions(fs::Permissions::from_mode(0o644))?;
    file.set_modified(from.metadata()?.modified()?)
}

fn ask(request: &Request) -> io::Result<Vec<Failed>> {
    let mut child = Command::new(PROGRAM)
        .arg(COMMAND)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that ends early says why.
        let _ = stdin.write_all(&serde_json::to_vec(request)?);
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The process itself: [`COMMAND`]. Has one thread, as entering a user namespace asks for.
#[must_use]
pub fn main() -> ExitCode {
    let said = serve().and_then(|failed| io::stdout().write_all(&serde_json::to_vec(&failed)?));
    match said {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> io::Result<Vec<Failed>> {
    let request: Request = serde_json::from_reader(io::stdin().lock())?;
    let staged = Folder::open(&request.staged)?;
    let (uid, gid) = enter(request.process)?;
    // The flags with which it is mounted anyway: without them they would be taken away.
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    rustix::mount::mount_remount(&request.workspace, flags, OsStr::new(""))?;
    // A user whom the namespace does not know can make no files.
    rustix::thread::set_thread_res_gid(gid, gid, gid)?;
    rustix::thread::set_thread_res_uid(uid, uid, uid)?;
    let root = Folder::open(&request.workspace)?;
    let apply = Apply { root: &root, source: Source::Staged(&staged), owner: None, tag: 0 };
    let failed = apply.run(&request.changes);
    Ok(failed.into_iter().map(|failure| Failed { path: failure.path, why: failure.error.to_string() }).collect())
}

/// Enters the user and the mount namespace of `process`, and with the latter its root folder. The user and the group that
/// its namespace knows.
fn enter(process: i32) -> io::Result<(Uid, Gid)> {
    let known = |map: &str| -> io::Result<u32> {
        let text = fs::read_to_string(format!("/proc/{process}/{map}"))?;
        let first = text.split_ascii_whitespace().next().and_then(|number| number.parse().ok());
        first.ok_or_else(|| io::Error::other("the sandbox has no user"))
    };
    let ids = (Uid::from_raw(known("uid_map")?), Gid::from_raw(known("gid_map")?));
    // Both before the first is entered, whose rights may not do for the second.
    let open = |name: &str| fs::File::open(format!("/proc/{process}/ns/{name}"));
    let (user, mounts) = (open("user")?, open("mnt")?);
    move_into_link_name_space(user.as_fd(), Some(LinkNameSpaceType::User))?;
    move_into_link_name_space(mounts.as_fd(), Some(LinkNameSpaceType::Mount))?;
    Ok(ids)
}
