//! In tier B programs see the file system of the machine. Modes and times of files are changed for them, where they may:
//! those that do it notice nothing. What else of the user's they could reach there is kept from them.

use std::{fs, os::unix::fs::MetadataExt as _};

use agentscope::sandbox::{
    Mount, Tier,
    wire::{ExecSpec, WindowSize},
};
use rustix::pty::OpenptFlags;

use crate::common::local::{Local, as_each};

const CHANGED: &str = "\
750
700 86400
640
172800
86400
640 86400
640 86400
0o100604 0o100611
chmod: cannot access 'nothing': No such file or directory
chmod: cannot access 'l/nothing': Not a directory
chmod: changing permissions of 'g': Operation not permitted
(1)";

#[test]
fn modes_and_times_of_the_workspace_are_changed_as_usual() {
    as_each(&[Tier::A, Tier::B], |who, tier| async move {
        let local = Local::start().await;
        let script = "mkdir d; touch d/f; chmod 750 d; chmod u+x,go-rwx d/f; touch -d @86400 d/f; \
             stat -c '%a %Y' d d/f | sed '1s/ .*//'; cd d && chmod 640 f && stat -c %a f; cd ..; \
             ln -s d/f l; touch -h -d @172800 l; stat -c %Y l d/f; cp -p d/f g && stat -c '%a %Y' g; \
             tar -c d | (mkdir t; cd t; tar -x); stat -c '%a %Y' t/d/f; \
             python3 -c 'import os, shutil; shutil.copy2(\"g\", \"h\"); \
             os.chmod(\"h\", 0o604, dir_fd=os.open(\".\", 0)); os.fchmod(os.open(\"g\", 0), 0o611); \
             print(oct(os.stat(\"h\").st_mode), oct(os.stat(\"g\").st_mode))'; \
             chmod 600 nothing; chmod 600 l/nothing; chmod u+s g";
        let said = local.said(script).await;
        assert_eq!(said, CHANGED, "{who:?}, tier {tier}");
        assert_eq!(tier, local.tier, "{who:?}");
        local.stop().await;
    });
}

/// What this process can see is its own.
#[test]
fn a_file_of_the_user_keeps_its_mode() {
    as_each(&[Tier::B], |_, _| async {
        let local = Local::start().await;
        let file = local.home.path().join("mine");
        fs::write(&file, "mine").unwrap();
        let before = fs::metadata(&file).unwrap();
        let path = file.display();
        let said = local
            .said(&format!(
                "chmod 777 {path}; touch {path}; chmod 777 ../../../mine; ln -s {path} l; chmod 777 l; touch -d @0 l; \
                 python3 -c 'import os; os.chmod(\"mine\", 0o777, dir_fd=os.open(\"{}\", os.O_PATH))'; true",
                local.home.path().display()
            ))
            .await;
        let after = fs::metadata(&file).unwrap();
        assert_eq!((before.mode(), before.ctime_nsec()), (after.mode(), after.ctime_nsec()), "{said}");
        assert!(said.contains("not permitted"), "{said}");
        local.stop().await;
    });
}

/// A descriptor that is open for reading is enough to change what a file is, if the file is one's own.
#[test]
fn what_is_mounted_read_only_keeps_its_mode() {
    as_each(&[Tier::B], |_, _| async {
        let local = Local::with(|spec, home| {
            let shown = home.join("shown");
            fs::create_dir(&shown).unwrap();
            fs::write(shown.join("mine"), "mine").unwrap();
            spec.mounts = vec![Mount { host: shown.clone(), inside: shown, read_only: true }];
        })
        .await;
        let file = local.home.path().join("shown/mine");
        let before = fs::metadata(&file).unwrap();
        let script = format!(
            r#"python3 - <<'END'
import os
mine = os.open("{}", os.O_RDONLY)
for change in [lambda: os.fchmod(mine, 0o777), lambda: os.utime(mine, (1, 1)), lambda: os.utime(mine),
               lambda: os.chown(mine, os.getuid(), os.getgid()), lambda: os.setxattr(mine, "user.a", b"1")]:
    try:
        print(change())
    except OSError as error:
        print(error.strerror)
kept = os.memfd_create("own")
os.fchmod(kept, 0o600)
END
"#,
            file.display()
        );
        let said = local.said(&script).await;
        let refused = "Operation not permitted\n".repeat(4);
        assert_eq!(said, format!("{refused}Operation not supported\n(0)"));
        let after = fs::metadata(&file).unwrap();
        assert_eq!((before.mode(), before.ctime_nsec()), (after.mode(), after.ctime_nsec()));
        local.stop().await;
    });
}

/// The folder of terminals is the machine's, with those that the user sits at.
#[test]
fn another_terminal_of_the_user_is_out_of_reach() {
    as_each(&[Tier::B], |_, _| async {
        let leader = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        rustix::pty::grantpt(&leader).unwrap();
        rustix::pty::unlockpt(&leader).unwrap();
        let name = rustix::pty::ptsname(&leader, vec![]).unwrap().into_string().unwrap();
        let local = Local::start().await;
        let said = local.said(&format!("echo x > {name}; cat {name}; stty -F {name} -echo; test -e {name}")).await;
        assert_eq!(said.matches("ermission denied").count(), 3, "{said}");
        assert!(said.ends_with("(0)"), "{said}");
        // Of its own it has one.
        let pty = Some(WindowSize { rows: 24, columns: 80 });
        let argv = ["sh", "-c", "tty >/dev/tty; test -t 0"].map(str::to_owned).to_vec();
        let ran = local.client.exec(&ExecSpec { argv, pty, ..ExecSpec::default() }).await.unwrap();
        let ran = ran.collect(1 << 10).await.unwrap();
        assert_eq!(ran.status.code, Some(0), "{}", String::from_utf8_lossy(&ran.stdout.bytes));
        local.stop().await;
    });
}
