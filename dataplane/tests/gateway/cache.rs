//! Replies that are given again: to whom, in which form, and when not.

use floopy_proto::v1;
use http::StatusCode;

use crate::{
    control::{Control, eventually, eventually_holds},
    proxy::{KEY, Proxy, Reply, chat_body, no_control},
    snapshots::{MODELS, catalog, ranking, tenant},
    upstream::{Script, Seen, Upstream, completion, delta, events, json},
};

pub const ON: (&str, &str) = ("floopy-cache-enabled", "true");

type Headers = &'static [(&'static str, &'static str)];

pub struct World {
    upstream: Upstream,
    pub control: Control,
    proxy: Proxy,
}

/// A proxy whose tenant says this of its cache. `a` and `b` are both this upstream.
pub async fn world(
    answer: impl Fn(&Seen, usize) -> Script + Send + Sync + 'static,
    change: impl FnOnce(&mut v1::Tenant),
) -> World {
    let upstream = Upstream::start(answer).await;
    let (control, dialer) = Control::start();
    let urls = [upstream.base_url(), upstream.base_url()];
    let proxy = Proxy::start_with(&urls, dialer, |config| {
        config.disconnect.linger_ms = 2_000;
    })
    .await;
    let tables = vec![
        catalog(1, &MODELS),
        changed(1, change),
        ranking(1, MODELS, 1.0),
    ];
    control.push(1, tables).await;
    World {
        upstream,
        control,
        proxy,
    }
}

pub fn changed(version: u64, change: impl FnOnce(&mut v1::Tenant)) -> v1::Table {
    let mut table = tenant(version, false);
    if let Some(v1::table::Body::Tenant(tenant)) = &mut table.body {
        change(tenant);
    }
    table
}

pub fn numbered(_: &Seen, n: usize) -> Script {
    completion(&format!("answer {n}"))
}

