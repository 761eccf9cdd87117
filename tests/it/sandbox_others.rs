//! The sandboxes of other users, as root sees them.

use std::{
    fs,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::Path,
    process::Command,
};

use crate::common::{TestEnv, place_program};

/// `nobody`.
const OTHER: u32 = 65534;

/// What this program says to `nobody`, who keeps things in `home`.
fn as_nobody(program: &Path, home: &Path, args: &[&str]) -> String {
    let mut command = Command::new(program);
    command.args(args).env_clear().env("PATH", "/usr/bin:/bin").env("AGENTSCOPE_HOME", home);
    let output = command.current_dir("/").uid(OTHER).gid(OTHER).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn root_sees_and_ends_those_of_everybody() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped as an ordinary user: only root sees those of others");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = folder.path().join("agentscope");
    place_program(&program);
    let home = folder.path().join("nobody");
    fs::create_dir(&home).unwrap();
    std::os::unix::fs::chown(&home, Some(OTHER), Some(OTHER)).unwrap();
    // Others may have some on this machine.
    let label = format!("test=o{}", std::process::id());
    let create = ["sandbox", "create", "--backend", "host", "--label", &label, "--idle-timeout", "5m"];
    let ids = [(); 2].map(|()| as_nobody(&program, &home, &create).trim().to_owned());
    let env = TestEnv::new();
    let root = |args: &[&str]| {
        let mut command = env.command(&[&["sandbox"], args].concat());
        let output = command.env_remove("AGENTSCOPE_HOME").output().unwrap();
        assert!(output.status.success(), "{args:?} {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let listed = |args: &[&str]| {
        let text = root(&[&["list", "--label", &label, "-o", "json"], args].concat());
        let list: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
        let row =
            |info: &serde_json::Value| format!("{} {} {}", info["id"], info["user"], info["state"]).replace('"', "");
        list.iter().map(row).collect::<Vec<_>>()
    };
    assert_eq!(listed(&[]), [format!("{} nobody running", ids[0]), format!("{} nobody running", ids[1])]);
    let table = root(&["list", "--label", &label]);
    assert!(table.starts_with("USER    ID ") && table.contains("\nnobody  "), "{table}");
    assert_eq!(root(&["stop", &ids[0][..8]]), format!("{}\n", ids[0]));
    // The one that runs still tells where the other is.
    assert_eq!(listed(&["--all"]), [format!("{} nobody stopped", ids[0]), format!("{} nobody running", ids[1])]);
    assert_eq!(root(&["rm", &ids[0], &ids[1]]), format!("{}\n{}\n", ids[0], ids[1]));
    assert_eq!(root(&["rm", &ids[0], &ids[1]]), "");
    assert!(listed(&["--all"]).is_empty());
    assert_eq!(as_nobody(&program, &home, &["sandbox", "list", "--all", "-o", "json"]), "[]\n");
    // A folder of one's own is looked at alone.
    assert_eq!(env.run(&["sandbox", "list", "--all", "-o", "json"]).stdout, "[]\n");
}
