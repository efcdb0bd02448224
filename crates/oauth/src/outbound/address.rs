//! Addresses that belong to somebody on the Internet, and all the others.
//!
//! From the IANA registries of special-purpose addresses (RFC 6890), plus
//! multicast. "Globally reachable" there is not enough to be good here: a
//! tunnel or a translator leads to an address that nobody looked at.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A network of IPv4: its first address and the length of its prefix.
type V4 = ([u8; 4], u8);
/// A network of IPv6.
type V6 = ([u16; 8], u8);

/// What is not public of IPv4.
const SPECIAL_V4: [V4; 19] = [
    // "This network", and what some systems take for themselves (RFC 791).
    ([0, 0, 0, 0], 8),
    // Private (RFC 1918).
    ([10, 0, 0, 0], 8),
    // Behind a carrier's translator (RFC 6598); some clouds keep their metadata here.
    ([100, 64, 0, 0], 10),
    // This computer (RFC 1122).
    ([127, 0, 0, 0], 8),
    // A platform's own service, at an address that looks public.
    ([168, 63, 129, 16], 32),
    // This link (RFC 3927): the metadata of clouds.
    ([169, 254, 0, 0], 16),
    // Private (RFC 1918).
    ([172, 16, 0, 0], 12),
    // Protocol assignments (RFC 6890).
    ([192, 0, 0, 0], 24),
    // Documentation (RFC 5737).
    ([192, 0, 2, 0], 24),
    // Name servers for private addresses (RFC 7535).
    ([192, 31, 196, 0], 24),
    // Multicast tunnels (RFC 7450).
    ([192, 52, 193, 0], 24),
    // Relays of 6to4 (RFC 7526).
    ([192, 88, 99, 0], 24),
    // Private (RFC 1918).
    ([192, 168, 0, 0], 16),
    // Name servers for private addresses (RFC 7534).
    ([192, 175, 48, 0], 24),
    // Benchmarks (RFC 2544).
    ([198, 18, 0, 0], 15),
    // Documentation (RFC 5737).
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    // Multicast (RFC 5771).
    ([224, 0, 0, 0], 4),
    // Reserved, and broadcast (RFC 1112, 919).
    ([240, 0, 0, 0], 4),
];

/// The one block of IPv6 that is given out to the public (RFC 4291). Loopback,
/// mapped and translated addresses (`::ffff:0:0/96`, `64:ff9b::/96`), unique
/// local, link-local and multicast ones are all outside of it.
const GLOBAL_V6: V6 = ([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// What is not public inside of that block.
const SPECIAL_V6: [V6; 5] = [
    // Protocol assignments (RFC 2928): Teredo, benchmarks, ORCHID, anycast.
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),
    // Documentation (RFC 3849).
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32),
    // 6to4 (RFC 3056): an address of IPv4 inside.
    ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16),
    // Name servers for private addresses (RFC 7534).
    ([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48),
    // Documentation (RFC 9637).
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20),
];

/// Tells whether an address belongs to somebody on the Internet, and to no
/// private, local, translated, reserved or other special use.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !SPECIAL_V4.iter().any(|network| within_v4(v4, *network)),
        IpAddr::V6(v6) => {
            within_v6(v6, GLOBAL_V6) && !SPECIAL_V6.iter().any(|network| within_v6(v6, *network))
        }
    }
}

fn within_v4(address: Ipv4Addr, (network, prefix): V4) -> bool {
    let network = Ipv4Addr::from(network).to_bits();
    (address.to_bits() ^ network).leading_zeros() >= u32::from(prefix)
}

fn within_v6(address: Ipv6Addr, (network, prefix): V6) -> bool {
    let network = Ipv6Addr::from(network).to_bits();
    (address.to_bits() ^ network).leading_zeros() >= u32::from(prefix)
}
