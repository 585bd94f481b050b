//! Addresses that are listened on, and other processes that have to be there.

use std::{io::ErrorKind, net::TcpListener};

use http::Uri;
use tokio::net::TcpStream;

use super::{
    Given,
    finding::{Check, Finding},
    machine, patient,
    subject::{Listener, Peer, Subject},
};

/// Whether an address is free, or used by the Floopy of this data directory.
pub(super) async fn free(listener: &Listener, subject: &Subject) -> Vec<Finding> {
    let Listener { key, addr } = listener;
    let error = match TcpListener::bind(addr) {
        Ok(_) => {
            return vec![Finding::ok(
                Check::Listener,
                *key,
                format!("{addr} is free"),
            )];
        }
        Err(error) => error,
    };
    let is_ours =
        error.kind() == ErrorKind::AddrInUse && subject.folders.iter().any(machine::is_used);
    if is_ours {
        let message = format!("{addr} is in use, as it is while Floopy runs");
        return vec![Finding::ok(Check::Listener, *key, message)];
    }
    let kind = error.kind();
    let advice = if kind == ErrorKind::AddrInUse {
        format!("stop the program that has it, or set {key} to another address")
    } else if kind == ErrorKind::PermissionDenied {
        format!("set {key} to a port from 1024 on, or allow it with CAP_NET_BIND_SERVICE")
    } else {
        format!("set {key} to an address of this machine")
    };
    vec![Finding::fail(
        Check::Listener,
        *key,
        format!("{addr}: {error}"),
        advice,
    )]
}

/// Whether another process takes connections.
pub(super) async fn reachable(peer: Peer, given: &Given) -> Vec<Finding> {
    let Some(place) = place(&peer.url) else {
        let message = "its address has no host";
        return vec![Finding::fail(Check::Peer, peer.key, message, "correct it")];
    };
    let connected = async {
        let connected = TcpStream::connect(&place).await;
        connected.map(drop).map_err(|e| e.to_string())
    };
    let (connected, took) = patient::asked(given, connected).await;
    let finding = match connected {
        Ok(()) => Finding::ok(Check::Peer, peer.key, format!("{place} takes connections")),
        Err(reason) => {
            let advice = format!("see that it runs, and what {} says", peer.key);
            Finding::fail(Check::Peer, peer.key, format!("{place}: {reason}"), advice)
        }
    };
    vec![finding.in_time(took)]
}

/// Host and port of an address; who is named in it besides is not shown.
fn place(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    let host = uri.host()?;
    let usual = match uri.scheme_str() {
        Some("https") => 443,
        Some(_) | None => 80,
    };
    let port = uri.port_u16().unwrap_or(usual);
    Some(format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_have_a_port_and_no_password() {
        let places = ["http://a:8082", "https://u:p@b/x", "http://[::1]"].map(place);
        let expected = ["a:8082", "b:443", "[::1]:80"].map(|it| Some(it.to_owned()));
        assert_eq!(places, expected);
        assert_eq!(place("/path"), None);
    }
}
