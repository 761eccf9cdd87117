//! `/etc` of a box: what programs cannot do without, and nothing that tells of this machine.

use std::{
    fs,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use super::{
    identity::INSIDE,
    trees::{self, READ_ONLY},
};
use crate::sandbox::Network;

/// The name of the machine, seen from inside.
pub(super) const HOST: &str = "sandbox";

/// Of the host's, as far as they are there: which libraries and programs there are, whom to trust, and what time it is.
pub(super) const TAKEN: &[&str] = &[
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/debian_version",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/os-release",
    "/etc/pki/ca-trust",
    "/etc/pki/tls/certs",
    "/etc/protocols",
    "/etc/services",
    "/etc/ssl/cert.pem",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
];

/// What was taken out of the host's `/etc`.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) trees: Vec<(PathBuf, OwnedFd)>,
    pub(super) links: Vec<(&'static str, PathBuf)>,
}

/// What cannot be read is left out.
pub(super) fn take() -> Taken {
    let mut taken = Taken::default();
    for path in TAKEN {
        let Ok(meta) = Path::new(path).symlink_metadata() else { continue };
        if meta.is_symlink() {
            taken.links.extend(fs::read_link(path).map(|target| (*path, target)));
        } else {
            taken.trees.extend(trees::copy(Path::new(path), READ_ONLY).map(|tree| (PathBuf::from(path), tree)));
        }
    }
    taken
}

/// What is made, by its name.
pub(super) fn files(network: &Network) -> Vec<(&'static str, String)> {
    let resolver = match network {
        Network::Full => fs::read_to_string("/etc/resolv.conf").unwrap_or_default(),
        Network::None | Network::Allow(_) => String::new(),
    };
    vec![
        (".empty", String::new()),
        ("group", format!("root:x:0:\n{HOST}:x:{INSIDE}:\nnogroup:x:65534:\n")),
        ("hostname", format!("{HOST}\n")),
        ("hosts", format!("127.0.0.1 localhost {HOST}\n::1 localhost ip6-localhost\n")),
        ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n".into()),
        (
            "passwd",
            format!(
                "root:x:0:0:root:/root:/usr/sbin/nologin\n{HOST}:x:{INSIDE}:{INSIDE}::{home}:/bin/sh\n\
                 nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
                home = super::root::HOME,
            ),
        ),
        ("resolv.conf", resolver),
        ("shells", "/bin/sh\n/bin/bash\n".into()),
    ]
}
