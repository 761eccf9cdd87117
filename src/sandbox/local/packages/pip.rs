//! Where pip finds packages, as it is configured for this user: its variables, its configuration files, the proxies.
//! What they say may hold passwords, which the code of a package that comes without a wheel can read.
//!
//! Source: pip's user guide, "Configuration".

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::{config::Env, sandbox::Mount};

/// Of pip's options: where packages are, how to get there, and which to take.
const OPTIONS: &[&str] = &[
    "cert",
    "default-timeout",
    "extra-index-url",
    "find-links",
    "index-url",
    "no-binary",
    "no-index",
    "only-binary",
    "pre",
    "proxy",
    "retries",
    "timeout",
    "trusted-host",
];
/// Of the environment besides.
const VARIABLES: &[&str] = &[
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
];
/// What boxes see of the machine anyway.
const SEEN: [&str; 2] = ["/usr", "/etc/ssl"];

/// What an installation is given.
pub(super) struct Pip {
    pub(super) env: BTreeMap<String, String>,
    /// Folders and files that it names.
    pub(super) mounts: Vec<Mount>,
}

impl Pip {
    pub(super) fn of(env: &Env) -> Self {
        let mut vars = BTreeMap::new();
        for file in files(env) {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            vars.extend(settings(&text).into_iter().map(|(option, value)| (variable(&option), value)));
        }
        let names =
            OPTIONS.iter().map(|option| variable(option)).chain(VARIABLES.iter().map(|name| (*name).to_owned()));
        vars.extend(names.filter_map(|name| env.var(&name).map(str::to_owned).map(|value| (name, value))));
        let mut mounts = vec![];
        for name in ["PIP_FIND_LINKS", "PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"] {
            let Some(value) = vars.get_mut(name) else { continue };
            let words: Vec<String> = value.split_whitespace().map(|word| absolute(word, &env.cwd)).collect();
            *value = words.join(" ");
            mounts.extend(words.iter().filter_map(|word| mount(word)));
        }
        Self { env: vars, mounts }
    }
}

fn variable(option: &str) -> String {
    format!("PIP_{}", option.to_uppercase().replace('-', "_"))
}

/// The files that pip reads, the ones that win last.
fn files(env: &Env) -> Vec<PathBuf> {
    let own = env.var("PIP_CONFIG_FILE").map(PathBuf::from);
    if own.as_deref() == Some(Path::new("/dev/null")) {
        return vec![];
    }
    let home = PathBuf::from(env.var("HOME").unwrap_or("/"));
    let config = env.var("XDG_CONFIG_HOME").map_or_else(|| home.join(".config"), PathBuf::from);
    let shared = [PathBuf::from("/etc/xdg/pip/pip.conf"), PathBuf::from("/etc/pip.conf")];
    shared.into_iter().chain([home.join(".pip/pip.conf"), config.join("pip/pip.conf")]).chain(own).collect()
}

/// What a configuration file says of [`OPTIONS`]: what is under `install` wins over what is under `global`.
fn settings(text: &str) -> BTreeMap<String, String> {
    let (mut global, mut install) = (BTreeMap::new(), BTreeMap::new());
    let (mut section, mut option) = (String::new(), None::<String>);
    for line in text.lines() {
        let plain = line.trim();
        if plain.is_empty() || plain.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = plain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            (section, option) = (name.to_owned(), None);
            continue;
        }
        let settings: &mut BTreeMap<String, String> = match section.as_str() {
            "global" => &mut global,
            "install" => &mut install,
            _ => continue,
        };
        if line.starts_with(char::is_whitespace) {
            if let Some(value) = option.as_ref().and_then(|option| settings.get_mut(option)) {
                *value = format!("{value} {plain}").trim().to_owned();
            }
        } else if let Some((name, value)) = plain.split_once(['=', ':']) {
            let name = name.trim().to_lowercase().replace('_', "-");
            settings.insert(name.clone(), value.trim().to_owned());
            option = Some(name);
        }
    }
    global.extend(install);
    global.retain(|option, value| OPTIONS.contains(&option.as_str()) && !value.is_empty());
    global
}

/// A path from the working directory is another inside.
fn absolute(word: &str, cwd: &Path) -> String {
    if word.contains("://") { word.to_owned() } else { cwd.join(word).display().to_string() }
}

/// What is there at a path, for the box too.
fn mount(word: &str) -> Option<Mount> {
    let path = Path::new(word.strip_prefix("file://").unwrap_or(word));
    let host = path.canonicalize().ok().filter(|_| path.is_absolute())?;
    let seen = SEEN.iter().any(|seen| host.starts_with(seen));
    (!seen).then(|| Mount { inside: path.components().collect(), host, read_only: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_file_is_read_as_pip_does() {
        let text = "
[global]
index-url = https://one.example/simple
trusted_host: a.example
# extra-index-url = https://no.example
find-links =
    /srv/wheels
    https://two.example/wheels
user = yes

[install]
index-url=https://three.example/simple
[download]
no-index = true
";
        let found: Vec<_> = settings(text).into_iter().map(|(name, value)| format!("{name} {value}")).collect();
        insta::assert_snapshot!(found.join("\n"), @"
        find-links /srv/wheels https://two.example/wheels
        index-url https://three.example/simple
        trusted-host a.example
        ");
    }

    #[test]
    fn variables_win_and_folders_come_along() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(home.join(".config/pip")).unwrap();
        std::fs::write(home.join(".config/pip/pip.conf"), "[global]\nindex-url = https://file.example\nretries = 1\n")
            .unwrap();
        let path = home.display().to_string();
        let vars = [
            ("HOME", path.as_str()),
            ("PIP_INDEX_URL", "https://var.example"),
            ("PIP_FIND_LINKS", ". https://x /nowhere"),
        ];
        let pip = Pip::of(&Env::fake(&home, &vars));
        assert_eq!(pip.env["PIP_INDEX_URL"], "https://var.example");
        assert_eq!(pip.env["PIP_RETRIES"], "1");
        assert!(!pip.env.contains_key("HOME"));
        assert_eq!(pip.mounts.iter().map(|mount| &mount.host).collect::<Vec<_>>(), [&home]);
    }
}
