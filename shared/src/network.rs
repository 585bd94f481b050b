//! Addresses that may be called, and those that only an operator can allow: a server that is led to its own network
//! hands out what it finds there (server-side request forgery, CWE-918).

mod class;
mod host;
mod url;

use std::{net::IpAddr, str::FromStr};

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use self::class::ipv4_within;
pub use self::{
    class::{Class, Classified, class},
    host::Host,
    url::{MAX_URL_BYTES, check_url, origin},
};

/// Addresses that an operator allows: one, or a range as in `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

/// Neither an address nor a range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a network, it must be an address or a range, as in \"10.0.0.0/8\"")]
pub struct InvalidNetwork(String);

impl Network {
    /// Whether this address is one of them, by whichever of its forms. What gives out credentials has to be named
    /// by its address: a range around it is not meant for it.
    pub fn allows(&self, address: IpAddr) -> bool {
        let is_named = self.0.prefix_len() == self.0.max_prefix_len();
        if class(address).class == Class::Metadata && !is_named {
            return false;
        }
        let within = ipv4_within(address).map(IpAddr::V4);
        self.0.contains(&address) || within.is_some_and(|within| self.0.contains(&within))
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let one = text.parse::<IpAddr>().map(IpNet::from);
        let network = one.or_else(|_| text.parse::<IpNet>());
        network.map_or_else(|_| Err(InvalidNetwork(text.to_owned())), |it| Ok(Self(it)))
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(network: &str, address: &str) -> bool {
        let network: Network = network.parse().expect("a network");
        network.allows(address.parse().expect("an address"))
    }

    #[test]
    fn a_network_allows_what_is_in_it_in_any_form() {
        for (network, address, expected) in [
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.1.2.3", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("10.1.2.3", "10.1.2.3", true),
            ("10.1.2.3", "10.1.2.4", false),
            ("fd00::/8", "fd12::1", true),
            ("::/0", "fd12::1", true),
        ] {
            assert_eq!(allows(network, address), expected, "{network} {address}");
        }
    }

    #[test]
    fn a_metadata_service_is_allowed_by_its_own_address_alone() {
        for (network, address, expected) in [
            ("0.0.0.0/0", "169.254.169.254", false),
            ("169.254.0.0/16", "169.254.169.254", false),
            ("169.254.169.254", "169.254.169.254", true),
            ("169.254.169.254/32", "::ffff:169.254.169.254", true),
            ("fc00::/7", "fd00:ec2::254", false),
            ("fd00:ec2::254", "fd00:ec2::254", true),
        ] {
            assert_eq!(allows(network, address), expected, "{network} {address}");
        }
    }

    #[test]
    fn what_is_no_network_is_named() {
        for bad in ["", "10.0.0.0/33", "10.0.0", "intern.example", "10.0.0.0/-1"] {
            let error = bad.parse::<Network>().expect_err(bad).to_string();
            assert!(
                error.starts_with(&format!("{bad:?} is not a network")),
                "{error}"
            );
        }
    }
}
