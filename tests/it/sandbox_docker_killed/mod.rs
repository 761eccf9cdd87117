//! `kill -9` of the engine in the middle of things: what it was doing is not told as done, what is there is said to be
//! unknown until it is back, and then nothing is left.

mod own;
mod trap;

use std::{
    io::Read as _,
    process::{Child, Stdio},
};

use self::{own::Own, trap::Trap};
use crate::common::{Output, TestEnv};

/// A home whose sandboxes are made by the engine that is killed.
struct Home {
    env: TestEnv,
    /// Where the engine is.
    folder: String,
}

impl Home {
    fn of(own: &Own) -> Self {
        Self { env: own.engine.env(), folder: own.folder() }
    }

    fn spawn(&self, args: &[&str]) -> Child {
        let mut command = self.env.command(&[&["sandbox"], args].concat());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn finish(&self, child: Child) -> Output {
        let output = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&self.folder, "[ENGINE]");
        Output { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    fn sandbox(&self, args: &[&str]) -> Output {
        self.finish(self.spawn(args))
    }

    /// What is pruned and removed leaves nothing, on the engine that runs again neither.
    fn settle(&self, own: &Own) {
        for verb in [&["prune"][..], &["rm", "--all"]] {
            let output = self.sandbox(verb);
            assert_eq!(output.code, Some(0), "{output}");
        }
        assert_eq!(self.sandbox(&["list", "--all", "-o", "json"]).stdout, "[]\n");
        assert_eq!(own.engine.docker(&["ps", "-aq"]), "");
        assert_eq!(own.mounts(), [""; 0]);
        own.await_programs(&["containerd", "dockerd"]);
        let left = std::fs::read_dir(self.env.home().join("state/sandboxes")).into_iter().flatten().flatten();
        assert_eq!(left.map(|entry| entry.file_name()).collect::<Vec<_>>(), [""; 0]);
    }
}

fn filters(id: &str) -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(id, "[one]");
    settings.add_filter(r"\b\d+s\b", "[AGE]");
    settings.add_filter(r" {2,}", "  ");
    settings
}

#[test]
fn in_the_middle_of_a_call() {
    let Some(mut own) = Own::start() else { return };
    let home = Home::of(&own);
    let made = home.sandbox(&["create", "--image", &own.engine.image]);
    assert_eq!(made.code, Some(0), "{made}");
    let id = made.stdout.trim().to_owned();
    let mut child = home.spawn(&["exec", &id, "sh", "-c", "echo ready; exec sleep 600"]);
    let mut word = [0; 6];
    child.stdout.as_mut().unwrap().read_exact(&mut word).unwrap();
    own.killer()();
    insta::assert_snapshot!(home.finish(child), @"
    exit 125
    --- stderr
    error: the sandbox ended or broke off before the program did: how the program ended is not known
    ");
    filters(&id).bind(|| {
        insta::assert_snapshot!(home.sandbox(&["list"]), @"
        exit 0
        --- stdout
        ID  TYPE  BACKEND  TIER  STATE  SESSION  AGE  CPU  MEMORY  IDLE
        [one]  base  docker  A  unknown  -  [AGE]  -  -  -
        ");
    });
    // It runs on without the engine, out of reach.
    assert!(own.programs().iter().any(|name| name == "sleep"), "{:?}", own.programs());
    for (verb, code) in [("exec", 125), ("stop", 1), ("pause", 1), ("rm", 1)] {
        let program: &[&str] = if verb == "exec" { &["true"] } else { &[] };
        let refused = home.sandbox(&[&[verb, &id], program].concat());
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(code), ""), "{verb} {refused}");
        insta::allow_duplicates! { insta::assert_snapshot!(refused.stderr, @"
        error: the `docker` backend is not available: nothing answers at the socket `[ENGINE]/docker.sock`: Connection refused (os error 111)
        hint: start the engine, such as with `sudo systemctl start docker`
        "); }
    }
    own.run();
    filters(&id).bind(|| {
        insta::assert_snapshot!(home.sandbox(&["list", "--all"]), @"
        exit 0
        --- stdout
        ID  TYPE  BACKEND  TIER  STATE  SESSION  AGE  CPU  MEMORY  IDLE
        [one]  base  docker  A  stopped  -  [AGE]  -  -  -
        ");
        insta::assert_snapshot!(home.sandbox(&["exec", &id, "true"]), @"
        exit 125
        --- stderr
        error: the sandbox `[one]` is stopped
        hint: one that is stopped does not start again; `agentscope sandbox create` makes another
        ");
    });
    home.settle(&own);
}

#[test]
fn in_the_middle_of_a_create() {
    let Some(mut own) = Own::start() else { return };
    let home = Home::of(&own);
    // With our executable in its volume.
    assert_eq!(home.sandbox(&["run", "--image", &own.engine.image, "--", "true"]).code, Some(0));
    let mut said = vec![];
    for request in ["/containers/create", "/attach?", "/start"] {
        let kill = own.killer();
        let trap = Trap::on(&own.engine, request, kill);
        let mut create = home.env.command(&["sandbox", "create", "--image", &own.engine.image]);
        create.env("DOCKER_HOST", trap.host()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let failed = home.finish(create.spawn().unwrap());
        assert!(trap.sprung(), "{request}: {failed}");
        assert_eq!((failed.code, failed.stdout.as_str()), (Some(1), ""), "{request}: {failed}");
        said.push(failed.stderr);
        // It is not hidden that something may be there, nor is there anything once the engine is back.
        assert_eq!(home.sandbox(&["list"]).code, Some(0), "{request}");
        own.run();
        assert_eq!(home.sandbox(&["list", "--all", "-o", "json"]).stdout, "[]\n", "{request}");
        home.settle(&own);
    }
    insta::assert_snapshot!(said.concat(), @"
    error: could not make the container: the engine broke off the connection
    hint: the engine may have ended meanwhile; `docker info` shows whether it runs
    error: could not attach to the container: the engine broke off the connection
    hint: the engine may have ended meanwhile; `docker info` shows whether it runs
    error: could not start the container: the engine broke off the connection
    hint: the engine may have ended meanwhile; `docker info` shows whether it runs
    ");
}
