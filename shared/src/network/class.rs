//! What an address is for, by the registries of special-purpose addresses (IANA; RFC 6890).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address is for, as far as it matters to whether it may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Of the internet.
    Public,
    /// This machine.
    Loopback,
    /// A network of somebody's own.
    Private,
    /// Whatever is on the same wire.
    LinkLocal,
    /// Gives credentials of the machine to whoever asks from it.
    Metadata,
    /// No server can be there, or it is not known which.
    Reserved,
}

/// A class, and in words why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Classified {
    pub class: Class,
    pub what: &'static str,
}

const fn as_one(class: Class, what: &'static str) -> Classified {
    Classified { class, what }
}

const PUBLIC: Classified = as_one(Class::Public, "an address of the internet");
const METADATA: Classified = as_one(Class::Metadata, "a cloud's metadata service");
const UNASSIGNED: Classified = as_one(Class::Reserved, "reserved");

/// Of AWS, Google, Azure, Oracle and others; of tasks and pods on AWS; of Alibaba, Oracle and Azure's own.
const METADATA_V4: [Ipv4Addr; 6] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(169, 254, 170, 2),
    Ipv4Addr::new(169, 254, 170, 23),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
    Ipv4Addr::new(168, 63, 129, 16),
];

/// Of AWS, of its pods, and of Google.
const METADATA_V6: [Ipv6Addr; 3] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];

type RangeV4 = (Ipv4Addr, u32, Classified);

const fn v4(octets: [u8; 4], bits: u32, class: Class, what: &'static str) -> RangeV4 {
    let [a, b, c, d] = octets;
    (Ipv4Addr::new(a, b, c, d), bits, as_one(class, what))
}

/// Everything else is public.
const RANGES_V4: [RangeV4; 16] = [
    v4([0, 0, 0, 0], 8, Class::Reserved, "unspecified (RFC 791)"),
    v4([10, 0, 0, 0], 8, Class::Private, "private (RFC 1918)"),
    v4([100, 64, 0, 0], 10, Class::Private, "shared (RFC 6598)"),
    v4([127, 0, 0, 0], 8, Class::Loopback, "loopback"),
    v4(
        [169, 254, 0, 0],
        16,
        Class::LinkLocal,
        "link-local (RFC 3927)",
    ),
    v4([172, 16, 0, 0], 12, Class::Private, "private (RFC 1918)"),
    v4(
        [192, 0, 0, 0],
        24,
        Class::Reserved,
        "of protocols (RFC 6890)",
    ),
    v4(
        [192, 0, 2, 0],
        24,
        Class::Reserved,
        "documentation (RFC 5737)",
    ),
    v4([192, 88, 99, 0], 24, Class::Reserved, "reserved (RFC 7526)"),
    v4([192, 168, 0, 0], 16, Class::Private, "private (RFC 1918)"),
    v4(
        [198, 18, 0, 0],
        15,
        Class::Reserved,
        "benchmarks (RFC 2544)",
    ),
    v4(
        [198, 51, 100, 0],
        24,
        Class::Reserved,
        "documentation (RFC 5737)",
    ),
    v4(
        [203, 0, 113, 0],
        24,
        Class::Reserved,
        "documentation (RFC 5737)",
    ),
    v4([224, 0, 0, 0], 4, Class::Reserved, "multicast"),
    v4([255, 255, 255, 255], 32, Class::Reserved, "broadcast"),
    v4([240, 0, 0, 0], 4, Class::Reserved, "reserved (RFC 1112)"),
];

type RangeV6 = (Ipv6Addr, u32, Classified);

const fn v6(first: [u16; 2], bits: u32, class: Class, what: &'static str) -> RangeV6 {
    let [a, b] = first;
    (
        Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0),
        bits,
        as_one(class, what),
    )
}

/// The first that fits says it. Of the rest, only what IANA gives to the internet (`2000::/3`) is public.
const RANGES_V6: [RangeV6; 10] = [
    v6([0xfc00, 0], 7, Class::Private, "unique local (RFC 4193)"),
    v6([0xfe80, 0], 10, Class::LinkLocal, "link-local (RFC 4291)"),
    v6([0xfec0, 0], 10, Class::Private, "site-local (RFC 3879)"),
    v6([0xff00, 0], 8, Class::Reserved, "multicast"),
    v6([0x64, 0xff9b], 32, Class::Private, "translated (RFC 8215)"),
    v6(
        [0x2001, 0xdb8],
        32,
        Class::Reserved,
        "documentation (RFC 3849)",
    ),
    v6([0x3fff, 0], 20, Class::Reserved, "documentation (RFC 9637)"),
    // Teredo (RFC 4380) and ORCHID (RFC 7343) among them.
    v6([0x2001, 0], 23, Class::Reserved, "of protocols (RFC 2928)"),
    v6([0x2000, 0], 3, Class::Public, PUBLIC.what),
    v6([0, 0], 8, Class::Reserved, "reserved (RFC 4291)"),
];

/// What this address is for. One that stands for an IPv4 address is what that one is.
pub fn class(address: IpAddr) -> Classified {
    match address {
        IpAddr::V4(address) => class_v4(address),
        IpAddr::V6(address) => match ipv4_within(IpAddr::V6(address)) {
            Some(within) => class_v4(within),
            None => class_v6(address),
        },
    }
}

fn class_v4(address: Ipv4Addr) -> Classified {
    if METADATA_V4.contains(&address) {
        return METADATA;
    }
    let is_in = |(first, bits, _): &&RangeV4| {
        (address.to_bits() ^ first.to_bits()).leading_zeros() >= *bits
    };
    let found = RANGES_V4.iter().find(is_in);
    found.map_or(PUBLIC, |(_, _, classified)| *classified)
}

fn class_v6(address: Ipv6Addr) -> Classified {
    if METADATA_V6.contains(&address) {
        return METADATA;
    }
    if address.is_loopback() {
        return as_one(Class::Loopback, "loopback");
    }
    if address.is_unspecified() {
        return as_one(Class::Reserved, "unspecified (RFC 4291)");
    }
    let is_in = |(first, bits, _): &&RangeV6| {
        (address.to_bits() ^ first.to_bits()).leading_zeros() >= *bits
    };
    let found = RANGES_V6.iter().find(is_in);
    found.map_or(UNASSIGNED, |(_, _, classified)| *classified)
}

/// The IPv4 address that is reached by this one: mapped (RFC 4291), compatible (the same), translated (RFC 6052)
/// or tunnelled to (RFC 3056).
pub(super) fn ipv4_within(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(address) = address else {
        return None;
    };
    let of = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            Some(of(high, low))
        }
        // `::` and `::1` are themselves.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0, high, low] => Some(of(high, low)),
        [0x2002, high, low, ..] => Some(of(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
