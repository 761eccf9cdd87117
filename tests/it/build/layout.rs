//! The image as files: complete, the same each time, and with nothing of the machine in it.

use std::{collections::BTreeMap, io::Read as _, path::Path};

use serde_json::Value;

use super::{build, executable, project, sha256};
use crate::common::TestEnv;

/// A layout as tools read it, every content checked against its name.
struct Layout {
    files: BTreeMap<String, Vec<u8>>,
}

impl Layout {
    fn of_folder(folder: &Path) -> Self {
        let mut files = BTreeMap::new();
        let mut open = vec![folder.to_owned()];
        while let Some(next) = open.pop() {
            for entry in std::fs::read_dir(next).unwrap().flatten() {
                match entry.path() {
                    path if path.is_dir() => open.push(path),
                    path => {
                        let name = path.strip_prefix(folder).unwrap().display().to_string();
                        files.insert(name, std::fs::read(&path).unwrap());
                    }
                }
            }
        }
        Self { files }.checked()
    }

    fn of_tar(bytes: &[u8]) -> Self {
        let mut files = BTreeMap::new();
        for entry in tar::Archive::new(bytes).entries().unwrap() {
            let mut entry = entry.unwrap();
            let name = entry.path().unwrap().display().to_string();
            let mut content = vec![];
            entry.read_to_end(&mut content).unwrap();
            files.insert(name, content);
        }
        Self { files }.checked()
    }

    fn checked(self) -> Self {
        for (name, content) in &self.files {
            if let Some(hex) = name.strip_prefix("blobs/sha256/") {
                assert_eq!(sha256(content), format!("sha256:{hex}"));
            }
        }
        self
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&self.files[name]).unwrap()
    }

    fn blob(&self, descriptor: &Value) -> &[u8] {
        let digest = descriptor["digest"].as_str().unwrap();
        let content = &self.files[&digest.replace("sha256:", "blobs/sha256/")];
        assert_eq!(descriptor["size"], content.len());
        content
    }

    fn manifest(&self) -> Value {
        serde_json::from_slice(self.blob(&self.json("index.json")["manifests"][0])).unwrap()
    }

    fn config(&self) -> Value {
        serde_json::from_slice(self.blob(&self.manifest()["config"])).unwrap()
    }

    /// Mode, owner, size and path of each entry of a layer.
    fn entries(&self, layer: usize) -> String {
        let manifest = self.manifest();
        let mut archive = vec![];
        flate2::read::GzDecoder::new(self.blob(&manifest["layers"][layer])).read_to_end(&mut archive).unwrap();
        assert_eq!(self.config()["rootfs"]["diff_ids"][layer], sha256(&archive));
        let mut out = String::new();
        for entry in tar::Archive::new(&archive[..]).entries().unwrap() {
            let entry = entry.unwrap();
            let header = entry.header();
            assert_eq!(header.mtime().unwrap(), 0);
            let link = entry.link_name().unwrap().map_or(String::new(), |to| format!(" -> {}", to.display()));
            let (mode, owner) = (header.mode().unwrap(), header.uid().unwrap());
            out += &format!("{mode:o} {owner} {} {}{link}\n", entry.size(), entry.path().unwrap().display());
        }
        out
    }
}

