//! The tools that the configuration gives a tenant, written with their secrets sealed.

use floopy_shared::{
    domain::{
        credential::{KeyRing, open},
        ids::TenantId,
        mcp::ServerId,
    },
    process::config::{Mcp, McpAuth, McpServer},
};

use super::Error;
use crate::store::settings::mcp::{WrittenAuth, WrittenMcp, WrittenServer, credential};

/// What is written of the tools of a tenant at this place of the configuration. What is sealed already stays as it is:
/// sealed anew it would look like a change to every proxy.
pub(super) fn written(
    configured: &Mcp,
    place: (usize, &TenantId),
    before: &WrittenMcp,
    keys: &KeyRing,
) -> Result<WrittenMcp, Error> {
    let mut servers = Vec::with_capacity(configured.servers.len());
    for (at, server) in configured.servers.iter().enumerate() {
        let refused = |field: &str, message: String| {
            let key = format!("tenants[{}].mcp.servers[{at}].{field}", place.0);
            Error::config(key, message)
        };
        let id = ServerId::new(&server.id).map_err(|e| refused("id", e.to_string()))?;
        let mut earlier = before.servers.iter();
        let held = earlier.find(|(held, _)| *held == server.id);
        let held = held.and_then(|(_, held)| held.auth.as_ref());
        let auth = server.auth.as_ref().map(|auth| {
            sealed((server, auth), (place.1, &id), held, keys)
                .map_err(|why| refused("auth.secret", why))
        });
        servers.push((
            server.id.clone(),
            WrittenServer::of(server, auth.transpose()?),
        ));
    }
    Ok(WrittenMcp {
        agent: configured.agent,
        servers,
    })
}

fn sealed(
    (server, auth): (&McpServer, &McpAuth),
    (tenant, id): (&TenantId, &ServerId),
    held: Option<&WrittenAuth>,
    keys: &KeyRing,
) -> Result<WrittenAuth, String> {
    let header = auth.kind.header(auth.header.as_deref())?;
    let Some(secret) = &auth.secret else {
        return Err("it is missing".to_owned());
    };
    let key = keys.newest().ok_or(
        "no key for credentials is configured to seal it with; credentials.key or FLOOPY_CREDENTIALS_KEY sets one",
    )?;
    let wanted = credential(secret, &server.url);
    if let Some(held) = held
        && let Ok(closed) = held.sealed(tenant, id)
        && closed.key() == Some(key.id())
        && open(keys, &closed).is_ok_and(|opened| opened == wanted)
    {
        return Ok(WrittenAuth {
            header,
            ..held.clone()
        });
    }
    let revision = held.map_or(1, |held| held.revision + 1);
    let place = (tenant, id, revision);
    WrittenAuth::seal(key, place, &wanted, header).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use floopy_shared::process::config::parse;

    use super::*;
    use crate::config::Config;

    fn configured(url: &str, secret: &str) -> Mcp {
        let text = format!(
            "[[tenants]]\nid = \"acme\"\n[[tenants.mcp.servers]]\nid = \"a\"\nurl = \"{url}\"\n\
             auth = {{ type = \"bearer\", secret = \"{secret}\" }}\n"
        );
        let config: Config = parse(&text, "floopy.toml").expect("valid");
        config.tenants[0].mcp.clone()
    }

    #[test]
    fn a_secret_of_the_configuration_is_sealed_once_and_again_where_it_changed() {
        let keys = KeyRing::read(&"ab".repeat(32)).expect("valid");
        let tenant = TenantId::new("acme").expect("valid");
        let write = |mcp: &Mcp, before: &WrittenMcp, keys: &KeyRing| {
            written(mcp, (0, &tenant), before, keys).map_err(|e| e.to_string())
        };
        let none = WrittenMcp::default();
        let first = configured("https://a.example/", "tok-marker");
        let sealed = write(&first, &none, &keys).expect("sealed");
        assert!(!format!("{sealed:?}").contains("marker"));
        assert_eq!(write(&first, &sealed, &keys), Ok(sealed.clone()));
        for changed in [
            configured("https://a.example/", "another"),
            configured("https://b.example/", "tok-marker"),
        ] {
            let again = write(&changed, &sealed, &keys).expect("sealed");
            let revision = again.servers[0].1.auth.as_ref().map(|auth| auth.revision);
            assert_eq!(revision, Some(2));
        }
        let both = format!("{} {}", "cd".repeat(32), "ab".repeat(32));
        let newer = KeyRing::read(&both).expect("valid");
        let again = write(&first, &sealed, &newer).expect("sealed");
        assert_ne!(again, sealed, "with the newest key");
        let error = write(&first, &none, &KeyRing::default()).expect_err("no key");
        let place = "tenants[0].mcp.servers[0].auth.secret: no key";
        assert!(error.starts_with(place), "{error}");
    }

    #[test]
    fn servers_that_cannot_be_told_apart_or_asked_are_refused_where_they_stand() {
        let one = "[[tenants.mcp.servers]]\nid = \"a\"\nurl = \"https://a.example/\"\n";
        for (lines, said) in [
            (
                format!("{one}{one}"),
                "\"a\" is the id of an earlier server",
            ),
            (
                format!("{one}auth = {{ type = \"bearer\" }}\n"),
                "auth of \"a\" has no secret",
            ),
            (one.replace("https", "http"), "must begin with https://"),
            (format!("{one}timeout_ms = 1\n"), "1 is not allowed"),
        ] {
            let text = format!("[[tenants]]\nid = \"acme\"\n{lines}");
            let error = parse::<Config>(&text, "floopy.toml").expect_err(said);
            let error = error.to_string();
            assert!(
                error.contains(said) && error.contains("tenants.mcp.servers"),
                "{error}"
            );
        }
    }
}
