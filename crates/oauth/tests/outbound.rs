//! Which addresses and URLs the server fetches when a stranger names them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use picard_oauth::outbound::{InvalidOutboundUrl as Invalid, OutboundUrl, is_public};
use proptest::prelude::*;

/// The IANA registry of special-purpose addresses of IPv4, multicast, and one
/// platform's own service: first and last address of each block.
const SPECIAL_V4: [(&str, &str); 26] = [
    ("0.0.0.0", "0.255.255.255"),
    ("10.0.0.0", "10.255.255.255"),
    ("100.64.0.0", "100.127.255.255"),
    ("127.0.0.0", "127.255.255.255"),
    ("168.63.129.16", "168.63.129.16"),
    ("169.254.0.0", "169.254.255.255"),
    ("172.16.0.0", "172.31.255.255"),
    ("192.0.0.0", "192.0.0.255"),
    ("192.0.0.0", "192.0.0.7"),
    ("192.0.0.8", "192.0.0.8"),
    ("192.0.0.9", "192.0.0.9"),
    ("192.0.0.10", "192.0.0.10"),
    ("192.0.0.170", "192.0.0.171"),
    ("192.0.2.0", "192.0.2.255"),
    ("192.31.196.0", "192.31.196.255"),
    ("192.52.193.0", "192.52.193.255"),
    ("192.88.99.0", "192.88.99.255"),
    ("192.168.0.0", "192.168.255.255"),
    ("192.175.48.0", "192.175.48.255"),
    ("198.18.0.0", "198.19.255.255"),
    ("198.51.100.0", "198.51.100.255"),
    ("203.0.113.0", "203.0.113.255"),
    ("224.0.0.0", "239.255.255.255"),
    ("240.0.0.0", "255.255.255.255"),
    ("255.255.255.255", "255.255.255.255"),
    ("169.254.169.254", "169.254.169.254"),
];

