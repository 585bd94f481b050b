//! The configuration read again while everything runs: what may change does, all of it or nothing, and who asks is told.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::{fs, path::PathBuf};

use floopy_tests::{
    Api, Floopy, Settings, Shape, Upstream, checks::assert_error, eventually, in_both_shapes,
    settings::TENANT,
};
use serde_json::{Value, json};

in_both_shapes!(
    what_may_change_is_in_force_and_the_rest_is_named,
    a_configuration_that_cannot_be_used_changes_nothing_and_says_where,
    providers_change_while_calls_go_on,
    what_is_logged_changes_while_it_runs_and_what_is_configured_is_shown,
);

struct World {
    upstream: Upstream,
    floopy: Floopy,
    shape: Shape,
}

/// A model of a provider that comes with a reload.
const SECOND: &str = "second/alpha";
/// A tenant that comes with a reload.
const LATE: &str = "fl_test_late_0123456789";

impl World {
    async fn start(shape: Shape) -> Self {
        let upstream = Upstream::start().await;
        let floopy = Floopy::with(shape, Settings::for_upstream(&upstream)).await;
        Self {
            upstream,
            floopy,
            shape,
        }
    }

    /// The file that tenants are in.
    fn tenants(&self) -> PathBuf {
        let name = match self.shape {
            Shape::Standalone => "floopy.toml",
            Shape::Split => "controlplane.toml",
        };
        self.floopy.dir().join(name)
    }

    /// The file that providers are in.
    fn providers(&self) -> PathBuf {
        let name = match self.shape {
            Shape::Standalone => "floopy.toml",
            Shape::Split => "dataplane.toml",
        };
        self.floopy.dir().join(name)
    }

    async fn reload(&self) -> Value {
        let operator = self.floopy.operator_api();
        operator
            .post("/v1/operator/reload")
            .send()
            .await
            .ok()
            .json()
    }

    /// A figure of the control plane, as it is scraped.
    async fn control_metric(&self, name: &str) -> Option<String> {
        metric(&self.floopy.control_api(), name).await
    }
}

async fn metric(api: &Api, name: &str) -> Option<String> {
    let text = api.get("/metrics").await.text();
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split(' ').nth(1).map(str::to_owned)
}

fn edit(file: &PathBuf, change: impl Fn(&str) -> String) {
    let text = fs::read_to_string(file).expect("a configuration");
    fs::write(file, change(&text)).expect("written");
}

async fn serves(api: &Api, status: u16) {
    eventually(|| async {
        let answer = api.get("/v1/models").await;
        if answer.status == status {
            Ok(())
        } else {
            Err(answer.text())
        }
    })
    .await;
}

async fn what_may_change_is_in_force_and_the_rest_is_named(shape: Shape) {
    let world = World::start(shape).await;
    let late = world.floopy.api().with_key(LATE);
    assert_eq!(late.get("/v1/models").await.status, 401);
    assert_eq!(world.reload().await["applied"], json!([]));
    let waits = match shape {
        Shape::Standalone => "data_dir",
        Shape::Split => "refresh_ms",
    };
    edit(&world.tenants(), |text| {
        let without = text.lines().filter(|line| !line.starts_with("refresh_ms"));
        let without: Vec<&str> = without.collect();
        let text = without
            .join("\n")
            .replace("data_dir = \"", "data_dir = \"./other/");
        let more = format!(
            "\n[[plans]]\nname = \"late\"\nrequests_per_minute = 600\n\n\
             [[tenants]]\nid = \"late\"\nkey = \"{LATE}\"\nplan = \"late\"\ndefault_model = \"alpha\"\n"
        );
        match shape {
            Shape::Standalone => text + &more,
            Shape::Split => format!("refresh_ms = 300\n{text}{more}").replace("./other/", ""),
        }
    });
    let told = world.reload().await;
    assert_eq!(
        told["applied"],
        json!(["plans[late]", "tenants[late]"]),
        "{told}"
    );
    assert_eq!(told["needs_restart"], json!([waits]), "{told}");
    serves(&late, 200).await;
    let operator = world.floopy.operator_api();
    let changes = operator
        .get("/v1/operator/audit?resource=configuration")
        .await
        .ok();
    let changes = changes.json();
    let change = &changes["items"][0];
    assert_eq!(change["action"], "update", "{changes}");
    assert_ne!(change["before_sha256"], change["after_sha256"], "{changes}");
    // What waits for a start is told until then, what is in force once.
    let again = world.reload().await;
    assert_eq!(
        (&again["applied"], &again["needs_restart"]),
        (&json!([]), &json!([waits]))
    );
    edit(&world.tenants(), |text| {
        let at = text
            .find("[[tenants]]\nid = \"late\"")
            .expect("it is there");
        text[..at].to_owned()
    });
    assert_eq!(world.reload().await["applied"], json!(["tenants[late]"]));
    serves(&late, 401).await;
}

