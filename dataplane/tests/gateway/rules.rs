//! Routing rules at work, and calls that are forwarded untouched.

use std::time::Duration;

use floopy_proto::v1;
use http::StatusCode;

use crate::{
    control::{Control, eventually},
    proxy::{Proxy, Reply, chat_body, no_control},
    snapshots::{MODELS, catalog, ranking, tenant},
    upstream::{Script, Upstream, completion, json as reply},
};

/// Who answers: what each of `a` and `b` does with a call.
async fn start(
    one: impl Fn() -> Script + Send + Sync + 'static,
    two: impl Fn() -> Script + Send + Sync + 'static,
    routing: v1::Routing,
) -> ([Upstream; 2], Control, Proxy) {
    let upstreams = [
        Upstream::start(move |_, _| one()).await,
        Upstream::start(move |_, _| two()).await,
    ];
    let (control, dialer) = Control::start();
    let urls: Vec<String> = upstreams.iter().map(Upstream::base_url).collect();
    let proxy = Proxy::start(&urls, dialer).await;
    let mut tenant = tenant(1, false);
    if let Some(v1::table::Body::Tenant(tenant)) = &mut tenant.body {
        tenant.routing = Some(routing);
    }
    let tables = vec![catalog(1, &MODELS), tenant, ranking(1, MODELS, 1.0)];
    control.push(1, tables).await;
    (upstreams, control, proxy)
}

fn rule(name: &str, strategy: v1::Strategy, weights: &[f64]) -> v1::Rule {
    v1::Rule {
        id: String::new(),
        name: name.to_owned(),
        strategy: strategy.into(),
        models: MODELS.iter().rev().map(ToString::to_string).collect(),
        weights: weights.to_vec(),
        min_quality: None,
    }
}

