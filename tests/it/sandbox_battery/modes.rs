//! In tier B the modes and times of files are changed for programs, where they may: those that do it notice nothing.

use std::{fs, os::unix::fs::MetadataExt as _};

use agentscope::sandbox::Tier;

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