async fn a_configuration_that_cannot_be_used_changes_nothing_and_says_where(shape: Shape) {
    let mut world = World::start(shape).await;
    let file = world.tenants();
    let good = fs::read_to_string(&file).expect("a configuration");
    let is_taken = "floopy_config_last_reload_successful";
    assert_eq!(world.control_metric(is_taken).await.as_deref(), Some("1"));
    let late = format!("[[tenants]]\nid = \"late\"\nkey = \"{LATE}\"\n");
    let cases = [
        (format!("{late}plan = \"gold\"\n"), "\"gold\" is not a plan"),
        (format!("{late}speed = 3\n"), "unknown field `speed`"),
        (
            format!("{late}[[tenants]]\nid = \"thief\"\nkey = \"{LATE}\"\n"),
            "belongs to tenant",
        ),
    ];
    for (more, reason) in cases {
        fs::write(&file, format!("{good}\n{more}")).expect("written");
        let operator = world.floopy.operator_api();
        let refused = operator.post("/v1/operator/reload").send().await;
        let name = file.display().to_string();
        assert_error(&refused, 400, "invalid_configuration", &[&name, reason]);
        assert!(!refused.text().contains(LATE), "{}", refused.text());
        assert_eq!(world.control_metric(is_taken).await.as_deref(), Some("0"));
        let late = world.floopy.api().with_key(LATE);
        assert_eq!(late.get("/v1/models").await.status, 401);
        assert_eq!(world.floopy.api().get("/v1/models").await.status, 200);
    }
    fs::write(&file, format!("{good}\n{late}")).expect("written");
    match shape {
        Shape::Standalone => world.floopy.proxy_process().hang_up(),
        Shape::Split => world.floopy.control_process().hang_up(),
    }
    serves(&world.floopy.api().with_key(LATE), 200).await;
    assert_eq!(world.control_metric(is_taken).await.as_deref(), Some("1"));
    let asked = world
        .floopy
        .control_api()
        .post("/v1/operator/reload")
        .send()
        .await;
    assert_error(&asked, 403, "operator_required", &[]);
}