async fn send(proxy: &Proxy, body: &str, headers: &[(&'static str, &str)]) -> Reply {
    let mut request = proxy.post("/v1/chat/completions", body);
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    proxy.send(request).await
}

async fn auto(proxy: &Proxy, headers: &[(&'static str, &str)]) -> Reply {
    send(proxy, &chat_body("auto", false), headers).await
}

#[tokio::test]
async fn a_rule_decides_on_auto_alone_and_is_named_in_the_record() {
    let routing = v1::Routing {
        rules: vec![
            rule("reverse", v1::Strategy::Fallback, &[]),
            rule("half", v1::Strategy::RoundRobin, &[]),
        ],
        rule: "reverse".to_owned(),
        ..v1::Routing::default()
    };
    let (_upstreams, control, proxy) =
        start(|| completion("one"), || completion("two"), routing).await;
    let got = auto(&proxy, &[]).await;
    assert_eq!(got.header("floopy-model"), "b/two");
    let named = send(&proxy, &chat_body("a/one", false), &[]).await;
    assert_eq!(named.header("floopy-model"), "a/one");
    let mut firsts = std::collections::BTreeMap::<String, u32>::new();
    for n in 0..100 {
        let session = format!("s{n}");
        let headers = [
            ("floopy-routing-rule", "half"),
            ("floopy-session-id", session.as_str()),
        ];
        let got = auto(&proxy, &headers).await;
        *firsts
            .entry(got.header("floopy-model").to_owned())
            .or_default() += 1;
    }
    // Five standard deviations of a fair coin.
    assert!(firsts.values().all(|n| (25..=75).contains(n)), "{firsts:?}");
    let unknown = auto(&proxy, &[("floopy-routing-rule", "nope")]).await;
    assert_eq!(unknown.status, StatusCode::BAD_REQUEST);
    let message = unknown.message();
    assert!(
        message.contains("floopy-routing-rule")
            && message.contains("\"nope\"")
            && message.contains("reverse, half"),
        "{message}"
    );
    let metrics = proxy.admin("/metrics").await.text();
    assert!(
        metrics.contains("strategy=\"round_robin\"} 100"),
        "{metrics}"
    );
    proxy.finish().await;
    let decisions = control.decisions();
    let of = |strategy: v1::Strategy| {
        let of = |d: &&v1::Decision| d.strategy() == strategy && d.shadow_of.is_empty();
        decisions.iter().filter(of).collect::<Vec<_>>()
    };
    let listed = of(v1::Strategy::Fallback);
    assert_eq!((listed.len(), listed[0].rule.as_str()), (1, "reverse"));
    let drawn = of(v1::Strategy::RoundRobin);
    assert!(
        drawn
            .iter()
            .all(|d| d.rule == "half" && d.propensity == 0.5)
    );
    let shadows = decisions.iter().filter(|d| !d.shadow_of.is_empty());
    assert_eq!(shadows.count(), 0, "rules that do not learn send none");
}

#[tokio::test]
async fn the_next_of_a_rule_steps_in_where_the_first_fails() {
    let routing = v1::Routing {
        rules: vec![rule("list", v1::Strategy::Weighted, &[1.0, 0.0])],
        rule: "list".to_owned(),
        ..v1::Routing::default()
    };
    let (_upstreams, control, proxy) =
        start(|| completion("one"), || reply(500, "{}"), routing).await;
    let got = auto(&proxy, &[]).await;
    assert_eq!(got.header("floopy-model"), "a/one");
    assert_eq!(got.header("floopy-decision-reason"), "fallback");
    proxy.finish().await;
    let decision = control.decisions().remove(0);
    assert_eq!(
        (decision.chosen.as_str(), decision.served.as_str()),
        ("b/two", "a/one")
    );
    assert_eq!(decision.propensity, 1.0);
}

#[tokio::test]
async fn the_quicker_one_serves_once_both_are_measured_and_the_record_says_what_was_known() {
    let routing = v1::Routing {
        rules: vec![rule("quick", v1::Strategy::LatencyBased, &[])],
        rule: "quick".to_owned(),
        ..v1::Routing::default()
    };
    let slow = || {
        let mut script = completion("late");
        script[0].0 = Duration::from_millis(150);
        script
    };
    let (_upstreams, control, proxy) = start(|| completion("soon"), slow, routing).await;
    let mut models = Vec::new();
    for n in 0..6 {
        let session = format!("s{n}");
        let got = auto(&proxy, &[("floopy-session-id", &session)]).await;
        models.push(got.header("floopy-model").to_owned());
    }
    assert_eq!(models[..2], ["b/two", "a/one"], "each is measured once");
    assert!(models[2..].iter().all(|m| m == "a/one"), "{models:?}");
    proxy.finish().await;
    let mut decisions = control.decisions();
    decisions.sort_by_key(|d| d.session_id.clone());
    let loads = |d: &v1::Decision| d.candidates.iter().map(|c| c.load).collect::<Vec<_>>();
    let unmeasured = Some(v1::Load {
        first_byte_ms: None,
        waiting: 0,
    });
    assert_eq!(loads(&decisions[0]), [unmeasured; 2]);
    let measured: Vec<f64> = loads(&decisions[5])
        .iter()
        .filter_map(|load| load.as_ref()?.first_byte_ms)
        .collect();
    assert!(
        measured[0] > 100.0 && measured[1] < measured[0],
        "{measured:?}"
    );
}

fn passthrough(by_default: bool) -> v1::Routing {
    v1::Routing {
        rules: Vec::new(),
        rule: String::new(),
        passthrough: by_default,
        ..v1::Routing::default()
    }
}

#[tokio::test]
async fn a_call_that_passes_through_arrives_byte_for_byte_and_is_only_metered() {
    let (upstreams, control, proxy) = start(
        || completion("one"),
        || completion("two"),
        passthrough(true),
    )
    .await;
    let body = "{ \"messages\":[{\"role\":\"user\",\"content\":\"caf\\u00e9\"}],\n\"stream\":false, \"model\" :\"one\", \"x\":1e3}";
    let got = send(&proxy, body, &[("floopy-provider", "a")]).await;
    assert_eq!(got.status, StatusCode::OK, "{}", got.text());
    assert_eq!(got.header("floopy-decision-reason"), "passthrough");
    let by_name = send(&proxy, body, &[]).await;
    assert_eq!(by_name.header("floopy-model"), "a/one");
    let seen = upstreams[0].seen();
    assert!(seen.iter().all(|seen| seen.body == body.as_bytes()));
    assert!(seen[0].head.contains("authorization: bearer sk-a\r\n"));
    let routed = send(
        &proxy,
        &chat_body("auto", false),
        &[("floopy-passthrough", "false")],
    )
    .await;
    assert_eq!(routed.header("floopy-decision-reason"), "dispatched");
    eventually("the routed call is judged, and its shadow", || {
        (control.jobs().len() == 2).then_some(())
    })
    .await;
    proxy.finish().await;
    assert_eq!((seen.len(), control.jobs().len()), (2, 2));
    let decisions = control.decisions();
    let passed: Vec<_> = decisions.iter().filter(|d| d.passthrough).collect();
    assert_eq!(passed.len(), 2);
    for decision in passed {
        assert_eq!(decision.strategy(), v1::Strategy::LegacyModel);
        assert_eq!(decision.reason(), v1::Reason::Passthrough);
        let outcome = decision.outcome.unwrap();
        assert_eq!((outcome.input_tokens, outcome.output_tokens), (10, 5));
    }
}

#[tokio::test]
async fn what_cannot_pass_through_is_told_the_way_out() {
    let (_upstreams, _control, proxy) = start(
        || completion("one"),
        || completion("two"),
        passthrough(false),
    )
    .await;
    let cases = [
        ("auto", "true", "floopy-passthrough: false"),
        ("one,two", "true", "name one model"),
        ("a/one", "true", "send the header floopy-provider: a"),
        ("one", "yes", "must be true or false"),
    ];
    for (model, value, expected) in cases {
        let headers = [("floopy-passthrough", value)];
        let got = send(&proxy, &chat_body(model, false), &headers).await;
        assert_eq!(got.status, StatusCode::BAD_REQUEST, "{model}");
        assert!(got.message().contains(expected), "{}", got.message());
    }
    let headers = [("floopy-passthrough", "true"), ("floopy-fallback", "b/two")];
    let got = send(&proxy, &chat_body("one", false), &headers).await;
    assert!(
        got.message().contains("floopy-fallback"),
        "{}",
        got.message()
    );
    proxy.finish().await;
}

#[tokio::test]
async fn rules_of_the_configuration_count_before_any_control_plane_was_reached() {
    let upstream = Upstream::start(|_, _| completion("hi")).await;
    let proxy = Proxy::start_with(&[upstream.base_url()], no_control(), |config| {
        config.tenants[0].passthrough = true;
    })
    .await;
    let headers = [("floopy-provider", "a")];
    let got = send(&proxy, &chat_body("m-1", false), &headers).await;
    assert_eq!(got.header("floopy-decision-reason"), "passthrough");
    proxy.finish().await;
}
