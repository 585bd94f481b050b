//! Which servers a call may ask, and what they are shown.

use floopy_shared::domain::{
    credential::{Hidden, KeyRing, NONCE_BYTES, open, seal},
    ids::TenantId,
    mcp::{Auth, ServerId},
};

use super::*;

fn keys() -> KeyRing {
    KeyRing::read(&hex::encode([7; 32])).expect("a key")
}

fn server(tenant: &TenantId, id: &str, secret: Option<&str>) -> Server {
    let id = ServerId::new(id).expect("valid");
    let auth = secret.map(|secret| {
        let credential = Credential {
            api_key: Some(Hidden::new(secret.to_owned())),
            base_url: Some(Hidden::new("https://tools.example:443".to_owned())),
            ..Credential::default()
        };
        let place = Auth::place(tenant, &id).expect("valid");
        let newest = keys().newest().expect("a key").clone();
        let secret = seal(&newest, (&place, 1), &credential, [9; NONCE_BYTES]);
        let secret = secret.expect("sealed");
        Auth {
            header: None,
            secret,
        }
    });
    Server {
        url: format!("https://tools.example/{id}"),
        auth,
        tools: Tools::Only(vec!["find".to_owned(), "count".to_owned()]),
        timeout_ms: 1_000,
        max_retries: 0,
        enabled: id.as_str() != "off",
        id,
    }
}

fn tenant() -> Tenant {
    let id = TenantId::new("acme").expect("valid");
    let mut mcp = Mcp::default();
    mcp.put(server(&id, "search", Some("s3cret")));
    mcp.put(server(&id, "off", None));
    Tenant {
        mcp: Some(Arc::new(mcp)),
        ..Tenant::new(id)
    }
}

fn asked(wished: Option<&str>) -> Result<Terms, String> {
    let opened = |sealed: &Sealed| open(&keys(), sealed);
    terms(&tenant(), wished, &opened).map_err(|e| e.to_string())
}

#[test]
fn without_a_plugin_those_that_are_enabled_are_asked_with_their_secrets() {
    let terms = asked(None).expect("usable");
    let ids: Vec<&str> = terms.targets.iter().map(|t| t.id.as_str()).collect();
    assert_eq!(ids, ["search"]);
    let (name, value) = terms.targets[0].secret.as_ref().expect("shown");
    assert_eq!(
        (name.as_str(), value.to_str().expect("ascii")),
        ("authorization", "Bearer s3cret")
    );
    assert!(!format!("{terms:?}").contains("s3cret"));
}

#[test]
fn a_plugin_names_servers_narrows_their_tools_and_sets_how_far_it_goes() {
    let terms = asked(Some(
        "{mcp_servers: [{id: off, tools: [find]}], agent: {max_rounds: 3}}",
    ));
    let terms = terms.expect("usable");
    assert_eq!(terms.agent.max_rounds, 3);
    assert_eq!(terms.agent.tool_cache_ttl_s, 300);
    assert_eq!(terms.targets[0].tools, Tools::Only(vec!["find".to_owned()]));
}

#[test]
fn a_secret_is_shown_to_its_own_server_alone() {
    let named = |url: &str, secret: &str| {
        let auth = format!("{{type: api_key, header: x-key, secret_ref: {secret}}}");
        asked(Some(&format!(
            "{{mcp_servers: [{{id: x, url: '{url}', auth: {auth}}}]}}"
        )))
    };
    let terms = named("https://tools.example/other", "search").expect("its own");
    let (name, value) = terms.targets[0].secret.as_ref().expect("shown");
    assert_eq!((name.as_str(), value.as_bytes()), ("x-key", &b"s3cret"[..]));
    for (url, secret, said) in [
        (
            "https://evil.example/",
            "search",
            "given for another server",
        ),
        ("http://127.0.0.1/", "search", "given for another server"),
        (
            "https://tools.example:8443/",
            "search",
            "given for another server",
        ),
        (
            "https://tools.example/",
            "nobody",
            "is not the id of a server of this tenant",
        ),
        ("https://tools.example/", "off", "has no secret"),
    ] {
        let error = named(url, secret).expect_err(url);
        let place = "floopy-mcp-plugin: mcp_servers[0].auth.secret_ref: ";
        assert!(error.contains(place) && error.contains(said), "{error}");
        assert!(!error.contains("s3cret"));
    }
}

#[test]
fn what_a_plugin_may_not_have_is_said_by_its_field() {
    for (wished, said) in [
        (
            "{mcp_servers: [{id: globex}]}",
            "mcp_servers[0].id: \"globex\" is not",
        ),
        (
            "{mcp_servers: [{id: search, tools: [rm]}]}",
            "mcp_servers[0].tools: \"rm\"",
        ),
        (
            "{mcp_servers: [{id: off}, {id: off}]}",
            "mcp_servers[1].id: \"off\" is named twice",
        ),
    ] {
        let error = asked(Some(wished)).expect_err(wished);
        assert!(error.contains(said), "{error}");
    }
}
