//! Addresses of other servers: whether they can be used, and whether they may be.

use http::Uri;

use super::InvalidConfig;
use crate::network::{Class, Host, Network, class};

/// An address that can be used.
pub(super) fn check_url(key: &str, url: &str) -> Result<Uri, InvalidConfig> {
    let uri = url.parse::<Uri>().ok().filter(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
    });
    uri.ok_or_else(|| InvalidConfig {
        key: key.to_owned(),
        value: format!("{url:?}"),
        expected: "an http:// or https:// URL",
    })
}

/// One of a provider, as far as can be said without asking where its name leads.
pub(super) fn check_base_url(
    key: &str,
    url: &str,
    networks: &[Network],
) -> Result<(), InvalidConfig> {
    let refused = |value: String, expected| {
        Err(InvalidConfig {
            key: key.to_owned(),
            value,
            expected,
        })
    };
    let uri = check_url(key, url)?;
    if uri.authority().is_some_and(|it| it.as_str().contains('@')) {
        // Not shown: it may be a password.
        let value = "a URL with a user name".to_owned();
        return refused(value, "one without: credentials have settings of their own");
    }
    match Host::of(&uri) {
        Some(Host::Odd(_)) => refused(
            format!("{url:?}"),
            "a URL whose address is written as in 127.0.0.1 or [::1]",
        ),
        Some(Host::Literal(address)) => {
            let classified = class(address);
            let is_meant = match classified.class {
                Class::Public | Class::Loopback | Class::Private => true,
                Class::LinkLocal | Class::Metadata | Class::Reserved => false,
            };
            if is_meant || networks.iter().any(|network| network.allows(address)) {
                return Ok(());
            }
            let expected = match classified.class {
                Class::Metadata => {
                    "another address, or in the proxy's upstream.allow_networks by itself"
                }
                Class::Public
                | Class::Loopback
                | Class::Private
                | Class::LinkLocal
                | Class::Reserved => "another address, or in the proxy's upstream.allow_networks",
            };
            refused(format!("{url:?} ({})", classified.what), expected)
        }
        Some(Host::Localhost(_) | Host::Name(_)) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, networks: &[&str]) -> Result<(), String> {
        let networks: Vec<Network> = networks.iter().map(|n| n.parse().expect(n)).collect();
        let checked = check_base_url("providers[0].base_url", url, &networks);
        checked.map_err(|e| e.to_string())
    }

    #[test]
    fn what_an_operator_means_by_writing_it_is_taken() {
        for url in [
            "http://127.0.0.1:11434/v1",
            "http://[::1]:11434/v1",
            "http://10.0.0.7/v1",
            "http://100.64.1.1/v1",
            "http://[fd12::1]/v1",
            "http://localhost:11434/v1",
            "http://ollama:11434/v1",
            "https://api.example.com/v1",
        ] {
            assert_eq!(check(url, &[]), Ok(()), "{url}");
        }
    }

    #[test]
    fn what_may_not_be_called_is_refused_by_its_key_and_value() {
        for (url, expected) in [
            (
                "http://169.254.169.254/latest",
                "is \"http://169.254.169.254/latest\" (a cloud's metadata service)",
            ),
            (
                "http://[fd00:ec2::254]/",
                "is \"http://[fd00:ec2::254]/\" (a cloud's metadata service)",
            ),
            (
                "http://[::ffff:169.254.169.254]/",
                "(a cloud's metadata service)",
            ),
            ("http://169.254.7.7/", "(link-local (RFC 3927))"),
            ("http://0.0.0.0:11434/", "(unspecified (RFC 791))"),
            ("http://224.0.0.1/", "(multicast)"),
            (
                "http://2130706433/",
                "is \"http://2130706433/\", it must be a URL whose address is written as",
            ),
            (
                "http://0x7f.1/",
                "is \"http://0x7f.1/\", it must be a URL whose",
            ),
            (
                "http://127.0.0.1./",
                "is \"http://127.0.0.1./\", it must be a URL whose",
            ),
            ("http://[fe80::1%25eth0]/", "it must be"),
            ("http://[fe80::1]/", "(link-local (RFC 4291))"),
            (
                "http://api.openai.com:s3cret@10.0.0.1/",
                "is a URL with a user name, it must be one without",
            ),
            ("http://", "it must be an http:// or https:// URL"),
        ] {
            let error = check(url, &[]).expect_err(url);
            assert!(error.starts_with("providers[0].base_url is "), "{error}");
            assert!(
                error.contains(expected) && !error.contains("s3cret"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_network_that_is_allowed_may_be_written() {
        assert_eq!(check("http://169.254.7.7/", &["169.254.0.0/16"]), Ok(()));
        assert!(check("http://169.254.169.254/", &["169.254.0.0/16"]).is_err());
        assert_eq!(
            check("http://169.254.169.254/", &["169.254.169.254"]),
            Ok(())
        );
    }
}
