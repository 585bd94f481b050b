//! What an address is for, by the registries of special-purpose addresses (IANA; RFC 6890).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address is for, as far as it matters to whether it may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
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
pub(crate) struct Classified {
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
pub(crate) fn class(address: IpAddr) -> Classified {
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
pub(crate) fn ipv4_within(address: IpAddr) -> Option<Ipv4Addr> {
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(text: &str) -> Class {
        class(text.parse().expect(text)).class
    }

    /// First, last, and what is next to them.
    const ENDS: [(&str, &str, Class, [&str; 2]); 18] = [
        (
            "0.0.0.0",
            "0.255.255.255",
            Class::Reserved,
            ["1.0.0.0", "1.0.0.1"],
        ),
        (
            "10.0.0.0",
            "10.255.255.255",
            Class::Private,
            ["9.255.255.255", "11.0.0.0"],
        ),
        (
            "100.64.0.0",
            "100.127.255.255",
            Class::Private,
            ["100.63.255.255", "100.128.0.0"],
        ),
        (
            "127.0.0.0",
            "127.255.255.255",
            Class::Loopback,
            ["126.255.255.255", "128.0.0.0"],
        ),
        (
            "169.254.0.0",
            "169.254.255.255",
            Class::LinkLocal,
            ["169.253.255.255", "169.255.0.0"],
        ),
        (
            "172.16.0.0",
            "172.31.255.255",
            Class::Private,
            ["172.15.255.255", "172.32.0.0"],
        ),
        (
            "192.0.0.0",
            "192.0.0.255",
            Class::Reserved,
            ["191.255.255.255", "192.0.1.0"],
        ),
        (
            "192.0.2.0",
            "192.0.2.255",
            Class::Reserved,
            ["192.0.1.255", "192.0.3.0"],
        ),
        (
            "192.88.99.0",
            "192.88.99.255",
            Class::Reserved,
            ["192.88.98.255", "192.88.100.0"],
        ),
        (
            "192.168.0.0",
            "192.168.255.255",
            Class::Private,
            ["192.167.255.255", "192.169.0.0"],
        ),
        (
            "198.18.0.0",
            "198.19.255.255",
            Class::Reserved,
            ["198.17.255.255", "198.20.0.0"],
        ),
        (
            "198.51.100.0",
            "198.51.100.255",
            Class::Reserved,
            ["198.51.99.255", "198.51.101.0"],
        ),
        (
            "203.0.113.0",
            "203.0.113.255",
            Class::Reserved,
            ["203.0.112.255", "203.0.114.0"],
        ),
        (
            "224.0.0.0",
            "239.255.255.255",
            Class::Reserved,
            ["223.255.255.255", "1.1.1.1"],
        ),
        (
            "240.0.0.0",
            "255.255.255.255",
            Class::Reserved,
            ["8.8.8.8", "9.9.9.9"],
        ),
        (
            "2001:db8::",
            "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
            Class::Reserved,
            ["2001:db7::", "2001:db9::"],
        ),
        (
            "2001::",
            "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
            Class::Reserved,
            ["2001:200::", "2000:ffff::"],
        ),
        (
            "3fff::",
            "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
            Class::Reserved,
            ["3ffe:ffff::", "3fff:1000::"],
        ),
    ];

    #[test]
    fn the_ends_of_every_range_are_in_it_and_their_neighbours_are_not() {
        for (first, last, expected, neighbours) in ENDS {
            assert_eq!([of(first), of(last)], [expected; 2], "{first}");
            for neighbour in neighbours {
                assert_eq!(of(neighbour), Class::Public, "{neighbour}");
            }
        }
    }

    #[test]
    fn of_ipv6_only_what_the_internet_has_is_public() {
        for (address, expected) in [
            ("::", Class::Reserved),
            ("::1", Class::Loopback),
            ("::2", Class::Reserved),
            ("fc00::1", Class::Private),
            ("fdff:ffff::1", Class::Private),
            ("fe80::1", Class::LinkLocal),
            ("febf::1", Class::LinkLocal),
            ("fec0::1", Class::Private),
            ("ff02::1", Class::Reserved),
            ("64:ff9b:1::1", Class::Private),
            ("100::1", Class::Reserved),
            ("1fff::1", Class::Reserved),
            ("4000::1", Class::Reserved),
            ("5f00::1", Class::Reserved),
            ("2600::1", Class::Public),
            ("2a00:1450:4001:80b::200a", Class::Public),
        ] {
            assert_eq!(of(address), expected, "{address}");
        }
    }

    #[test]
    fn metadata_services_are_told_from_their_networks_in_every_form() {
        for address in [
            "169.254.169.254",
            "168.63.129.16",
            "fd00:ec2::254",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "64:ff9b::169.254.169.254",
            "2002:a9fe:a9fe::1",
        ] {
            assert_eq!(of(address), Class::Metadata, "{address}");
        }
    }

    proptest! {
        #[test]
        fn an_address_in_another_form_is_what_it_is_in_its_own(bits: u32, low: [u16; 5]) {
            let plain = Ipv4Addr::from_bits(bits);
            prop_assume!(bits > 1);
            let expected = class_v4(plain);
            let [high, lower] = [(bits >> 16) as u16, bits as u16];
            let [a, b, c, d, e] = low;
            for form in [
                plain.to_ipv6_mapped(),
                Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, lower),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, lower),
                Ipv6Addr::new(0x2002, high, lower, a, b, c, d, e),
            ] {
                prop_assert_eq!(class(form.into()), expected, "{}", form);
            }
        }

        /// What std knows of addresses, as a second opinion.
        #[test]
        fn nothing_that_std_calls_special_is_public(bits: u32, wide: u128) {
            let v4 = Ipv4Addr::from_bits(bits);
            let special = v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_broadcast()
                || v4.is_documentation() || v4.is_multicast() || v4.is_unspecified();
            prop_assert!(!special || class(v4.into()).class != Class::Public, "{v4}");
            let v6 = Ipv6Addr::from_bits(wide);
            let special = v6.is_loopback() || v6.is_multicast() || v6.is_unspecified()
                || v6.is_unique_local() || v6.is_unicast_link_local();
            prop_assert!(!special || class(v6.into()).class != Class::Public, "{v6}");
        }
    }
}
