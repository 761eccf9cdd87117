//! Python packages in boxes without network. They are made here, and pip is told to ask no index.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, SystemTime},
};

use agentscope::{
    config::Env,
    sandbox::{
        BackendKind, BoxClient, BoxFolder, Clearance, PackageLayers, Quiet, SandboxBackend as _, SandboxSpec, Token,
        wire::ExecSpec,
    },
};

use crate::common::{
    Output, TestEnv,
    local::{as_both, backend},
    require::available,
};

/// Makes the wheel of `tiny`, with a module and a command.
const WHEEL: &str = r#"
import sys, zipfile
with zipfile.ZipFile(sys.argv[1] + "/tiny-1.0-py3-none-any.whl", "w") as wheel:
    wheel.writestr("tiny.py", "def main():\n    print('tiny as a command')\n")
    wheel.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
    wheel.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    wheel.writestr("tiny-1.0.dist-info/entry_points.txt", "[console_scripts]\ntiny = tiny:main\n")
    wheel.writestr("tiny-1.0.dist-info/RECORD", "")
"#;

/// Makes the source of `odd`, which runs `setup` before it is a wheel with the module `odd`.
const SOURCE: &str = r#"
import io, sys, tarfile
backend = '''
import os, zipfile
def build_wheel(folder, settings=None, metadata=None):
    seen = []
SETUP
    with zipfile.ZipFile(folder + "/odd-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("odd.py", f"seen = {seen!r}")
        wheel.writestr("odd-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: odd\\nVersion: 1.0\\n")
        wheel.writestr("odd-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("odd-1.0.dist-info/RECORD", "")
    return "odd-1.0-py3-none-any.whl"
'''.replace("SETUP", sys.argv[2])
files = {
    "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
    "backend.py": backend,
    "PKG-INFO": "Metadata-Version: 2.1\nName: odd\nVersion: 1.0\n",
}
with tarfile.open(sys.argv[1] + "/odd-1.0.tar.gz", "w:gz") as source:
    for name, text in files.items():
        entry = tarfile.TarInfo("odd-1.0/" + name)
        entry.size = len(text.encode())
        source.addfile(entry, io.BytesIO(text.encode()))
"#;

fn python(script: &str, args: &[&str]) {
    assert!(Command::new("/usr/bin/python3").args(["-c", script]).args(args).status().unwrap().success());
}

fn has_pip() -> bool {
    let pip = Command::new("/usr/bin/python3").args(["-m", "pip", "--version"]).env_clear().output();
    available("pip", pip.is_ok_and(|output| output.status.success()))
}

/// A home with packages to install, and nothing else.
fn env() -> TestEnv {
    let env = TestEnv::new();
    let wheels = env.work().join("wheels");
    fs::create_dir(&wheels).unwrap();
    python(WHEEL, &[wheels.to_str().unwrap()]);
    env.var("PIP_FIND_LINKS", wheels.to_str().unwrap()).var("PIP_NO_INDEX", "1").var("PIP_CONFIG_FILE", "/dev/null")
}

fn with_source(setup: &str) -> TestEnv {
    let env = env();
    let setup: Vec<String> = setup.lines().map(|line| format!("    {line}")).collect();
    python(SOURCE, &[env.work().join("wheels").to_str().unwrap(), &setup.join("\n")]);
    env
}

fn run(env: &TestEnv, packages: &[&str], script: &str) -> Output {
    let packages = packages.iter().flat_map(|name| ["--python-package", name]);
    let args: Vec<&str> = ["sandbox", "run", "--backend", "local"].into_iter().chain(packages).collect();
    env.run(&[&args[..], &["--", "sh", "-c", script]].concat())
}

/// What the cache holds, but for locks.
fn kept(env: &TestEnv) -> usize {
    let entries = fs::read_dir(env.home().join("cache/packages")).into_iter().flatten().flatten();
    entries.filter(|entry| !entry.file_name().to_string_lossy().ends_with(".lock")).count()
}

