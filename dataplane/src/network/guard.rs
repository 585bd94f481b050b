//! Which addresses may be called: those of the internet, and what the operator said.
//!
//! A name can be made to point anywhere after it was checked, so that what is checked is what is connected to, for
//! every connection anew.

use std::{collections::HashMap, net::IpAddr};

use http::Uri;

use super::{Class, Host, Network, class};

/// An address that may not be called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{host} {at}{what}: {allowed_by}")]
pub(crate) struct Forbidden {
    host: String,
    /// What it leads to, where it is not that address itself.
    at: String,
    what: &'static str,
    allowed_by: &'static str,
}

/// What an operator said of one host by writing it down.
#[derive(Debug, Clone, Copy, Default)]
struct Said {
    /// The name may lead into private networks.
    allow_private: bool,
    /// Part of this deployment, and no provider.
    is_own: bool,
}

/// Judges every connection before it is opened.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    networks: Vec<Network>,
    said: HashMap<Host, Said>,
    /// It is for what tenants name, of which the operator said nothing but networks.
    is_of_tools: bool,
}

impl Guard {
    pub(crate) fn new(networks: &[Network]) -> Self {
        Self {
            networks: networks.to_vec(),
            ..Self::default()
        }
    }

    /// For servers of tools, which tenants name.
    pub(crate) fn of_tools(networks: &[Network]) -> Self {
        Self {
            is_of_tools: true,
            ..Self::new(networks)
        }
    }

    /// The operator named this host as a provider's. Said twice, the wider word counts: a connection does not know
    /// for which of two providers at one address it is.
    pub(crate) fn provider(&mut self, uri: &Uri, allow_private: bool) {
        if let Some(host) = Host::of(uri) {
            self.said.entry(host).or_default().allow_private |= allow_private;
        }
    }

    /// The operator named this host as another part of this deployment.
    pub(crate) fn own(&mut self, uri: &Uri) {
        if let Some(host) = Host::of(uri) {
            self.said.entry(host).or_default().is_own = true;
        }
    }

    /// Judges a host before anybody is asked where it is.
    pub(crate) fn check_host(&self, host: &str) -> Result<(), Forbidden> {
        match Host::read(host) {
            Host::Literal(address) => self.check(host, &[address]),
            Host::Odd(_) => Err(Forbidden {
                host: host.to_owned(),
                at: String::new(),
                what: "is a number in an unusual notation",
                allowed_by: "an address has to be written as in 127.0.0.1 or [::1]",
            }),
            Host::Localhost(_) | Host::Name(_) => Ok(()),
        }
    }

    /// Judges all that a host leads to. One bad address is enough: which of them is used is chance.
    pub(crate) fn check(&self, host: &str, addresses: &[IpAddr]) -> Result<(), Forbidden> {
        let read = Host::read(host);
        let said = self.said.get(&read).copied();
        let bad = addresses
            .iter()
            .find(|address| !self.is_allowed((&read, said), **address));
        let Some(address) = bad else { return Ok(()) };
        let is_named = matches!(read, Host::Literal(_));
        let classified = class(*address);
        Err(Forbidden {
            host: host.to_owned(),
            at: if is_named {
                "is ".to_owned()
            } else {
                format!("is at {address}, which is ")
            },
            what: classified.what,
            allowed_by: self.allowed_by(&read, classified.class),
        })
    }

    fn is_allowed(&self, (host, said): (&Host, Option<Said>), address: IpAddr) -> bool {
        let class = class(address).class;
        if self.networks.iter().any(|network| network.allows(address)) {
            return true;
        }
        let Some(said) = said else {
            return class == Class::Public;
        };
        match class {
            Class::Public => true,
            Class::Metadata => false,
            Class::LinkLocal | Class::Reserved => said.is_own,
            // Whoever writes an address means it; what a name leads to is up to others.
            Class::Loopback | Class::Private => {
                let is_meant = match host {
                    Host::Literal(_) => true,
                    Host::Localhost(_) => class == Class::Loopback,
                    Host::Name(_) | Host::Odd(_) => false,
                };
                is_meant || said.allow_private || said.is_own
            }
        }
    }

