//! The list of hosts that a box may reach.

use std::{fmt, net::IpAddr};

use url::Host;

/// The ports of an entry that names none.
const WEB: [u16; 2] = [80, 443];

/// Hosts, as `sandbox.network.allow` lists them.
///
/// `a.example` is that name alone and `*.a.example` every name below it, not itself; both on ports 80 and 443.
/// `a.example:8443` is that port alone. An address stands for itself, also a private one, because the user spelled it
/// out; a name never leads to a private address. Case and a trailing dot mean nothing; international names are
/// compared in their ASCII form.
#[derive(Clone, Debug)]
pub struct AllowList {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    hosts: Hosts,
    /// `None`: those of the web.
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Hosts {
    Name(String),
    /// With the dot in front.
    Below(String),
    Address(IpAddr),
}

/// An entry that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{entry}` under `network.allow` is not a host such as `docs.example.com`, `*.example.com`, `example.com:8443` or an address"
)]
pub struct AllowError {
    pub entry: String,
}

impl AllowList {
    /// # Errors
    /// An entry that cannot be read.
    pub fn parse(entries: &[String]) -> Result<Self, AllowError> {
        let wrong = |entry: &String| AllowError { entry: entry.clone() };
        let entries =
            entries.iter().map(|entry| Entry::parse(entry).ok_or_else(|| wrong(entry))).collect::<Result<_, _>>()?;
        Ok(Self { entries })
    }

    /// Whether `host` may be reached on `port`, which does not say yet where the name leads.
    pub(super) fn permits(&self, host: &Host, port: u16) -> Verdict {
        let of_host: Vec<&Entry> = self.entries.iter().filter(|entry| entry.hosts.covers(host)).collect();
        if of_host.iter().any(|entry| entry.port.map_or(WEB.contains(&port), |only| only == port)) {
            Verdict::Permitted
        } else if of_host.is_empty() {
            Verdict::Host
        } else {
            Verdict::Port
        }
    }
}

/// What the list says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Permitted,
    /// The host is not on the list.
    Host,
    /// The host is, the port is not.
    Port,
}

impl Entry {
    fn parse(entry: &str) -> Option<Self> {
        let bare = |text: &str| text.strip_prefix('[')?.strip_suffix(']')?.parse::<IpAddr>().ok();
        if let Some(address) = entry.parse::<IpAddr>().ok().or_else(|| bare(entry)) {
            return Some(Self { hosts: Hosts::Address(address), port: None });
        }
        let (host, port) = match entry.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse::<u16>().ok().filter(|port| *port != 0)?)),
            None => (entry, None),
        };
        let hosts = match (bare(host), host.strip_prefix("*.")) {
            (Some(address), _) => Hosts::Address(address),
            (None, Some(parent)) => match parse_host(parent)? {
                Host::Domain(name) => Hosts::Below(format!(".{name}")),
                _ => return None,
            },
            (None, None) => match parse_host(host)? {
                Host::Domain(name) => Hosts::Name(name),
                Host::Ipv4(address) => Hosts::Address(address.into()),
                Host::Ipv6(_) => return None,
            },
        };
        Some(Self { hosts, port })
    }
}

impl Hosts {
    fn covers(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::Name(name), Host::Domain(asked)) => name == asked,
            // A name of nothing but the dot and the parent would be no name below it.
            (Self::Below(parent), Host::Domain(asked)) => asked.len() > parent.len() && asked.ends_with(parent),
            (Self::Address(address), Host::Ipv4(asked)) => *address == *asked,
            (Self::Address(address), Host::Ipv6(asked)) => *address == *asked,
            _ => false,
        }
    }
}

/// A host in the one form in which it is compared: lower case, ASCII, without a trailing dot. A number in disguise,
/// such as `0x7f.1`, comes out as the address that it means.
pub(super) fn parse_host(text: &str) -> Option<Host> {
    let text = text.strip_suffix('.').unwrap_or(text);
    match Host::parse(text).ok()? {
        Host::Domain(name) => {
            // What the URL standard lets through and no host name has.
            let sound = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
            (sound && !name.split('.').any(str::is_empty) && name.len() <= 253).then_some(Host::Domain(name))
        }
        address => Some(address),
    }
}