#[test]
fn installed_once_with_network_and_used_without() {
    if !has_pip() {
        return;
    }
    let env = env();
    let script = "python3 -c 'import tiny; print(tiny.__file__)' | sed 's/python3[.0-9]*/PYTHON/'; tiny; \
                  touch $VIRTUAL_ENV/tiny || true; cat /proc/net/route | wc -l";
    insta::assert_snapshot!(run(&env, &["tiny"], script), @"
    exit 0
    --- stdout
    /run/agentscope/packages/lib/PYTHON/site-packages/tiny.py
    tiny as a command
    1
    --- stderr
    installing the Python packages `tiny`
    touch: cannot touch '/run/agentscope/packages/tiny': Read-only file system
    ");
    // The packages themselves are not needed any more.
    fs::remove_dir_all(env.work().join("wheels")).unwrap();
    insta::assert_snapshot!(run(&env, &["tiny", " tiny"], "tiny"), @"
    exit 0
    --- stdout
    tiny as a command
    ");
    insta::assert_snapshot!(env.run(&["--offline", "sandbox", "run", "--python-package", "tiny", "--", "tiny"]), @"
    exit 0
    --- stdout
    tiny as a command
    ");
    insta::assert_snapshot!(run(&env, &[], "tiny"), @"
    exit 127
    --- stderr
    sh: 1: tiny: not found
    ");
    assert_eq!(kept(&env), 1);
}

#[test]
fn an_agent_imports_what_its_file_names() {
    if !has_pip() {
        return;
    }
    let env = env();
    env.write(
        "agent.yaml",
        "name: six\nmodel: demo\ntools: [python]\npermissions: {default: allow}\n\
         sandbox: {backend: local, workspace: {mode: none}, packages: {python: [tiny]}}\n",
    );
    let call = r#"TOOL:run_ipython_cell:{"code": "import tiny; tiny.main()"}"#;
    insta::assert_snapshot!(env.run(&["chat", "-q", call]), @r#"
    exit 0
    --- stdout
    demo model: `run_ipython_cell` says: tiny as a command
    --- stderr
    using ./agent.yaml
    tool run_ipython_cell {"code":"import tiny; tiny.main()"}: tiny as a command
    "#);
}

#[test]
fn root_and_an_ordinary_user_have_layers_of_their_own() {
    if !has_pip() {
        return;
    }
    as_both(|_| async {
        let home = tempfile::tempdir().unwrap();
        python(WHEEL, &[home.path().to_str().unwrap()]);
        let links = home.path().to_str().unwrap();
        let vars = [("PIP_FIND_LINKS", links), ("PIP_NO_INDEX", "1"), ("PIP_CONFIG_FILE", "/dev/null")];
        let packages = PackageLayers::new(&home.path().join("cache"), Env::fake(home.path(), &vars));
        let backend = Arc::new(backend(home.path()).with_packages(packages));
        let mut spec = SandboxSpec::new(BackendKind::Local, "ann");
        spec.lifetime.tied = true;
        spec.packages.python = vec!["tiny".to_owned()];
        backend.create(&spec, Clearance::given(), &Quiet).await.unwrap();
        let token = Token::of(BoxFolder::new(&home.path().join("boxes"), &spec.id).path()).unwrap();
        let client = BoxClient::new(backend.clone(), spec.id.clone(), &token);
        let tiny = ExecSpec { argv: vec!["tiny".to_owned()], ..ExecSpec::default() };
        let said = client.exec(&tiny).await.unwrap().collect(1 << 10).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&said.stdout.bytes), "tiny as a command\n");
        backend.remove(&spec.id).await.unwrap();
        // Only root removes what nobody may write.
        assert!(Command::new("chmod").args(["-R", "u+w"]).arg(home.path()).status().unwrap().success());
    });
}

/// Root of a container, as a rule: it may mount nothing.
#[test]
fn root_without_namespaces_has_them_in_tier_b() {
    let setpriv = Command::new("setpriv").arg("--version").output().is_ok();
    if !rustix::process::geteuid().is_root() || !available("setpriv", setpriv) || !has_pip() {
        eprintln!("skipped: only root with `setpriv` can have less than root");
        return;
    }
    let env = env();
    // The box runs as a user who has to read the wheel.
    fs::set_permissions(env.work().parent().unwrap(), fs::Permissions::from_mode(0o755)).unwrap();
    let inner = env.command(&["sandbox", "run", "--backend", "local", "--python-package", "tiny", "--", "tiny"]);
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set=-sys_admin", "--inh-caps=-all"]).arg(inner.get_program()).args(inner.get_args());
    command.env_clear().envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    for _ in ["installed", "there"] {
        let output = command.current_dir(env.work()).output().unwrap();
        let (said, warned) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(said, "tiny as a command\n", "{warned}");
        assert!(warned.contains("warning: tier B"), "{warned}");
    }
    assert_eq!(kept(&env), 1);
}

#[test]
fn what_cannot_be_installed_leaves_nothing() {
    if !has_pip() {
        return;
    }
    let env = env();
    insta::assert_snapshot!(run(&env, &["tiny", "not-there>=2"], "true"), @"
    exit 125
    --- stderr
    installing the Python packages `not-there>=2`, `tiny`
    error: could not install the Python packages `not-there>=2`, `tiny`: pip ended with an error
    Looking in links: [WORK]/wheels
    ERROR: Could not find a version that satisfies the requirement not-there>=2 (from versions: none)
    ERROR: No matching distribution found for not-there>=2
    hint: check the name and the version, and that PIP_INDEX_URL or pip.conf names the index that has it
    ");
    insta::assert_snapshot!(env.run(&["sandbox", "run", "--python-package=--index-url=x", "--", "true"]), @"
    exit 125
    --- stderr
    error: `--index-url=x` is not the name of a Python package
    hint: such as `pandas` or `pandas>=2`
    ");
    insta::assert_snapshot!(env.run(&["--offline", "sandbox", "run", "--python-package", "tiny", "--", "true"]), @"
    exit 125
    --- stderr
    error: `--offline` forbids the installation of the Python packages `tiny`
    hint: leave out `--offline` once; afterwards they are there
    ");
    insta::assert_snapshot!(env.run(&["sandbox", "run", "--backend", "host", "--python-package", "tiny", "--", "true"]), @"
    exit 125
    --- stderr
    warning: the `host` backend isolates nothing: programs run with all your rights
    error: the `host` backend cannot install Python packages
    hint: install them yourself, or use the `local` or `docker` backend
    ");
    assert_eq!(fs::read_dir(env.home().join("cache/packages")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(env.home().join("state/sandboxes")).map_or(0, Iterator::count), 0);
}

/// What runs as a package is installed is no more trusted than what runs afterwards.
#[test]
fn setup_code_reaches_nothing_of_the_user() {
    if !has_pip() {
        return;
    }
    let setup = "for path in ['SECRET', '/etc/shadow', '/root/.ssh']:\n    seen.append(os.path.exists(path))\n\
                 try:\n    open('SECRET', 'w')\nexcept OSError as error:\n    seen.append(type(error).__name__)\n\
                 seen.append('TOKEN' in os.environ)";
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    fs::write(&secret, "s3cret").unwrap();
    let env = with_source(&setup.replace("SECRET", secret.to_str().unwrap())).var("TOKEN", "s3cret");
    insta::assert_snapshot!(run(&env, &["odd"], "python3 -c 'import odd; print(odd.seen)'"), @"
    exit 0
    --- stdout
    [False, False, False, 'FileNotFoundError', False]
    --- stderr
    installing the Python packages `odd`
    ");
    assert_eq!(fs::read_to_string(&secret).unwrap(), "s3cret");
}

/// What setup code leaves in the layer besides packages comes into no box.
#[test]
fn a_layer_that_is_more_than_files_is_refused() {
    if !has_pip() {
        return;
    }
    for setup in [
        "os.mkfifo('/workspace/layer/pipe')",
        "os.rename('/workspace/layer', '/workspace/other'); os.symlink('other', '/workspace/layer')",
    ] {
        let env = with_source(setup);
        let output = run(&env, &["odd"], "true");
        assert_eq!(output.code, Some(125), "{output}");
        assert!(output.stderr.contains("could not keep the Python packages"), "{output}");
        assert_eq!(kept(&env), 0);
    }
}

#[test]
fn two_at_once_share_one() {
    if !has_pip() {
        return;
    }
    let env = env();
    let args = ["sandbox", "run", "--backend", "local", "--python-package", "tiny", "--", "tiny"];
    let start = || env.command(&args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    for child in [start(), start(), start()] {
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "tiny as a command\n");
    }
    assert_eq!(kept(&env), 1);
}

#[test]
fn one_that_was_killed_is_cleared_up() {
    if !has_pip() {
        return;
    }
    let env = with_source("import time; time.sleep(1000)");
    let args = ["sandbox", "run", "--backend", "local", "--python-package", "odd", "--", "true"];
    let mut child = env.command(&args).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut said).unwrap();
    assert_eq!(said, "installing the Python packages `odd`\n");
    // Its box is made now, or is about to be.
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(env.run(&["sandbox", "prune"]).code, Some(0));
    assert_eq!(kept(&env), 0);
}

#[test]
fn what_nobody_used_for_long_is_pruned() {
    if !has_pip() {
        return;
    }
    let env = env();
    assert_eq!(run(&env, &["tiny"], "true").code, Some(0));
    insta::assert_snapshot!(env.run(&["sandbox", "prune"]), @"
    exit 0
    --- stderr
    nothing to delete
    ");
    let entries = fs::read_dir(env.home().join("cache/packages")).unwrap().map(|entry| entry.unwrap().path());
    let lock = entries.into_iter().find(|path| path.extension() == Some("lock".as_ref())).unwrap();
    age(&lock, 31);
    insta::assert_snapshot!(env.run(&["sandbox", "prune", "--dry-run"]), @"
    exit 0
    --- stderr
    unused sets of Python packages would be deleted: 1
    ");
    insta::assert_snapshot!(env.run(&["sandbox", "prune"]), @"
    exit 0
    --- stderr
    unused sets of Python packages deleted: 1
    ");
    assert_eq!(kept(&env), 0);
}

fn age(path: &Path, days: u64) {
    let then = SystemTime::now() - Duration::from_secs(days * 24 * 60 * 60);
    File::options().write(true).open(path).unwrap().set_modified(then).unwrap();
}
