//! Every range by its ends, and std as a second opinion.

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
