//! Stored replies that are no longer given: flushed ones, and those of models that may no longer serve.

use std::time::Duration;

use floopy_proto::v1;
use http::StatusCode;

use crate::{
    cache::{ON, changed, numbered, status, world},
    control::eventually,
    proxy::chat_body,
    snapshots::{MODELS, catalog, ranking},
    upstream::{Seen, completion},
};

#[tokio::test]
async fn what_was_flushed_is_gone_also_where_it_was_under_way() {
    let answer = |_: &Seen, n: usize| {
        let mut script = completion(&format!("answer {n}"));
        script[0].0 = Duration::from_millis(300);
        script
    };
    let world = world(answer, |_| ()).await;
    let body = chat_body("a/one", false);
    let flushed = |version: u64, flushes| {
        let caching = v1::Caching {
            generation: version,
            flushed: if version == 2 { 2 } else { 0 },
            flushes,
            ..v1::Caching::default()
        };
        changed(version, |tenant| tenant.caching = Some(caching))
    };
    let under_way = async {
        eventually("it is asked", || (world.asked() == 1).then_some(())).await;
        world.control.push(2, vec![flushed(2, vec![])]).await;
    };
    let on = [ON];
    let (first, ()) = tokio::join!(world.ask(&body, &on), under_way);
    assert_eq!(first.status, StatusCode::OK);
    assert_eq!(status(&world.ask(&body, &[ON]).await), "miss");
    let kept = world.ask(&body, &[ON]).await;
    assert_eq!(status(&kept), "exact");
    let other = v1::Flush {
        generation: 3,
        model: "b/two".to_owned(),
        ..v1::Flush::default()
    };
    world.control.push(3, vec![flushed(3, vec![other])]).await;
    assert_eq!(
        status(&world.ask(&body, &[ON]).await),
        "exact",
        "another model's"
    );
    let own = v1::Flush {
        generation: 4,
        key: hex::decode(kept.header("floopy-cache-key")).unwrap().into(),
        ..v1::Flush::default()
    };
    world.control.push(4, vec![flushed(4, vec![own])]).await;
    assert_eq!(status(&world.ask(&body, &[ON]).await), "miss");
}

#[tokio::test]
async fn what_may_no_longer_serve_no_longer_answers() {
    let world = world(numbered, |_| ()).await;
    let first = world.auto(&[ON]).await;
    assert_eq!(first.header("floopy-model"), "a/one");
    let forbidden = changed(2, |tenant| {
        tenant.constraints = Some(v1::Constraints {
            deny_providers: vec!["a".to_owned()],
            ..v1::Constraints::default()
        });
    });
    world.control.push(2, vec![forbidden]).await;
    let reply = world.auto(&[ON]).await;
    assert_eq!(
        (status(&reply), reply.header("floopy-model")),
        ("miss", "b/two")
    );
    let allowed = changed(3, |_| ());
    world.control.push(3, vec![allowed]).await;
    assert_eq!(status(&world.auto(&[ON]).await), "exact");
    let tables = vec![
        catalog(4, &MODELS[1..]),
        ranking(4, ["b/two", "b/two"], 0.0),
    ];
    world.control.push(4, tables).await;
    let reply = world.auto(&[ON]).await;
    assert_ne!(reply.header("floopy-model"), "a/one", "it left the catalog");
}
