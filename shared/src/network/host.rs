//! The host of an address, read as whoever connects to it reads it.

use std::net::IpAddr;

use http::Uri;

/// What stands for a server in an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// An address in the one usual notation: it is connected to without asking anybody.
    Literal(IpAddr),
    /// This machine by its name (RFC 6761).
    Localhost(String),
    /// Lower case, without a closing dot.
    Name(String),
    /// Numbers that are no address in the usual notation, but which some resolvers take for one: `2130706433`,
    /// `0x7f.1`, `0177.0.0.1`, `127.1`, `[fe80::1%25eth0]`.
    Odd(String),
}

impl Host {
    /// `None`: the address has none.
    pub fn of(uri: &Uri) -> Option<Self> {
        uri.host().filter(|host| !host.is_empty()).map(Self::read)
    }

    /// Literals are read by the rules of `std`, as the connector does.
    pub fn read(host: &str) -> Self {
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        if let Ok(address) = bare.unwrap_or(host).parse() {
            return Self::Literal(address);
        }
        let name = host.to_ascii_lowercase();
        if bare.is_some() {
            return Self::Odd(name);
        }
        let name = name.strip_suffix('.').unwrap_or(&name);
        if ends_in_number(name) {
            Self::Odd(name.to_owned())
        } else if name == "localhost" || name.ends_with(".localhost") {
            Self::Localhost(name.to_owned())
        } else {
            Self::Name(name.to_owned())
        }
    }
}

/// No name of the public DNS does (<https://url.spec.whatwg.org/#ends-in-a-number-checker>).
fn ends_in_number(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    let hexadecimal = last.strip_prefix("0x");
    let digits = hexadecimal.unwrap_or(last);
    match hexadecimal {
        Some(_) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str) -> Option<Host> {
        Host::of(&url.parse().ok()?)
    }

    #[test]
    fn a_literal_is_one_only_in_its_usual_notation() {
        let literal = |text: &str| Some(Host::Literal(text.parse().expect(text)));
        for (url, expected) in [
            ("http://127.0.0.1:11434/v1", literal("127.0.0.1")),
            ("http://[::1]:1/v1", literal("::1")),
            ("http://[::FFFF:10.0.0.1]/v1", literal("::ffff:10.0.0.1")),
            ("http://public.example@10.0.0.1/v1", literal("10.0.0.1")),
        ] {
            assert_eq!(of(url), expected, "{url}");
        }
        for odd in [
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0x",
            "0177.0.0.1",
            "127.1",
            "127.0.0.1.",
            "1.2.3.4.5",
            "256.0.0.1",
            "[fe80::1%25eth0]",
            "[127.0.0.1.]",
        ] {
            let read = Host::read(odd);
            assert!(matches!(read, Host::Odd(_)), "{odd} is {read:?}");
        }
    }

    #[test]
    fn a_name_is_the_same_in_capitals_and_with_a_closing_dot() {
        for (text, expected) in [
            ("API.Example.com.", Host::Name("api.example.com".into())),
            ("api.example.com", Host::Name("api.example.com".into())),
            (
                "localhost.example.com",
                Host::Name("localhost.example.com".into()),
            ),
            ("LocalHost.", Host::Localhost("localhost".into())),
            ("a.localhost", Host::Localhost("a.localhost".into())),
            ("ollama", Host::Name("ollama".into())),
            ("1password.com", Host::Name("1password.com".into())),
        ] {
            assert_eq!(Host::read(text), expected);
        }
    }
}
