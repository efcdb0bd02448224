//! Where a request comes from when there are proxies in front of the service.
//!
//! Anybody can write anything into `X-Forwarded-For`. Each proxy appends whom
//! it was called by, so the list is read from its end, and only as far as the
//! one who wrote an entry is a proxy that the operator named.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

use axum::{
    extract::ConnectInfo,
    http::{HeaderMap, request::Parts},
};

const FORWARDED_FOR: &str = "x-forwarded-for";

/// A network of IP addresses: `10.0.0.0/8`, `fd00::/8`, or a single address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

/// A text that is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is no network: write 10.0.0.0/8, fd00::/8 or one address")]
pub struct InvalidNetwork;

impl Network {
    /// Tells whether an address is in the network. An IPv4 address inside of an
    /// IPv6 one (`::ffff:10.0.0.1`) is the IPv4 address.
    pub fn contains(&self, ip: IpAddr) -> bool {
        let same = |a: u128, b: u128, width: u32| {
            let shift = width - self.bits;
            // A shift by the full width would be an overflow.
            shift >= 128 || a >> shift == b >> shift
        };
        match (self.address, ip.to_canonical()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => same(u32::from(a).into(), u32::from(b).into(), 32),
            (IpAddr::V6(a), IpAddr::V6(b)) => same(a.into(), b.into(), 128),
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let (address, bits) = match text.trim().split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text.trim(), None),
        };
        let address: IpAddr = address.parse().map_err(|_| InvalidNetwork)?;
        let most = match address {
            IpAddr::V4(_) => Ipv4Addr::BITS,
            IpAddr::V6(_) => Ipv6Addr::BITS,
        };
        let bits = bits.map_or(Ok(most), |bits| bits.parse().map_err(|_| InvalidNetwork))?;
        if bits > most || address.to_canonical() != address {
            return Err(InvalidNetwork);
        }
        Ok(Self { address, bits })
    }
}

/// Returns the address that a request comes from: the peer, or when that is one
/// of the trusted proxies, whom it was called by, and so on. `None` when the
/// service was not told who the peer is ([`ConnectInfo`]).
pub fn caller(parts: &Parts, trusted: &[Network]) -> Option<IpAddr> {
    let ConnectInfo(peer) = parts.extensions.get::<ConnectInfo<SocketAddr>>()?;
    Some(origin(peer.ip(), &parts.headers, trusted))
}

fn origin(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let is_trusted = |ip: IpAddr| trusted.iter().any(|network| network.contains(ip));
    let lines = headers.get_all(FORWARDED_FOR).into_iter().rev();
    // A line that is no text has no entry that could be read: it ends the way.
    let entries = lines.flat_map(|line| line.to_str().unwrap_or("?").rsplit(','));
    let mut from = peer.to_canonical();
    for entry in entries {
        if !is_trusted(from) {
            break;
        }
        match address(entry.trim()) {
            Some(ip) => from = ip.to_canonical(),
            // Whoever wrote this did not know; nothing before it can be believed.
            None => break,
        }
    }
    from
}

/// Reads an entry: an address, which some proxies write with a port.
fn address(entry: &str) -> Option<IpAddr> {
    let with_port = || Some(entry.parse::<SocketAddr>().ok()?.ip());
    let bracketed = || entry.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    entry.parse().ok().or_else(with_port).or_else(bracketed)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn networks(texts: &[&str]) -> Vec<Network> {
        let parse = |text: &&str| text.parse().expect("a network");
        texts.iter().map(parse).collect()
    }

    /// Where a request seems to come from, with 10/8 and `::1` as proxies.
    fn from(peer: &str, lines: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            let value = HeaderValue::from_bytes(line.as_bytes()).expect("a value");
            headers.append(FORWARDED_FOR, value);
        }
        let trusted = networks(&["10.0.0.0/8", "::1"]);
        origin(peer.parse().expect("an address"), &headers, &trusted).to_string()
    }

    #[test]
    fn without_a_proxy_the_header_means_nothing() {
        assert_eq!(from("192.0.2.1", &["203.0.113.9"]), "192.0.2.1");
        assert_eq!(from("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn a_trusted_proxy_tells_who_called_it() {
        assert_eq!(from("10.0.0.1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(from("::1", &["2001:db8::9"]), "2001:db8::9");
        assert_eq!(
            from("::ffff:10.0.0.1", &["::ffff:203.0.113.9"]),
            "203.0.113.9"
        );
        assert_eq!(from("10.0.0.1", &["203.0.113.9:4711"]), "203.0.113.9");
        assert_eq!(from("10.0.0.1", &["[2001:db8::9]:4711"]), "2001:db8::9");
        assert_eq!(from("10.0.0.1", &["[2001:db8::9]"]), "2001:db8::9");
    }

    #[test]
    fn what_the_caller_wrote_before_the_proxy_is_not_believed() {
        assert_eq!(from("10.0.0.1", &["1.1.1.1, 203.0.113.9"]), "203.0.113.9");
        assert_eq!(from("10.0.0.1", &["1.1.1.1", "203.0.113.9"]), "203.0.113.9");
        assert_eq!(
            from("10.0.0.1", &["10.9.9.9, 203.0.113.9, 10.0.0.2"]),
            "203.0.113.9"
        );
    }

    #[test]
    fn what_cannot_be_read_ends_the_way() {
        for odd in ["unknown", "", "203.0.113"] {
            let line = format!("1.1.1.1, {odd}, 10.0.0.2");
            assert_eq!(from("10.0.0.1", &[&line]), "10.0.0.2", "{odd:?}");
        }
        assert_eq!(from("10.0.0.1", &["1.1.1.1", "\u{fc}"]), "10.0.0.1");
        assert_eq!(
            from("10.0.0.1", &["10.0.0.3, 10.0.0.2"]),
            "10.0.0.3",
            "proxies alone"
        );
    }

    #[test]
    fn a_network_is_its_first_bits() {
        let within = |network: &str, ip: &str| {
            networks(&[network])[0].contains(ip.parse().expect("an address"))
        };
        assert!(within("160.79.104.0/21", "160.79.111.255"));
        assert!(!within("160.79.104.0/21", "160.79.112.0"));
        assert!(within("0.0.0.0/0", "8.8.8.8") && within("::/0", "2001:db8::1"));
        assert!(!within("::/0", "8.8.8.8") && !within("0.0.0.0/0", "::1"));
        assert!(within("192.0.2.7", "192.0.2.7") && !within("192.0.2.7", "192.0.2.8"));
        assert!(within("fd00::/8", "fdff::1") && !within("fd00::/8", "fe80::1"));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in [
            "",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/",
            "10/8",
            "proxy",
            "::ffff:10.0.0.1",
        ] {
            assert_eq!(text.parse::<Network>(), Err(InvalidNetwork), "{text}");
        }
    }
}
