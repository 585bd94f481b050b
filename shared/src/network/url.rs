//! Addresses that a tenant writes down for us to call: judged as far as can be said before a name is looked up.

use std::net::IpAddr;

use http::Uri;

use super::{Class, Host, class};

/// Of an address: more than any server takes.
pub const MAX_URL_BYTES: usize = 2_048;

/// Reads an address by `https`, or by `http` to a literal address that is not of the internet: in the clear only where
/// nobody but the operator listens. `allowed`: whether such an address may be called.
pub fn check_url(url: &str, allowed: impl Fn(IpAddr) -> Result<(), String>) -> Result<Uri, String> {
    if url.len() > MAX_URL_BYTES {
        return Err(format!(
            "it has {} bytes, at most {MAX_URL_BYTES} are taken",
            url.len()
        ));
    }
    let uri: Uri = url.parse().map_err(|e| format!("it is no URL: {e}"))?;
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    if authority.contains('@') {
        return Err("it has a user name, which would be sent to nobody".to_owned());
    }
    let host = uri.host().unwrap_or_default();
    let read = Host::read(host);
    match uri.scheme_str() {
        Some("https") => {}
        Some("http") if matches!(read, Host::Literal(_)) => {}
        Some(_) | None => return Err("it must begin with https://".to_owned()),
    }
    match read {
        Host::Literal(address) => {
            allowed(address)?;
            if uri.scheme_str() == Some("http") && class(address).class == Class::Public {
                return Err("it must begin with https://".to_owned());
            }
        }
        Host::Odd(_) => return Err(format!("{host:?} is a number in an unusual notation")),
        Host::Name(name) | Host::Localhost(name) if name.is_empty() => {
            return Err("it has no host".to_owned());
        }
        Host::Name(_) | Host::Localhost(_) => {}
    }
    Ok(uri)
}

/// Scheme, host and port of an address, as one compares them; `None`: it has no host.
pub fn origin(uri: &Uri) -> Option<String> {
    let scheme = uri.scheme_str()?.to_ascii_lowercase();
    let host = uri.host()?.to_ascii_lowercase();
    let usual = if scheme == "http" { 80 } else { 443 };
    let port = uri.port_u16().unwrap_or(usual);
    Some(format!("{scheme}://{}:{port}", host.trim_end_matches('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_the_same_however_it_is_written() {
        let of = |url: &str| origin(&url.parse().expect(url));
        assert_eq!(of("https://A.example/x?y"), of("https://a.example.:443/z"));
        for other in [
            "http://a.example/",
            "https://b.example/",
            "https://a.example:444/",
        ] {
            assert_ne!(of("https://a.example/"), of(other), "{other}");
        }
        assert_eq!(of("/x"), None);
    }
}