async fn providers_change_while_calls_go_on(shape: Shape) {
    let mut world = World::start(shape).await;
    let second = Upstream::start().await;
    let question = json!({"model": SECOND, "messages": [{"role": "user", "content": "hi"}]});
    let api = world.floopy.api();
    // The only provider that there is takes it for a name of its own.
    assert_ne!(
        api.chat("s1", &question).await.header("floopy-model"),
        SECOND
    );
    let more = format!(
        "\n[[providers]]\nname = \"second\"\nbase_url = \"{}\"\napi_key = \"sk-second\"\n",
        second.base_url()
    );
    edit(&world.providers(), |text| {
        let at = text.find("[[providers]]").expect("providers");
        format!("{}{more}\n{}", &text[..at], &text[at..])
    });
    world.floopy.proxy_process().hang_up();
    eventually(|| async {
        let answer = api.chat("s2", &question).await;
        if answer.status == 200 && answer.header("floopy-model") == SECOND {
            Ok(())
        } else {
            Err(answer.text())
        }
    })
    .await;
    let shown = second.received();
    let shown = shown.last().expect("asked").headers.get("authorization");
    assert_eq!(
        shown.map(|it| it.as_bytes()),
        Some(&b"Bearer sk-second"[..])
    );
    let usual = json!({"model": "alpha", "messages": [{"role": "user", "content": "hi"}]});
    assert_eq!(api.chat("s3", &usual).await.status, 200);
    assert!(world.upstream.count("alpha") > 0);
    // The control plane hears of it without losing the proxy.
    let operator = world.floopy.operator_api();
    eventually(|| async {
        let proxies = operator.get("/v1/operator/proxies").await.ok().json();
        let providers = proxies["items"][0]["providers"].as_array().cloned();
        if providers.is_some_and(|all| all.contains(&json!("second"))) {
            Ok(())
        } else {
            Err(proxies)
        }
    })
    .await;
    assert!(!world.floopy.logs().contains("control plane lost"));
    // A provider that is taken out is asked no more.
    edit(&world.providers(), |text| text.replace(&more, ""));
    world.floopy.proxy_process().hang_up();
    eventually(|| async {
        let answer = api.chat("s4", &question).await;
        if answer.header("floopy-model") == SECOND {
            Err(answer.text())
        } else {
            Ok(())
        }
    })
    .await;
}

async fn what_is_logged_changes_while_it_runs_and_what_is_configured_is_shown(shape: Shape) {
    let world = World::start(shape).await;
    let operator = world.floopy.operator_api();
    let path = "/v1/operator/log";
    assert_eq!(operator.get(path).await.ok().json()["filter"], "info");
    let has_debug = || world.floopy.logs().contains("DEBUG");
    assert!(!has_debug());
    let cases = [
        (json!({"filter": "loud"}), "filter", "\"loud\" is no level"),
        (json!({"filter": 3}), "filter", "must be a string"),
        (json!({"level": "debug"}), "level", "is no field"),
        (json!({}), "filter", "missing"),
    ];
    for (body, field, reason) in cases {
        let refused = operator.send(&format!("PUT {path}"), body).await;
        assert_error(&refused, 400, "invalid_body", &[reason]);
        assert_eq!(refused.json()["error"]["param"], field);
    }
    let more = json!({"filter": "info,floopy_controlplane=debug,h=debug,hyper=debug,h2=debug"});
    let set = operator.send(&format!("PUT {path}"), more.clone()).await;
    let set = set.ok().json();
    assert_eq!(set["filter"], more["filter"]);
    eventually(|| async {
        world.control_metric("floopy").await;
        has_debug()
            .then_some(())
            .ok_or_else(|| "no line of debug".to_owned())
    })
    .await;
    let changes = operator.get("/v1/operator/audit?resource=log").await.ok();
    assert_eq!(changes.json()["items"][0]["action"], "update");
    let customers = world.floopy.control_api().get(path).await;
    assert_error(&customers, 403, "operator_required", &[]);
    // The file says otherwise from now on.
    edit(&world.tenants(), |text| {
        format!("log_filter = \"warn\"\n{text}")
    });
    assert_eq!(world.reload().await["applied"], json!(["log_filter"]));
    assert_eq!(operator.get(path).await.ok().json()["filter"], "warn");
    let shown = operator.get("/v1/operator/configuration").await.ok();
    let (text, shown) = (shown.text(), shown.json());
    assert_eq!(shown["file"], json!(world.tenants()), "{shown}");
    let set = shown["set"].as_array().expect("a list");
    assert!(set.contains(&json!("log_filter")), "{shown}");
    assert_eq!(shown["configuration"]["log_filter"], "warn");
    assert!(text.contains("***") && !text.contains(TENANT.1), "{text}");
}
