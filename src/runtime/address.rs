//! Which addresses are not the public Internet.
//!
//! The ranges are those of the IANA registries for special-purpose addresses (RFC 6890 and its successors), and
//! addresses at which clouds answer with credentials.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What kind of address it is, if it is not a public one.
#[must_use]
pub fn special(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) => special_v6(address),
    }
}

fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    let [a, b, c, _] = address.octets();
    Some(match (a, b, c) {
        (0, ..) => "an address of this network",
        (127, ..) => "this machine",
        (10, ..) | (172, 16..=31, _) | (192, 168, _) => "a private address",
        (100, 64..=127, _) => "an address of a provider's own network",
        (169, 254, _) => "a link-local address, where clouds keep credentials",
        // Azure answers here.
        (168, 63, 129) if address.octets()[3] == 16 => "an address where a cloud keeps credentials",
        (192, 0, 0 | 2) | (192, 88, 99) | (198, 18 | 19, _) | (198, 51, 100) | (203, 0, 113) => "a reserved address",
        (224..=239, ..) => "a multicast address",
        (240.., ..) => "a reserved address",
        _ => return None,
    })
}

fn special_v6(address: Ipv6Addr) -> Option<&'static str> {
    let segments = address.segments();
    if address.is_loopback() {
        return Some("this machine");
    }
    // IPv4-mapped, IPv4-compatible, and NAT64 (RFC 6052) lead to an IPv4 address.
    let embedded = Ipv4Addr::from_bits((u32::from(segments[6]) << 16) | u32::from(segments[7]));
    match segments {
        [0, 0, 0, 0, 0, 0xffff | 0, ..] => return special_v4(embedded).or(Some("an IPv4 address in disguise")),
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => return special_v4(embedded),
        _ => {}
    }
    Some(match segments[0] {
        0xfc00..=0xfdff => "a private address",
        0xfe80..=0xfeff => "a link-local address",
        0xff00.. => "a multicast address",
        // 6to4 leads to any IPv4 address.
        0x2002 => "an IPv4 address in disguise",
        0x2001 if segments[1] < 0x200 || segments[1] == 0xdb8 => "a reserved address",
        0x3fff if segments[1] < 0x1000 => "a reserved address",
        0x2000..=0x3fff => return None,
        _ => "a reserved address",
    })
}
