//! Several replies to one request, and several identical calls at once.

use std::time::Duration;

use http::StatusCode;

use crate::{
    cache::{ON, numbered, status, world},
    control::eventually,
    proxy::chat_body,
    upstream::{Seen, completion, json},
};

#[tokio::test]
async fn a_bucket_is_filled_before_any_of_it_is_given() {
    let world = world(numbered, |_| ()).await;
    let body = chat_body("a/one", false);
    let three = [ON, ("floopy-cache-bucket-max-size", "3")];
    let mut said = Vec::new();
    for _ in 0..3 {
        let reply = world.ask(&body, &three).await;
        assert_eq!(status(&reply), "miss");
        said.push(reply.body);
    }
    for _ in 0..5 {
        let reply = world.ask(&body, &three).await;
        assert_eq!(status(&reply), "exact");
        assert!(said.contains(&reply.body));
    }
    assert_eq!(world.asked(), 3);
}

#[tokio::test]
async fn identical_calls_at_once_ask_once() {
    let answer = |_: &Seen, n: usize| {
        let mut script = completion(&format!("answer {n}"));
        script[0].0 = Duration::from_millis(150);
        script
    };
    let world = world(answer, |_| ()).await;
    let body = chat_body("a/one", false);
    let calls = (0..20).map(|_| world.ask(&body, &[ON]));
    let replies = futures::future::join_all(calls).await;
    assert!(replies.iter().all(|reply| reply.body == replies[0].body));
    let hits = replies.iter().filter(|reply| status(reply) == "exact");
    assert_eq!((hits.count(), world.asked()), (19, 1));
}

#[tokio::test]
async fn where_the_first_of_them_fails_the_others_ask_themselves() {
    let answer = |_: &Seen, n: usize| {
        let mut script = if n == 0 {
            json(400, r#"{"error":{"message":"no"}}"#)
        } else {
            completion("fine")
        };
        script[0].0 = Duration::from_millis(100);
        script
    };
    let world = world(answer, |_| ()).await;
    let body = chat_body("a/one", false);
    let calls = (0..5).map(|_| world.ask(&body, &[ON]));
    let replies = futures::future::join_all(calls).await;
    let failed = replies
        .iter()
        .filter(|reply| reply.status != StatusCode::OK);
    assert_eq!(failed.count(), 1);
}

#[tokio::test]
async fn a_first_caller_who_leaves_takes_nothing_from_the_others() {
    let answer = |_: &Seen, n: usize| {
        let mut script = completion(&format!("answer {n}"));
        script[0].0 = Duration::from_millis(300);
        script
    };
    let world = world(answer, |_| ()).await;
    let body = chat_body("a/one", false);
    let on = [ON];
    tokio::select! {
        _ = world.ask(&body, &on) => panic!("it leaves before it is answered"),
        () = eventually("it is asked", || (world.asked() == 1).then_some(())) => {}
    }
    let reply = world.ask(&body, &[ON]).await;
    assert_eq!((status(&reply), world.asked()), ("exact", 1));
}