impl World {
    pub async fn ask(&self, body: &str, headers: &[(&'static str, &str)]) -> Reply {
        send(&self.proxy, "/v1/chat/completions", body, headers).await
    }

    pub async fn auto(&self, headers: &[(&'static str, &str)]) -> Reply {
        self.ask(&chat_body("auto", false), headers).await
    }

    pub async fn admin(&self, path: &str) -> Reply {
        self.proxy.admin(path).await
    }

    pub fn asked(&self) -> usize {
        self.upstream.seen().len()
    }
}

async fn send(proxy: &Proxy, path: &str, body: &str, headers: &[(&'static str, &str)]) -> Reply {
    let mut request = proxy.post(path, body);
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    proxy.send(request).await
}

pub fn status(reply: &Reply) -> &str {
    reply.header("floopy-cache-status")
}

#[tokio::test]
async fn a_reply_is_given_again_byte_by_byte_and_recorded_as_what_it_is() {
    let world = world(numbered, |_| ()).await;
    let first = world.auto(&[ON]).await;
    let reordered =
        r#"{"messages": [ {"content":"say hi", "role":"user"} ], "model":"auto", "user": "u"}"#;
    let again = world
        .ask(reordered, &[ON, ("floopy-session-id", "s")])
        .await;
    assert_eq!((status(&first), status(&again)), ("miss", "exact"));
    assert_eq!(
        (first.status, again.status),
        (StatusCode::OK, StatusCode::OK)
    );
    assert_eq!(again.body, first.body);
    assert_eq!(again.header("content-type"), "application/json");
    assert_eq!(again.header("floopy-decision-reason"), "cache_hit");
    assert_eq!(again.header("floopy-model"), first.header("floopy-model"));
    assert_eq!(again.header("age"), "0");
    assert_eq!(again.header("floopy-cache-key").len(), 64);
    let shadow = || (world.asked() > 1).then_some(());
    eventually("the shadow of the first call", shadow).await;
    assert_eq!(world.asked(), 2, "the call and its shadow");
    let hit = eventually("the record", || {
        let mut decisions = world.control.decisions().into_iter();
        decisions.find(|d| d.reason() == v1::Reason::CacheHit)
    })
    .await;
    let saved = hit.cache.and_then(|cache| cache.hit).expect("a hit");
    assert_eq!(
        (saved.saved_input_tokens, saved.saved_output_tokens),
        (10, 5)
    );
    let outcome = hit.outcome.expect("has one");
    assert_eq!(
        (
            outcome.cost_micro_usd,
            outcome.input_tokens,
            outcome.output_tokens
        ),
        (Some(0), 0, 0)
    );
    assert_eq!(hit.confidence_reason, "cache_hit");
    assert_eq!(
        (hit.served.as_str(), hit.session_id.as_str()),
        ("a/one", "s")
    );
    assert!(hit.completion_id.is_empty() && hit.confidence.is_none() && hit.attempts.is_empty());
    let metrics = world.proxy.admin("/metrics").await.text();
    for line in [
        "floopy_cache_lookups_total{result=\"exact\"} 1",
        "floopy_cache_lookups_total{result=\"miss\"} 1",
        "floopy_cache_stored_total 1",
        "floopy_cache_entries 1",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
}

#[tokio::test]
async fn nothing_is_stored_or_given_unless_the_call_or_its_tenant_wants_it() {
    let world = world(numbered, |tenant| {
        tenant.caching = Some(v1::Caching {
            enabled: true,
            ..v1::Caching::default()
        });
    })
    .await;
    let off = ("floopy-cache-enabled", "false");
    assert_eq!(status(&world.auto(&[off]).await), "off");
    assert_eq!(status(&world.auto(&[]).await), "miss");
    assert_eq!(status(&world.auto(&[]).await), "exact");
    let fresh = world.auto(&[("cache-control", "no-cache")]).await;
    assert_eq!(status(&fresh), "miss");
    let newer = world.auto(&[]).await;
    assert_eq!(newer.body, fresh.body, "what was asked anew replaced it");
    let never = world.auto(&[("cache-control", "no-store")]).await;
    assert_eq!(
        (status(&never), never.header("floopy-cache-note")),
        ("bypass", "no_store")
    );
    assert_eq!(world.auto(&[]).await.body, newer.body);
    let semantic = world.auto(&[("floopy-cache", "semantic")]).await;
    assert_eq!(
        (status(&semantic), semantic.header("floopy-cache-note")),
        ("exact", "semantic_off")
    );
    let wrong = world.auto(&[("floopy-cache-enabled", "yes")]).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert!(
        wrong.message().contains("floopy-cache-enabled"),
        "{}",
        wrong.message()
    );
}

#[tokio::test]
async fn a_reply_is_good_for_as_long_as_the_call_says() {
    let world = world(numbered, |_| ()).await;
    let short = ("cache-control", "max-age=2");
    let first = world.auto(&[ON, short]).await;
    assert_eq!(status(&world.auto(&[ON]).await), "exact");
    let later = eventually_fresh(&world).await;
    assert_ne!(later.body, first.body);
}

/// Asks until the stored reply is too old.
async fn eventually_fresh(world: &World) -> Reply {
    let mut fresh = None;
    eventually_holds("the stored reply is too old", async || {
        let reply = world.auto(&[ON]).await;
        let is_fresh = status(&reply) == "miss";
        fresh = Some(reply).filter(|_| is_fresh);
        is_fresh
    })
    .await;
    fresh.unwrap()
}

#[tokio::test]
async fn another_tenant_has_a_cache_of_its_own() {
    let upstream = Upstream::start(numbered).await;
    let other = "fl_other";
    let proxy = Proxy::start_with(&[upstream.base_url()], no_control(), |config| {
        let mut second = config.tenants[0].clone();
        second.id = "other".to_owned();
        second.key = floopy_shared::process::config::Secret::new(other);
        config.tenants.push(second);
    })
    .await;
    let ask = async |key: &str| {
        let bearer = format!("Bearer {key}");
        let headers = [ON, ("authorization", bearer.as_str())];
        send(
            &proxy,
            "/v1/chat/completions",
            &chat_body("a/one", false),
            &headers,
        )
        .await
    };
    let (own, theirs) = (ask(KEY).await, ask(other).await);
    assert_eq!((status(&own), status(&theirs)), ("miss", "miss"));
    assert_ne!(own.body, theirs.body);
    assert_ne!(
        own.header("floopy-cache-key"),
        theirs.header("floopy-cache-key")
    );
    assert_eq!(ask(KEY).await.body, own.body);
    assert_eq!(ask(other).await.body, theirs.body);
}

#[tokio::test]
async fn a_stream_is_given_again_as_the_stream_that_it_was() {
    let usage =
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n";
    let answer = move |_: &Seen, n: usize| {
        let finish = "data: {\"id\":\"chatcmpl-s\",\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
        events(&[
            (0, &delta(&format!("a{n}"))),
            (5, &delta("b")),
            (5, &[finish, usage, "data: [DONE]\n\n"].concat()),
        ])
    };
    let world = world(answer, |_| ()).await;
    let plain = chat_body("auto", true);
    let first = world.ask(&plain, &[ON]).await;
    let again = world.ask(&plain, &[ON]).await;
    assert_eq!((status(&first), status(&again)), ("miss", "exact"));
    assert_eq!(again.text(), first.text());
    assert!(!again.text().contains("usage"), "nobody asked for it");
    assert_eq!(again.header("content-type"), "text/event-stream");
    let with_usage = plain.replacen('{', "{\"stream_options\":{\"include_usage\":true},", 1);
    let told = world.ask(&with_usage, &[ON]).await;
    assert_eq!(status(&told), "miss", "another stream");
    assert!(told.text().contains("\"completion_tokens\":2"));
    let told_again = world.ask(&with_usage, &[ON]).await;
    assert_eq!(told_again.text(), told.text());
    assert_eq!(
        status(&world.auto(&[ON]).await),
        "miss",
        "no stream is no whole reply"
    );
}

#[tokio::test]
async fn a_stream_that_breaks_is_not_stored() {
    let answer = |_: &Seen, n: usize| {
        if n == 0 {
            return events(&[(0, &delta("a"))]);
        }
        events(&[(0, &delta("a")), (0, "data: [DONE]\n\n")])
    };
    let world = world(answer, |_| ()).await;
    let body = chat_body("a/one", true);
    let broken = world.ask(&body, &[ON]).await;
    assert!(broken.text().contains("upstream_stream_broken"));
    assert_eq!(status(&world.ask(&body, &[ON]).await), "miss");
    assert_eq!(status(&world.ask(&body, &[ON]).await), "exact");
}

#[tokio::test]
async fn what_would_be_wrong_to_tell_again_is_not_stored() {
    let tools = r#"{"id":"c","choices":[{"message":{"content":null,"tool_calls":[{"id":"t","type":"function","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}"#;
    let refused = r#"{"id":"c","choices":[{"message":{"content":"","refusal":"no"},"finish_reason":"stop"}]}"#;
    let filtered =
        r#"{"id":"c","choices":[{"message":{"content":"x"},"finish_reason":"content_filter"}]}"#;
    let cut = r#"{"id":"c","choices":[{"message":{"content":"x"},"finish_reason":"length"}]}"#;
    let cases: [(&'static str, u16, Headers, &str); 6] = [
        (tools, 200, &[ON], "miss"),
        (tools, 200, &[ON, ("floopy-cache-tools", "true")], "exact"),
        (refused, 200, &[ON], "miss"),
        (filtered, 200, &[ON], "miss"),
        (r#"{"error":{"message":"x"}}"#, 400, &[ON], "miss"),
        // As many tokens as were asked for are a whole reply.
        (cut, 200, &[ON], "exact"),
    ];
    for (reply, code, headers, expected) in cases {
        let world = world(move |_, _| json(code, reply), |_| ()).await;
        let body = chat_body("a/one", false);
        assert_eq!(status(&world.ask(&body, headers).await), "miss", "{reply}");
        assert_eq!(
            status(&world.ask(&body, headers).await),
            expected,
            "{reply}"
        );
    }
}

#[tokio::test]
async fn what_somebody_said_who_stepped_in_is_not_stored() {
    let answer = |seen: &Seen, n: usize| {
        let asks_one = String::from_utf8_lossy(&seen.body).contains("\"one\"");
        if asks_one {
            json(500, r#"{"error":{"message":"down"}}"#)
        } else {
            numbered(seen, n)
        }
    };
    let world = world(answer, |_| ()).await;
    let body = chat_body("a/one,b/two", false);
    for _ in 0..2 {
        let reply = world.ask(&body, &[ON]).await;
        assert_eq!(reply.header("floopy-model"), "b/two");
        assert_eq!(status(&reply), "miss");
    }
}

#[tokio::test]
async fn calls_that_must_not_be_answered_from_it_say_why() {
    let cases: [(&str, &str); 4] = [
        ("\"n\":2,", "several"),
        ("\"store\":true,", "stored"),
        ("\"web_search_options\":{},", "provider_tools"),
        ("\"x\":\"\\ud800\",", "unreadable"),
    ];
    let usual = world(numbered, |_| ()).await;
    for (extra, why) in cases {
        let body = chat_body("a/one", false).replacen('{', &format!("{{{extra}"), 1);
        for _ in 0..2 {
            let reply = usual.ask(&body, &[ON]).await;
            assert_eq!(
                (status(&reply), reply.header("floopy-cache-note")),
                ("bypass", why),
                "{}",
                reply.text()
            );
        }
    }
    let untouched = ("floopy-passthrough", "true");
    let untouched = [ON, untouched, ("floopy-provider", "a")];
    let reply = usual.ask(&chat_body("a/one", false), &untouched).await;
    assert_eq!(reply.header("floopy-cache-note"), "passthrough");
    let private = world(numbered, |tenant| tenant.zero_retention = true).await;
    for _ in 0..2 {
        let reply = private.auto(&[ON]).await;
        assert_eq!(reply.header("floopy-cache-note"), "zero_retention");
    }
}