/// The same for IPv6.
const SPECIAL_V6: [(&str, &str); 26] = [
    ("::", "::"),
    ("::1", "::1"),
    ("::ffff:0:0", "::ffff:ffff:ffff"),
    ("64:ff9b::", "64:ff9b::ffff:ffff"),
    ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"),
    ("100::", "100::ffff:ffff:ffff:ffff"),
    ("100:0:0:1::", "100:0:0:1:ffff:ffff:ffff:ffff"),
    ("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2001:1::1", "2001:1::3"),
    ("2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff"),
    ("2001:3::", "2001:3:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2001:4:112::", "2001:4:112:ffff:ffff:ffff:ffff:ffff"),
    ("2001:10::", "2001:1f:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2001:20::", "2001:2f:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2001:30::", "2001:3f:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2620:4f:8000::", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff"),
    ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("fd00:ec2::254", "fd00:ec2::254"),
];

fn v4(text: &str) -> u32 {
    text.parse::<Ipv4Addr>().expect("an address").to_bits()
}

fn v6(text: &str) -> u128 {
    text.parse::<Ipv6Addr>().expect("an address").to_bits()
}

fn public_v4(bits: u32) -> bool {
    is_public(IpAddr::V4(Ipv4Addr::from_bits(bits)))
}

fn public_v6(bits: u128) -> bool {
    is_public(IpAddr::V6(Ipv6Addr::from_bits(bits)))
}

/// The registries once more, by comparison and not by prefix.
fn special_v4(bits: u32) -> bool {
    SPECIAL_V4
        .iter()
        .any(|(first, last)| (v4(first)..=v4(last)).contains(&bits))
}

fn special_v6(bits: u128) -> bool {
    let given_out = (v6("2000::")..=v6("3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")).contains(&bits);
    !given_out
        || SPECIAL_V6
            .iter()
            .any(|(first, last)| (v6(first)..=v6(last)).contains(&bits))
}

#[test]
fn every_special_block_is_refused_from_its_first_to_its_last_address() {
    for (first, last) in SPECIAL_V4 {
        let (first, last) = (v4(first), v4(last));
        for bits in [first, first + (last - first) / 2, last] {
            assert!(!public_v4(bits), "{}", Ipv4Addr::from_bits(bits));
        }
        for bits in [first.wrapping_sub(1), last.wrapping_add(1)] {
            let address = Ipv4Addr::from_bits(bits);
            assert_eq!(public_v4(bits), !special_v4(bits), "{address}");
        }
    }
    for (first, last) in SPECIAL_V6 {
        let (first, last) = (v6(first), v6(last));
        for bits in [first, first + (last - first) / 2, last] {
            assert!(!public_v6(bits), "{}", Ipv6Addr::from_bits(bits));
        }
        for bits in [first.wrapping_sub(1), last.wrapping_add(1)] {
            let address = Ipv6Addr::from_bits(bits);
            assert_eq!(public_v6(bits), !special_v6(bits), "{address}");
        }
    }
}

#[test]
fn addresses_of_the_internet_are_fetched_from() {
    for address in [
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "160.79.104.10",
        "172.15.255.255",
        "172.32.0.0",
        "192.167.255.255",
        "223.255.255.255",
        "2606:4700::1111",
        "2001:200::1",
        "2a00:1450::1",
        "3ffe:ffff::1",
    ] {
        assert!(is_public(address.parse().expect("an address")), "{address}");
    }
}

proptest! {
    #[test]
    fn blocks_and_prefixes_agree_about_every_address(bits: u32, more: u128) {
        prop_assert_eq!(public_v4(bits), !special_v4(bits));
        prop_assert_eq!(public_v6(more), !special_v6(more));
        let global = (more >> 3) | (1 << 125);
        prop_assert_eq!(public_v6(global), !special_v6(global));
    }

    #[test]
    fn no_address_of_ipv4_comes_in_through_ipv6(bits: u32) {
        let bits = u128::from(bits);
        for (prefix, shift) in [
            ("::", 0),
            ("::ffff:0:0", 0),
            ("::ffff:0:0:0", 0),
            ("64:ff9b::", 0),
            ("64:ff9b:1::", 0),
            ("2002::", 80),
            ("2001::", 0),
        ] {
            prop_assert!(!public_v6(v6(prefix) | (bits << shift)), "{}", prefix);
        }
    }

    #[test]
    fn a_url_that_is_accepted_is_what_every_parser_reads(text in "https://[a-zA-Z0-9.:@/\\\\?#%\\[\\]_-]{1,40}") {
        if let Ok(url) = text.parse::<OutboundUrl>() {
            let read = url::Url::parse(&text).expect("a URL");
            prop_assert_eq!(read.as_str(), url.as_str());
            prop_assert_eq!(read.domain(), Some(url.host()));
            prop_assert_eq!(read.port_or_known_default(), Some(url.port()));
            prop_assert!(read.username().is_empty() && read.fragment().is_none());
        }
    }

    #[test]
    fn no_address_is_a_host(bits: u32, more: u128, decimal: bool) {
        let host = if decimal { bits.to_string() } else { Ipv4Addr::from_bits(bits).to_string() };
        let bracketed = format!("[{}]", Ipv6Addr::from_bits(more));
        for host in [host, bracketed, format!("0x{bits:x}"), format!("0{bits:o}")] {
            let text = format!("https://{host}/client.json");
            prop_assert!(text.parse::<OutboundUrl>().is_err(), "{}", text);
        }
    }
}

#[test]
fn a_url_has_a_public_name_and_one_spelling() {
    let long = format!("https://app.example/{}", "a".repeat(1024));
    let label = format!("https://{}.example/", "a".repeat(64));
    for (text, why) in [
        ("http://app.example/a", Invalid::NotHttps),
        ("HTTPS://app.example/a", Invalid::NotHttps),
        ("ftp://app.example/a", Invalid::NotHttps),
        ("//app.example/a", Invalid::NotHttps),
        ("", Invalid::NotHttps),
        ("https:/app.example/a", Invalid::NotHttps),
        ("https://app.example/a#b", Invalid::Fragment),
        ("https://app.example/a#", Invalid::Fragment),
        ("https://user@app.example/a", Invalid::UserInfo),
        ("https://user:pw@app.example/a", Invalid::UserInfo),
        ("https://@app.example/a", Invalid::UserInfo),
        ("https://app.example\\@evil.example/a", Invalid::NotNormal),
        ("https://127.0.0.1/a", Invalid::Address),
        ("https://2130706433/a", Invalid::Address),
        ("https://0x7f.1/a", Invalid::Address),
        ("https://0177.0.0.1/a", Invalid::Address),
        ("https://1.1.1.1/a", Invalid::Address),
        ("https://[::1]/a", Invalid::Address),
        ("https://[::ffff:10.0.0.1]/a", Invalid::Address),
        ("https://localhost/a", Invalid::LocalHost),
        ("https://app.localhost/a", Invalid::LocalHost),
        ("https://printer.local/a", Invalid::LocalHost),
        ("https://metadata.google.internal/a", Invalid::LocalHost),
        ("https://nas.home.arpa/a", Invalid::LocalHost),
        ("https://x.onion/a", Invalid::LocalHost),
        ("https://intranet/a", Invalid::LocalHost),
        ("https://app.example./a", Invalid::NotNormal),
        ("https://App.example/a", Invalid::NotNormal),
        ("https://bücher.example/a", Invalid::NotNormal),
        ("https://app.example/ä", Invalid::NotNormal),
        ("https://app.example/a b", Invalid::NotNormal),
        ("https://app.example/a\tb", Invalid::NotNormal),
        ("https://app.example/\r\nHost: evil", Invalid::NotNormal),
        ("https://app.example/a/../b", Invalid::NotNormal),
        ("https://app.example:443/a", Invalid::NotNormal),
        ("https://app.example:/a", Invalid::NotNormal),
        ("https://app.example", Invalid::NotNormal),
        ("https://-app.example/a", Invalid::NotNormal),
        ("https://a_b.example/a", Invalid::NotNormal),
        ("https:///a", Invalid::LocalHost),
        ("https://app.example:22/a", Invalid::Port),
        ("https://app.example:80/a", Invalid::Port),
        (long.as_str(), Invalid::TooLong),
        (label.as_str(), Invalid::NotNormal),
    ] {
        assert_eq!(text.parse::<OutboundUrl>(), Err(why), "{text}");
    }
    for (text, host, port) in [
        ("https://app.example/", "app.example", 443),
        ("https://app.example/jwks?v=1", "app.example", 443),
        ("https://app.example:8443/a", "app.example", 8443),
        (
            "https://xn--bcher-kva.example/a",
            "xn--bcher-kva.example",
            443,
        ),
        ("https://mylocal.example/a", "mylocal.example", 443),
        (
            "https://notlocalhost.example/a",
            "notlocalhost.example",
            443,
        ),
    ] {
        let url: OutboundUrl = text.parse().unwrap_or_else(|why| panic!("{text} {why}"));
        assert_eq!((url.as_str(), url.host(), url.port()), (text, host, port));
    }
}