#[test]
fn an_image_holds_the_agent_what_it_names_and_nothing_else() {
    let env = TestEnv::new();
    project(&env);
    std::os::unix::fs::symlink("notes/prices.txt", env.work().join("skills/shop/prices")).unwrap();
    let (output, result) = build(&env, &["team", "--output-oci", "image"]);
    assert_eq!(output.code, Some(0), "{output}");
    let layout = Layout::of_folder(&env.work().join("image"));
    insta::assert_snapshot!(layout.entries(0), @"
    755 0 152 agentscope
    700 65532 0 data/
    1777 0 0 tmp/
    ");
    insta::assert_snapshot!(layout.entries(1), @"
    755 0 0 agent/
    755 0 0 agent/other/
    755 0 0 agent/other/deep/
    755 0 0 agent/skills/
    755 0 0 agent/skills/shop/
    755 0 0 agent/skills/shop/notes/
    755 0 0 agent/team/
    755 0 0 agent/team/tools/
    644 0 58 agent/other/agent.yaml
    644 0 6 agent/other/deep/prompt.md
    644 0 44 agent/skills/shop/SKILL.md
    644 0 2 agent/skills/shop/notes/prices.txt
    777 0 0 agent/skills/shop/prices -> notes/prices.txt
    644 0 61 agent/team/.mcp.json
    644 0 489 agent/team/agent.yaml
    755 0 17 agent/team/guard.sh
    644 0 9 agent/team/prompt.md
    644 0 172 agent/team/shop.yaml
    644 0 2 agent/team/tools/data.json
    755 0 31 agent/team/tools/server
    ");
    let mut config = layout.config();
    for hash in ["agentscope.agent-hash", "agentscope.binary"] {
        let label = config["config"]["Labels"][hash].take();
        assert!(label.as_str().unwrap().starts_with("sha256:"), "{label}");
    }
    config["rootfs"].take();
    insta::assert_json_snapshot!(config, @r#"
    {
      "created": "1970-01-01T00:00:00Z",
      "architecture": "amd64",
      "os": "linux",
      "config": {
        "User": "65532:65532",
        "ExposedPorts": {
          "8091/tcp": {}
        },
        "Env": [
          "AGENTSCOPE_HOME=/data",
          "HOME=/data"
        ],
        "Entrypoint": [
          "/agentscope"
        ],
        "Cmd": [
          "run",
          "/agent/team/agent.yaml",
          "--host",
          "0.0.0.0",
          "--port",
          "8091"
        ],
        "WorkingDir": "/data",
        "StopSignal": "SIGTERM",
        "Labels": {
          "agentscope.agent": "demo",
          "agentscope.agent-hash": null,
          "agentscope.binary": null,
          "agentscope.version": "0.1.0",
          "org.opencontainers.image.description": "Knows the shop",
          "org.opencontainers.image.licenses": "MIT",
          "org.opencontainers.image.title": "demo",
          "org.opencontainers.image.version": "1.2.0"
        }
      },
      "rootfs": null,
      "history": [
        {
          "created": "1970-01-01T00:00:00Z",
          "created_by": "agentscope: the executable"
        },
        {
          "created": "1970-01-01T00:00:00Z",
          "created_by": "agentscope: the agent"
        }
      ]
    }
    "#);
    let manifest = layout.manifest();
    assert_eq!(result["digest"], layout.json("index.json")["manifests"][0]["digest"]);
    assert_eq!(result["id"], manifest["config"]["digest"]);
    insta::assert_json_snapshot!(result["warnings"], @r#"
    [
      "the MCP server `local` needs `python3`, which an image without a base has not: name one that has it with `--base`",
      "the MCP server `time` needs `uvx`, which an image without a base has not: name one that has it with `--base`",
      "a hook needs `sh`, which an image without a base has not: name one that has it with `--base`"
    ]
    "#);
}

#[test]
fn the_same_input_is_the_same_image() {
    let digests = |change: &dyn Fn(&TestEnv), args: &[&str]| {
        let env = TestEnv::new();
        project(&env);
        change(&env);
        let (output, result) = build(&env, &[&["team", "--output-oci", "a.tar"], args].concat());
        assert_eq!(output.code, Some(0), "{output}");
        let layers =
            result["layers"].as_array().unwrap().iter().map(|layer| layer["digest"].clone()).collect::<Vec<_>>();
        (result["digest"].clone(), layers, std::fs::read(env.work().join("a.tar")).unwrap())
    };
    let first = digests(&|_| (), &[]);
    // Another folder, other times, files that the image does not have, another order of making them.
    let second = digests(
        &|env| {
            let touched = std::fs::File::options().append(true).open(env.work().join("team/prompt.md")).unwrap();
            touched.set_modified(std::time::UNIX_EPOCH).unwrap();
            env.write("team/new.txt", "not named");
            executable(&env.work().join("team/guard.sh"));
        },
        &[],
    );
    assert_eq!(first, second);
    let changed = digests(&|env| drop(env.write("team/prompt.md", "Be long.")), &[]);
    assert_ne!(first.0, changed.0);
    assert_eq!(first.1[0], changed.1[0], "the executable is the same");
    assert_ne!(first.1[1], changed.1[1]);
    let labelled = digests(&|_| (), &["--revision", "abc123"]);
    assert_ne!(first.0, labelled.0);
    assert_eq!(first.1, labelled.1, "a label costs no layer");
}

#[test]
fn a_tar_is_loaded_by_old_engines_too() {
    let env = TestEnv::new();
    project(&env);
    let (output, result) = build(&env, &["team", "--output-oci", "image.tar", "--tag", "demo:1"]);
    assert_eq!(output.code, Some(0), "{output}");
    let layout = Layout::of_tar(&std::fs::read(env.work().join("image.tar")).unwrap());
    let manifest = layout.json("manifest.json");
    assert_eq!(manifest[0]["RepoTags"][0], "demo:1");
    assert_eq!(manifest[0]["Config"], result["id"].as_str().unwrap().replace("sha256:", "blobs/sha256/"));
    for layer in manifest[0]["Layers"].as_array().unwrap() {
        assert!(layout.files.contains_key(layer.as_str().unwrap()));
    }
    assert_eq!(layout.files["oci-layout"], br#"{"imageLayoutVersion":"1.0.0"}"#);
}

#[test]
fn an_executable_that_did_not_change_is_packed_once() {
    let env = TestEnv::new();
    project(&env);
    let reused = |result: &Value| [result["layers"][0]["reused"].clone(), result["layers"][1]["reused"].clone()];
    let (_, first) = build(&env, &["team", "--output-oci", "image"]);
    assert_eq!(reused(&first), [false, false]);
    env.write("team/prompt.md", "Be long.");
    let binary = env.work().join("../agentscope-static");
    let again = env.run(&[
        "build",
        "team",
        "--output-oci",
        "image",
        "-o",
        "json",
        "--runtime-binary",
        binary.to_str().unwrap(),
    ]);
    let again: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(reused(&again), [true, false]);
    // The folder is one whole layout still.
    assert_eq!(
        Layout::of_folder(&env.work().join("image")).json("index.json")["manifests"][0]["digest"],
        again["digest"]
    );
}

#[test]
fn what_is_written_where() {
    let env = TestEnv::new().var("DOCKER_HOST", "unix:///nowhere/docker.sock");
    env.write("agent.yaml", "name: demo\nmodel: demo\n");
    env.write("mine/file.txt", "mine");
    let (output, _) = build(&env, &["--output-oci", "mine"]);
    insta::assert_snapshot!(output, @"
    exit 2
    --- stderr
    using ./agent.yaml
    packing our executable
    packing the agent
    writing mine
    error: `[WORK]/mine` holds something else than an OCI image layout
    hint: name a new folder, an empty one, or a file that ends in `.tar`
    ");
    assert_eq!(std::fs::read_dir(env.work().join("mine")).unwrap().count(), 1);
    let (output, _) = build(&env, &[]);
    insta::assert_snapshot!(output, @"
    exit 1
    --- stderr
    using ./agent.yaml
    packing our executable
    packing the agent
    error: no container engine can be used: there is no socket `/nowhere/docker.sock`, which DOCKER_HOST names
    hint: the image needs none: write it with `--output-oci PATH`, or send it with `--push REPOSITORY`
    ");
}

#[test]
fn only_our_own_executable_gets_in() {
    let env = TestEnv::new();
    env.write("agent.yaml", "name: demo\nmodel: demo\n");
    let of = |path: &Path| {
        let output = env.run(&["build", "--output-oci", "image", "--runtime-binary", path.to_str().unwrap()]);
        output.to_string().replace(env!("CARGO_BIN_EXE_agentscope"), "[BUILT]")
    };
    let mut foreign = std::fs::read(super::binary(&env)).unwrap();
    foreign.truncate(64 + 56);
    insta::assert_snapshot!(of(&env.write("foreign", foreign)), @"
    exit 2
    --- stderr
    using ./agent.yaml
    error: `[WORK]/foreign` cannot be put into containers: it is not agentscope 0.1.0
    hint: name a static one of this version with `--runtime-binary FILE` or AGENTSCOPE_RUNTIME_BINARY; releases are static, and `cargo rustc --release --bin agentscope -- -C target-feature=+crt-static` builds one
    ");
    insta::assert_snapshot!(of(&env.write("script", "#!/bin/sh\n")), @"
    exit 2
    --- stderr
    using ./agent.yaml
    error: `[WORK]/script` cannot be put into containers: it is not an executable for Linux
    hint: name a static one of this version with `--runtime-binary FILE` or AGENTSCOPE_RUNTIME_BINARY; releases are static, and `cargo rustc --release --bin agentscope -- -C target-feature=+crt-static` builds one
    ");
    insta::assert_snapshot!(of(&env.work().join("missing")), @"
    exit 2
    --- stderr
    using ./agent.yaml
    error: could not read `[WORK]/missing`
      because: No such file or directory (os error 2)
    ");
    assert!(!env.work().join("image").exists());
}