impl fmt::Display for AllowList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, entry) in self.entries.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            match &entry.hosts {
                Hosts::Name(name) => write!(f, "{separator}{name}")?,
                Hosts::Below(parent) => write!(f, "{separator}*{parent}")?,
                Hosts::Address(IpAddr::V4(address)) => write!(f, "{separator}{address}")?,
                Hosts::Address(IpAddr::V6(address)) => write!(f, "{separator}[{address}]")?,
            }
            if let Some(port) = entry.port {
                write!(f, ":{port}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[&str]) -> AllowList {
        AllowList::parse(&entries.iter().map(|entry| (*entry).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    fn verdict(list: &AllowList, host: &str, port: u16) -> Verdict {
        list.permits(&parse_host(host).unwrap(), port)
    }

    #[test]
    fn a_name_is_itself_and_a_star_is_what_lies_below() {
        let list = list(&["a.example", "*.b.example", "Bücher.Example.", "c.example:8443", "*.d.example:22"]);
        for reached in ["a.example", "A.Example", "a.example.", "x.b.example", "y.x.b.example", "xn--bcher-kva.example"]
        {
            assert_eq!(verdict(&list, reached, 443), Verdict::Permitted, "{reached}");
        }
        for refused in [
            "x.a.example",
            "b.example",
            "evilb.example",
            "a.example.evil",
            "bucher.example",
            "a-example",
            "93.184.216.34",
        ] {
            assert_eq!(verdict(&list, refused, 443), Verdict::Host, "{refused}");
        }
        assert_eq!(verdict(&list, "bücher.example", 80), Verdict::Permitted);
        assert_eq!(verdict(&list, "a.example", 22), Verdict::Port);
        assert_eq!(verdict(&list, "c.example", 8443), Verdict::Permitted);
        assert_eq!(verdict(&list, "c.example", 443), Verdict::Port);
        assert_eq!(verdict(&list, "x.d.example", 22), Verdict::Permitted);
        insta::assert_snapshot!(list, @"a.example, *.b.example, xn--bcher-kva.example, c.example:8443, *.d.example:22");
    }

    #[test]
    fn an_address_is_reached_only_when_it_is_spelled_out() {
        let list = list(&["192.0.2.7", "2001:db8::1", "[2001:db8::2]:8443", "198.51.100.1:8080"]);
        assert_eq!(verdict(&list, "192.0.2.7", 80), Verdict::Permitted);
        // The same address in other spellings.
        assert_eq!(verdict(&list, "0xc0000207", 80), Verdict::Permitted);
        assert_eq!(verdict(&list, "192.0.2.8", 80), Verdict::Host);
        assert_eq!(verdict(&list, "[2001:db8:0:0::1]", 443), Verdict::Permitted);
        assert_eq!(verdict(&list, "[2001:db8::2]", 8443), Verdict::Permitted);
        assert_eq!(verdict(&list, "[2001:db8::2]", 443), Verdict::Port);
        assert_eq!(verdict(&list, "[::ffff:192.0.2.7]", 80), Verdict::Host);
        assert_eq!(verdict(&list, "198.51.100.1", 8080), Verdict::Permitted);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for entry in [
            "",
            "*",
            "*.",
            ".",
            "a b",
            "a..example",
            "http://a",
            "a.example:0",
            "a.example:x",
            "*.1.2.3.4",
            "a/b",
            "a@b",
            "x*.a",
        ] {
            assert!(AllowList::parse(&[entry.to_owned()]).is_err(), "{entry}");
        }
        insta::assert_snapshot!(AllowList::parse(&["*".to_owned()]).unwrap_err(), @"`*` under `network.allow` is not a host such as `docs.example.com`, `*.example.com`, `example.com:8443` or an address");
    }
}
