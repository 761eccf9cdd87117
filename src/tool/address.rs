//! Which addresses a model may have us connect to: the public Internet, and what the agent file allows.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::runtime::address::special;

/// An address that is not public, and that the file does not allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum AddressError {
    #[error(
        "`{host}` is {kind} ({address}), which `fetch` may not reach; `fetch.allow_private` of the agent file can allow it"
    )]
    Private { host: String, address: IpAddr, kind: &'static str },
    #[error("there is no host `{host}`")]
    NoHost { host: String },
}

/// An entry of `fetch.allow_private` that is neither a host name, nor an address, nor a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{entry}` under `fetch.allow_private` is not a host name, an address or a network such as `10.0.0.0/8`")]
pub struct AllowError {
    pub entry: String,
}

/// Decides about addresses, before a request and again while it connects.
#[derive(Clone, Debug, Default)]
pub(super) struct Guard {
    allowed: Arc<[Allowed]>,
    /// Hosts of proxies, which the user chose and a model cannot.
    proxies: Arc<[String]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Allowed {
    Host(String),
    Network { base: IpAddr, bits: u32 },
}

impl Guard {
    /// # Errors
    /// An entry that cannot be read.
    pub(super) fn new(allow_private: &[String], proxies: Vec<String>) -> Result<Self, AllowError> {
        let allowed = allow_private.iter().map(|entry| Allowed::parse(entry)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { allowed: allowed.into(), proxies: proxies.into() })
    }

    /// # Errors
    /// [`AddressError::Private`].
    pub(super) fn check(&self, host: &str, address: IpAddr) -> Result<(), AddressError> {
        let Some(kind) = special(address) else { return Ok(()) };
        if self.allowed.iter().any(|allowed| allowed.covers(host, address)) {
            return Ok(());
        }
        Err(AddressError::Private { host: host.to_owned(), address, kind })
    }

    /// The addresses of `host` that may be reached.
    ///
    /// # Errors
    /// None may, or there are none.
    pub(super) async fn resolve(&self, host: &str) -> Result<Vec<SocketAddr>, AddressError> {
        let no_host = || AddressError::NoHost { host: host.to_owned() };
        let found: Vec<SocketAddr> = tokio::net::lookup_host((host, 0)).await.map_err(|_| no_host())?.collect();
        let mut refused = no_host();
        let mut good = vec![];
        for address in found {
            match self.check(host, address.ip()) {
                Ok(()) => good.push(address),
                Err(error) => refused = error,
            }
        }
        if good.is_empty() { Err(refused) } else { Ok(good) }
    }
}

/// While connecting, so that a name cannot mean one address when it is checked and another when it is used.
impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let host = name.as_str();
            if guard.proxies.iter().any(|proxy| proxy == host) {
                let addresses: Vec<SocketAddr> = tokio::net::lookup_host((host, 0)).await?.collect();
                return Ok(Box::new(addresses.into_iter()) as Addrs);
            }
            let addresses = Self::resolve(&guard, host).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

impl Allowed {
    fn parse(entry: &str) -> Result<Self, AllowError> {
        let wrong = || AllowError { entry: entry.to_owned() };
        if let Ok(base) = entry.parse::<IpAddr>() {
            return Ok(Self::Network { base, bits: width(base) });
        }
        if let Some((base, bits)) = entry.split_once('/') {
            let base: IpAddr = base.parse().map_err(|_| wrong())?;
            let bits: u32 = bits.parse().map_err(|_| wrong())?;
            return if bits <= width(base) { Ok(Self::Network { base, bits }) } else { Err(wrong()) };
        }
        match url::Host::parse(entry) {
            Ok(url::Host::Domain(host)) => Ok(Self::Host(host)),
            _ => Err(wrong()),
        }
    }

    fn covers(&self, host: &str, address: IpAddr) -> bool {
        match self {
            Self::Host(allowed) => host.trim_end_matches('.').eq_ignore_ascii_case(allowed),
            Self::Network { base, bits } => match (*base, address) {
                (IpAddr::V4(base), IpAddr::V4(address)) => {
                    same(base.to_bits().into(), address.to_bits().into(), 32 - bits)
                }
                (IpAddr::V6(base), IpAddr::V6(address)) => same(base.to_bits(), address.to_bits(), 128 - bits),
                _ => false,
            },
        }
    }
}

fn width(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn same(one: u128, other: u128, ignored: u32) -> bool {
    one.checked_shr(ignored).unwrap_or(0) == other.checked_shr(ignored).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_reached() {
        let guard = Guard::default();
        for refused in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:8.8.8.8",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(guard.check("host", refused.parse().unwrap()).is_err(), "{refused}");
        }
        for reached in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "168.63.129.17",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.1",
            "192.167.1.1",
            "198.17.1.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2001:4860:4860::8888",
            "2a00::1",
            "64:ff9b::808:808",
        ] {
            assert_eq!(guard.check("host", reached.parse().unwrap()), Ok(()), "{reached}");
        }
    }

    #[test]
    fn the_file_can_allow_hosts_addresses_and_networks() {
        let allow = ["intranet.example", "10.1.2.3", "192.168.0.0/16", "fd00::/8"].map(str::to_owned);
        let guard = Guard::new(&allow, vec![]).unwrap();
        let reaches = |host: &str, address: &str| guard.check(host, address.parse().unwrap()).is_ok();
        assert!(reaches("intranet.example", "10.9.9.9"));
        assert!(reaches("Intranet.Example.", "127.0.0.1"));
        assert!(!reaches("evil.intranet.example", "10.9.9.9"));
        assert!(reaches("x", "10.1.2.3") && !reaches("x", "10.1.2.4"));
        assert!(reaches("x", "192.168.255.1") && !reaches("x", "172.16.0.1"));
        assert!(reaches("x", "fd12::1") && !reaches("x", "fe80::1"));
        let everything = Guard::new(&["0.0.0.0/0".to_owned()], vec![]).unwrap();
        assert_eq!(everything.check("x", "127.0.0.1".parse().unwrap()), Ok(()));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for entry in ["10.0.0.0/33", "10.0.0/8", "a b", "", "http://x"] {
            assert!(Guard::new(&[entry.to_owned()], vec![]).is_err(), "{entry}");
        }
        insta::assert_snapshot!(Guard::new(&["10.0.0.0/33".to_owned()], vec![]).unwrap_err(), @"`10.0.0.0/33` under `fetch.allow_private` is not a host name, an address or a network such as `10.0.0.0/8`");
    }

    #[tokio::test]
    async fn a_name_that_means_this_machine_is_refused() {
        insta::assert_snapshot!(
            Guard::default().resolve("localhost").await.unwrap_err().to_string().replace("::1", "127.0.0.1"),
            @"`localhost` is this machine (127.0.0.1), which `fetch` may not reach; `fetch.allow_private` of the agent file can allow it"
        );
    }
}
