//! The control plane as a whole, on its real listeners and files.

use std::time::Duration;

use floopy_shared::domain::constraints::Constraints;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::{
    config::TenantConfig,
    store::{Store, tenants},
};

fn deps() -> Deps {
    Deps {
        incoming: None,
        clock: Clock::system(),
        registry: Arc::default(),
        stop: CancellationToken::new(),
    }
}

fn config(directory: &std::path::Path) -> Config {
    Config {
        rest_listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        data_dir: directory.to_owned(),
        ..Config::default()
    }
}

async fn get(addr: SocketAddr, path: &str, key: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(addr).await.expect("listens");
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.expect("read");
    reply
}

fn owner_key(tenant: &str) -> NewKey {
    NewKey {
        tenant: tenant.to_owned(),
        role: "owner".to_owned(),
        name: String::new(),
    }
}

#[tokio::test]
async fn the_first_start_mints_a_key_that_works_and_later_ones_do_not() {
    let root = tempfile::tempdir().expect("temporary directory");
    let deps_first = deps();
    let stop = deps_first.stop.clone();
    let first = prepare(config(root.path()), deps_first)
        .await
        .expect("starts");
    let key = first.minted_key().expect("minted").to_owned();
    assert!(key.starts_with("fl_") && key.len() == 67, "{key}");
    let addr = first.rest_addr();
    let task = tokio::spawn(first.run());
    assert!(
        get(addr, "/v1/decisions", &key)
            .await
            .starts_with("HTTP/1.1 200")
    );
    let unknown = create_key(&config(root.path()), &owner_key("team-b"))
        .await
        .expect_err("no such tenant")
        .to_string();
    assert!(unknown.contains("[[tenants]]"), "{unknown}");
    let created = create_key(&config(root.path()), &owner_key("default"))
        .await
        .expect("created");
    assert!(
        get(addr, "/v1/decisions", &created)
            .await
            .starts_with("HTTP/1.1 200")
    );
    let ready = async {
        while !get(addr, "/readyz", "").await.starts_with("HTTP/1.1 200") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), ready)
        .await
        .expect("ready");
    assert!(
        get(addr, "/metrics", "")
            .await
            .contains("floopy_control_snapshot_version")
    );
    let second = prepare(config(root.path()), deps())
        .await
        .expect_err("in use");
    assert!(matches!(second, Error::Locked(_)), "{second}");
    stop.cancel();
    task.await.expect("no panic").expect("ends well");
    let again = prepare(config(root.path()), deps())
        .await
        .expect("starts again");
    assert_eq!(again.minted_key(), None);
    let file = std::fs::read(root.path().join("controlplane.sqlite")).expect("exists");
    assert!(
        !file
            .windows(key.len())
            .any(|window| window == key.as_bytes()),
        "the key itself is on disk"
    );
}

#[tokio::test]
async fn configured_tenants_bring_their_own_key_and_nothing_is_minted() {
    let root = tempfile::tempdir().expect("temporary directory");
    let tenant = |id: &str, model: Option<&str>| TenantConfig {
        id: id.into(),
        key: Some(floopy_shared::process::config::Secret::new("fl_mine")),
        zero_retention: false,
        default_model: model.map(Into::into),
        constraints: Default::default(),
        shadow_budget_usd_per_day: None,
        rules: Vec::new(),
        models: Vec::new(),
        rule: None,
        passthrough: false,
        cache: Default::default(),
        firewall: Default::default(),
        mcp: Default::default(),
        plan: None,
    };
    let one = Config {
        tenants: vec![tenant("acme", Some("gpt-4o"))],
        ..config(root.path())
    };
    let prepared = prepare(one, deps()).await.expect("starts");
    assert_eq!(prepared.minted_key(), None);
    drop(prepared);
    let twice = Config {
        tenants: vec![tenant("acme", None), tenant("b", None)],
        ..config(root.path())
    };
    let error = prepare(twice, deps())
        .await
        .expect_err("one key, two tenants")
        .to_string();
    assert!(
        error.contains("tenants[1].key") && !error.contains("fl_mine"),
        "{error}"
    );
    let unknown = Config {
        tenants: vec![tenant("acme", Some("gpt-99"))],
        ..config(root.path())
    };
    let error = prepare(unknown, deps())
        .await
        .expect_err("unknown model")
        .to_string();
    assert!(
        error.contains("gpt-99") && error.contains("[[models]]"),
        "{error}"
    );
}

