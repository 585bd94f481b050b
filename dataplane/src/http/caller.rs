//! From which address a call comes: the connection's, or what a trusted proxy before this one says.

use std::net::{IpAddr, Ipv6Addr};

use http::{HeaderMap, HeaderName, Request};

use crate::network::Network;

static FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The other end of a request's connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) IpAddr);

/// Whom a call counts for; `None`: nobody, because a trusted proxy asks for itself.
pub(super) fn address<B>(request: &Request<B>, trusted: &[Network]) -> Option<IpAddr> {
    let Peer(peer) = request.extensions().get::<Peer>()?;
    behind(*peer, request.headers(), trusted).map(network)
}

/// The last address that is none of a trusted proxy: whatever stands before it, callers can write themselves.
fn behind(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> Option<IpAddr> {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.allows(address));
    if !is_trusted(peer) {
        return Some(peer);
    }
    let lines: Vec<_> = headers.get_all(&FORWARDED_FOR).iter().collect();
    let lines = lines.into_iter().rev();
    let words = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
    for word in words {
        let address = word.trim().parse::<IpAddr>().ok()?;
        if !is_trusted(address) {
            return Some(address);
        }
    }
    None
}

/// One caller has as many IPv6 addresses as it likes: its network counts.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_trusted_proxies_say_counts() {
        let trusted = ["10.0.0.0/8", "fd00::1"];
        let trusted: Vec<Network> = trusted.iter().map(|n| n.parse().expect("one")).collect();
        let cases: [(&str, &[&str], &str); 10] = [
            ("203.0.113.9", &[], "203.0.113.9"),
            ("203.0.113.9", &["198.51.100.1"], "203.0.113.9"),
            ("10.0.0.1", &[], "nobody"),
            ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["6.6.6.6, 198.51.100.1"], "198.51.100.1"),
            (
                "10.0.0.1",
                &["6.6.6.6, 198.51.100.1, 10.0.0.2"],
                "198.51.100.1",
            ),
            (
                "10.0.0.1",
                &["6.6.6.6", "198.51.100.1,10.0.0.2"],
                "198.51.100.1",
            ),
            ("10.0.0.1", &["198.51.100.1, nonsense"], "nobody"),
            ("fd00::1", &["2001:db8:1:2:3:4:5:6"], "2001:db8:1:2::"),
            ("::ffff:203.0.113.9", &[], "203.0.113.9"),
        ];
        for (peer, lines, expected) in cases {
            let mut request = Request::new(());
            let peer = peer.parse().expect("an address");
            request.extensions_mut().insert(Peer(peer));
            for line in lines {
                let line = line.parse().expect("a value");
                request.headers_mut().append(&FORWARDED_FOR, line);
            }
            let found = address(&request, &trusted);
            let found = found.map_or("nobody".to_owned(), |found| found.to_string());
            assert_eq!(found, expected, "{peer} {lines:?}");
        }
        assert_eq!(address(&Request::new(()), &trusted), None);
    }
}
