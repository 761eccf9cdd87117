//! A server of names: what the attempts need of RFC 1035.

use std::{
    net::{IpAddr, Ipv6Addr},
    sync::atomic::{AtomicUsize, Ordering},
};

use tokio::net::UdpSocket;

use super::net::{Log, OTHER, PUBLIC, PUBLIC_6};

/// Where a name leads.
enum Leads {
    To(Vec<IpAddr>),
    /// By way of another name.
    Alias(&'static str, Vec<IpAddr>),
    Nowhere,
}

fn leads(name: &str, asked: usize) -> Leads {
    let to = |addresses: &[&str]| Leads::To(addresses.iter().map(|address| address.parse().unwrap()).collect());
    match name {
        "allowed.test" | "wild.test" | "evilwild.test" | "xn--bcher-kva.test" => to(&[PUBLIC]),
        name if name.ends_with(".wild.test") => to(&[PUBLIC]),
        "six.test" => to(&[PUBLIC_6]),
        "other.test" => to(&[OTHER]),
        "private.test" => to(&["10.0.0.1"]),
        "lan.test" => to(&["192.168.0.1"]),
        "metadata.test" | "metadata.google.internal" => to(&["169.254.169.254"]),
        "metadata6.test" => to(&["fd00:ec2::254"]),
        "alibaba.test" => to(&["100.100.100.200"]),
        "azure.test" => to(&["168.63.129.16"]),
        "loopback.test" => to(&["127.0.0.1", "::1"]),
        "zero.test" => to(&["0.0.0.0"]),
        "reserved.test" => to(&["198.51.100.1"]),
        "mapped.test" => to(&["::ffff:10.0.0.1"]),
        "nat64.test" => to(&["64:ff9b::a00:1"]),
        "mixed.test" => to(&["10.0.0.1", PUBLIC]),
        "alias.test" => Leads::Alias("hidden.test", vec!["192.168.0.1".parse().unwrap()]),
        // Public to who asks first, and then not any more.
        "rebind.test" if asked == 0 => to(&[PUBLIC]),
        "rebind.test" => to(&["169.254.169.254"]),
        _ => Leads::Nowhere,
    }
}

const A: u16 = 1;
const CNAME: u16 = 5;
const AAAA: u16 = 28;

pub async fn serve(socket: UdpSocket, asked: Log) {
    let rebinds = AtomicUsize::new(0);
    let mut packet = [0; 512];
    while let Ok((length, from)) = socket.recv_from(&mut packet).await {
        if let Some(answer) = answer(&packet[..length], &asked, &rebinds) {
            let _ = socket.send_to(&answer, from).await;
        }
    }
}

fn answer(packet: &[u8], asked: &Log, rebinds: &AtomicUsize) -> Option<Vec<u8>> {
    let (name, end) = name(packet, 12)?;
    let kind = u16::from_be_bytes([*packet.get(end)?, *packet.get(end + 1)?]);
    asked.add(name.clone());
    let count = if name == "rebind.test" && kind == A { rebinds.fetch_add(1, Ordering::Relaxed) } else { 0 };
    let (addresses, alias) = match leads(&name, count) {
        Leads::To(addresses) => (addresses, None),
        Leads::Alias(alias, addresses) => (addresses, Some(alias)),
        Leads::Nowhere => (vec![], None),
    };
    let mut records: Vec<Vec<u8>> = vec![];
    // The name of the question, by its place in the packet.
    let mut owner = vec![0xc0, 12];
    if let Some(alias) = alias {
        records.push(record(&owner, CNAME, &encoded(alias)));
        owner = encoded(alias);
    }
    for address in addresses {
        match address {
            IpAddr::V4(address) if kind == A => records.push(record(&owner, A, &address.octets())),
            IpAddr::V6(address) if kind == AAAA => records.push(record(&owner, AAAA, &Ipv6Addr::octets(&address))),
            _ => {}
        }
    }
    let mut answer = packet[..2].to_vec();
    // An authoritative answer, recursion available; whoever asks for a name that leads nowhere hears so.
    let code = u8::from(matches!(leads(&name, count), Leads::Nowhere)) * 3;
    answer.extend([0x84 | (packet[2] & 1), 0x80 | code, 0, 1, 0, u8::try_from(records.len()).ok()?, 0, 0, 0, 0]);
    answer.extend(&packet[12..end + 4]);
    answer.extend(records.concat());
    Some(answer)
}

/// The name at `at`, in lower case, and where it ends.
fn name(packet: &[u8], mut at: usize) -> Option<(String, usize)> {
    let mut labels = vec![];
    loop {
        let length = usize::from(*packet.get(at)?);
        at += 1;
        if length == 0 {
            return Some((labels.join("."), at));
        }
        labels.push(String::from_utf8_lossy(packet.get(at..at + length)?).to_lowercase());
        at += length;
    }
}

fn encoded(name: &str) -> Vec<u8> {
    let mut bytes: Vec<u8> =
        name.split('.').flat_map(|label| [&[u8::try_from(label.len()).unwrap()], label.as_bytes()].concat()).collect();
    bytes.push(0);
    bytes
}

fn record(owner: &[u8], kind: u16, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap().to_be_bytes();
    [owner, &kind.to_be_bytes(), &[0, 1, 0, 0, 0, 0], &length, data].concat()
}