#[tokio::test]
async fn constraints_budget_and_rules_are_kept_with_their_tenant_until_they_are_taken_back() {
    let root = tempfile::tempdir().expect("temporary directory");
    let text = "[[tenants]]\nid = \"acme\"\nshadow_budget_usd_per_day = 2.5\n\
        rule = \"cheap\"\npassthrough = true\n\
        [[tenants.rules]]\nname = \"cheap\"\nstrategy = \"smart_cost\"\nfloor = 0.9\n\
        [tenants.constraints]\ndeny_providers = [\"openai\"]\nmin_quality = { floor = 0.9 }\n";
    let written: Config =
        floopy_shared::process::config::parse(text, "floopy.toml").expect("valid");
    let stored = async |tenants: Vec<TenantConfig>| {
        let one = Config {
            tenants,
            ..config(root.path())
        };
        drop(prepare(one, deps()).await.expect("starts"));
        let store = Store::open(&Location::Directory(root.path().to_owned())).await;
        let tenants = tenants::all(&store.expect("opens")).await.expect("read");
        tenants.into_iter().next().expect("one")
    };
    let tenant = stored(written.tenants.clone()).await;
    assert_eq!(
        tenant.constraints,
        written.tenants[0].constraints.to_domain()
    );
    assert_eq!(tenant.shadow_budget_micro_usd_per_day, Some(2_500_000));
    assert_eq!(tenant.routing, written.tenants[0].routing());
    assert!(tenant.routing.passthrough && tenant.routing.default_rule().is_some());
    let plain: Config =
        floopy_shared::process::config::parse("[[tenants]]\nid = \"acme\"", "f").expect("valid");
    let tenant = stored(plain.tenants).await;
    assert_eq!(tenant.constraints, Constraints::default());
    assert_eq!(tenant.shadow_budget_micro_usd_per_day, None);
    assert_eq!(tenant.routing, Default::default());
}

#[tokio::test]
async fn a_key_replaced_in_the_configuration_stops_working_and_a_minted_one_stays() {
    let root = tempfile::tempdir().expect("temporary directory");
    let start = |key: &str| {
        let tenant = TenantConfig {
            id: "acme".into(),
            key: Some(floopy_shared::process::config::Secret::new(key)),
            zero_retention: false,
            default_model: None,
            constraints: Default::default(),
            shadow_budget_usd_per_day: None,
            rules: Vec::new(),
            models: Vec::new(),
            rule: None,
            passthrough: false,
            cache: Default::default(),
            firewall: Default::default(),
            mcp: Default::default(),
            plan: None,
        };
        let config = Config {
            tenants: vec![tenant],
            ..config(root.path())
        };
        prepare(config, deps())
    };
    drop(start("fl_old").await.expect("starts"));
    let minted = create_key(&config(root.path()), &owner_key("acme"))
        .await
        .expect("made");
    let prepared = start("fl_new").await.expect("starts");
    let addr = prepared.rest_addr();
    let task = tokio::spawn(prepared.run());
    for (key, status) in [("fl_old", 401), ("fl_new", 200), (minted.as_str(), 200)] {
        let reply = get(addr, "/v1/decisions", key).await;
        assert!(reply.starts_with(&format!("HTTP/1.1 {status}")), "{reply}");
    }
    task.abort();
}

#[tokio::test]
async fn a_key_that_is_made_in_the_store_itself_is_in_the_audit() {
    let root = tempfile::tempdir().expect("temporary directory");
    let prepared = prepare(config(root.path()), deps()).await.expect("starts");
    let addr = prepared.rest_addr();
    let task = tokio::spawn(prepared.run());
    let created = create_key(&config(root.path()), &owner_key("default")).await;
    let created = created.expect("created");
    let audit = get(addr, "/v1/audit", &created).await;
    let line = format!("key/{}", crate::store::keys::id_of(&created));
    assert!(audit.contains(&line), "{audit}");
    assert!(audit.contains("\"actor\":\"operator\""), "{audit}");
    task.abort();
}

#[tokio::test]
async fn a_tenant_that_the_configuration_has_no_more_keeps_the_keys_that_were_made_elsewhere() {
    let root = tempfile::tempdir().expect("temporary directory");
    let start = async |ids: &[&str]| {
        let entry = |id: &&str| format!("[[tenants]]\nid = \"{id}\"\nkey = \"fl_{id}\"\n");
        let text: String = ids.iter().map(entry).collect();
        let written: Config = floopy_shared::process::config::parse(&text, "f").expect("valid");
        let config = Config {
            tenants: written.tenants,
            ..config(root.path())
        };
        prepare(config, deps()).await.expect("starts")
    };
    drop(start(&["acme", "globex"]).await);
    let minted = create_key(&config(root.path()), &owner_key("acme")).await;
    let minted = minted.expect("made");
    let prepared = start(&["globex"]).await;
    let addr = prepared.rest_addr();
    let task = tokio::spawn(prepared.run());
    for (key, status) in [("fl_acme", 401), ("fl_globex", 200), (minted.as_str(), 200)] {
        let reply = get(addr, "/v1/decisions", key).await;
        assert!(reply.starts_with(&format!("HTTP/1.1 {status}")), "{reply}");
    }
    task.abort();
}

#[tokio::test]
async fn grpc_is_not_opened_to_the_world_without_a_token() {
    let root = tempfile::tempdir().expect("temporary directory");
    let open = Config {
        grpc_listen: Some(SocketAddr::from(([0, 0, 0, 0], 0))),
        ..config(root.path())
    };
    let error = prepare(open, deps())
        .await
        .expect_err("no token")
        .to_string();
    assert!(
        error.contains("grpc_listen") && error.contains("token"),
        "{error}"
    );
}

#[tokio::test]
async fn a_taken_port_is_named_with_its_key() {
    let root = tempfile::tempdir().expect("temporary directory");
    let taken = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let addr = taken.local_addr().expect("bound");
    let error = prepare(
        Config {
            rest_listen: addr,
            ..config(root.path())
        },
        deps(),
    )
    .await
    .expect_err("taken");
    assert!(
        error.to_string().contains(&addr.to_string()) && error.to_string().contains("rest_listen"),
        "{error}"
    );
}