    fn allowed_by(&self, host: &Host, class: Class) -> &'static str {
        match (class, host) {
            (Class::Metadata, _) if self.is_of_tools => {
                "only the address itself in mcp.allow_networks allows it"
            }
            (Class::Metadata, _) => "only the address itself in upstream.allow_networks allows it",
            (
                Class::Public
                | Class::Loopback
                | Class::Private
                | Class::LinkLocal
                | Class::Reserved,
                _,
            ) if self.is_of_tools => "only mcp.allow_networks allows it",
            (Class::Loopback | Class::Private, Host::Name(_) | Host::Localhost(_)) => {
                "the provider's allow_private = true, or upstream.allow_networks, allows it"
            }
            (
                Class::Public
                | Class::Loopback
                | Class::Private
                | Class::LinkLocal
                | Class::Reserved,
                _,
            ) => "only upstream.allow_networks allows it",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(networks: &[&str], providers: &[(&str, bool)]) -> Guard {
        let networks: Vec<Network> = networks.iter().map(|n| n.parse().expect(n)).collect();
        let mut guard = Guard::new(&networks);
        for (url, allow_private) in providers {
            guard.provider(&url.parse().expect(url), *allow_private);
        }
        guard
    }

    fn allows(guard: &Guard, host: &str, addresses: &[&str]) -> bool {
        let addresses: Vec<IpAddr> = addresses.iter().map(|a| a.parse().expect(a)).collect();
        guard
            .check_host(host)
            .and_then(|()| guard.check(host, &addresses))
            .is_ok()
    }

    #[test]
    fn an_address_that_the_operator_wrote_is_allowed_and_no_other() {
        let guard = guard(
            &[],
            &[
                ("http://127.0.0.1:1/v1", false),
                ("http://[fd12::1]/", false),
                ("http://10.0.0.1/", false),
            ],
        );
        for (host, expected) in [
            ("127.0.0.1", true),
            ("[fd12::1]", true),
            ("10.0.0.1", true),
            ("127.0.0.2", false),
            ("10.0.0.2", false),
            ("[::ffff:127.0.0.1]", false),
            ("8.8.8.8", true),
        ] {
            assert_eq!(allows(&guard, host, &[]), expected, "{host}");
        }
    }

    #[test]
    fn an_address_with_a_key_to_the_machine_or_without_a_server_is_not_meant_by_being_written() {
        let hosts = [
            "169.254.169.254",
            "[fd00:ec2::254]",
            "0.0.0.0",
            "169.254.1.1",
            "[fe80::1]",
            "224.0.0.1",
        ];
        let urls: Vec<String> = hosts.iter().map(|host| format!("http://{host}/")).collect();
        let said: Vec<(&str, bool)> = urls.iter().map(|url| (url.as_str(), true)).collect();
        let unlisted = guard(&[], &said);
        let wide = guard(&["0.0.0.0/0", "::/0"], &said);
        let exact = guard(&["169.254.169.254", "fd00:ec2::254"], &said);
        for host in hosts {
            assert!(!allows(&unlisted, host, &[]), "{host}");
            let is_metadata =
                class(host.trim_matches(['[', ']']).parse().expect(host)).class == Class::Metadata;
            assert_eq!(allows(&wide, host, &[]), !is_metadata, "{host}");
            assert_eq!(allows(&exact, host, &[]), is_metadata, "{host}");
        }
    }

    #[test]
    fn what_a_name_leads_to_needs_a_word_of_its_own() {
        let guard = guard(
            &["10.9.0.0/16"],
            &[
                ("http://plain.example/", false),
                ("http://Mine.Example./", true),
                ("http://localhost:1/", false),
            ],
        );
        for (host, address, expected) in [
            ("plain.example", "8.8.8.8", true),
            ("plain.example", "10.0.0.1", false),
            ("plain.example", "127.0.0.1", false),
            ("plain.example", "10.9.0.1", true),
            ("mine.example", "10.0.0.1", true),
            ("mine.example.", "::1", true),
            ("mine.example", "169.254.169.254", false),
            ("mine.example", "169.254.1.1", false),
            ("localhost", "127.0.0.1", true),
            ("localhost", "::1", true),
            ("localhost", "10.0.0.1", false),
            ("a.localhost", "127.0.0.1", false),
            ("2130706433", "8.8.8.8", false),
        ] {
            assert_eq!(
                allows(&guard, host, &[address]),
                expected,
                "{host} {address}"
            );
        }
        assert!(
            !allows(&guard, "plain.example", &["8.8.8.8", "10.0.0.1"]),
            "one of two"
        );
    }

    #[test]
    fn another_part_of_the_deployment_may_be_anywhere_but_where_credentials_are() {
        let mut guard = Guard::default();
        guard.own(&"http://control.svc:8081".parse().expect("valid"));
        assert!(allows(&guard, "control.svc", &["10.0.0.1"]));
        assert!(!allows(&guard, "control.svc", &["169.254.169.254"]));
    }

    #[test]
    fn a_refusal_says_what_was_refused_and_what_would_allow_it() {
        let guard = guard(&[], &[("http://rebound.example/", false)]);
        let refused = |host: &str, address: &str| {
            let addresses = [address.parse().expect(address)];
            guard.check(host, &addresses).expect_err(host).to_string()
        };
        assert_eq!(
            refused("rebound.example", "10.0.0.5"),
            "rebound.example is at 10.0.0.5, which is private (RFC 1918): the provider's allow_private = true, or \
             upstream.allow_networks, allows it"
        );
        assert_eq!(
            refused("169.254.169.254", "169.254.169.254"),
            "169.254.169.254 is a cloud's metadata service: only the address itself in upstream.allow_networks \
             allows it"
        );
    }
}
