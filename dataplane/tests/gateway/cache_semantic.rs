//! Replies that are given to the same question in other words: to which, and to which not.

use floopy_proto::v1::{self, semantic_caching::Mode};
use serde_json::{Value, json};

use crate::{
    cache::{World, changed, numbered, status, world},
    control::{eventually, eventually_holds},
    proxy::Reply,
    upstream::{Script, Seen, completion},
};

fn caching(mode: Mode, advanced: bool) -> impl FnOnce(&mut v1::Tenant) {
    move |tenant| {
        tenant.caching = Some(v1::Caching {
            enabled: true,
            semantic: Some(v1::SemanticCaching {
                mode: mode.into(),
                threshold: None,
                advanced,
            }),
            ..v1::Caching::default()
        });
    }
}

async fn asking(world: &World, messages: Value, headers: &[(&'static str, &str)]) -> Reply {
    let body = json!({"model": "a/one", "messages": messages});
    world.ask(&body.to_string(), headers).await
}

async fn ask(world: &World, question: &str) -> Reply {
    asking(world, json!([{"role": "user", "content": question}]), &[]).await
}

#[tokio::test]
async fn the_same_question_in_other_words_gets_the_same_reply_and_is_told_so() {
    let world = world(numbered, caching(Mode::On, false)).await;
    let first = ask(&world, "How do I reset my password?").await;
    let again = ask(&world, "Hello, how can I reset the password").await;
    assert_eq!((status(&first), status(&again)), ("miss", "semantic"));
    assert_eq!((again.body.clone(), world.asked()), (first.body.clone(), 1));
    let matched = again.header("floopy-cache-matched");
    assert_eq!(matched, first.header("floopy-cache-key"));
    assert_ne!(again.header("floopy-cache-key"), matched);
    let similarity: f32 = again
        .header("floopy-cache-similarity")
        .parse()
        .expect("a number");
    assert!((0.6..=1.0).contains(&similarity), "{similarity}");
    let hit = eventually("the record", || {
        let decisions = world.control.decisions().into_iter();
        decisions.filter_map(|d| d.cache?.hit).next()
    })
    .await;
    let similar = hit.similar.expect("of another question");
    assert_eq!(similar.matched.len(), 32);
    assert!(
        similar.similarity >= 600 && !similar.advanced,
        "{similar:?}"
    );
    assert_eq!(
        status(&ask(&world, "How do I reset my password?").await),
        "exact"
    );
}

#[tokio::test]
async fn another_question_is_asked_however_near_it_is() {
    let world = world(numbered, caching(Mode::On, false)).await;
    ask(&world, "How do I fly from Paris to Rome in 2 days?").await;
    for question in [
        "How do I fly from Rome to Paris in 2 days?",
        "How do I fly from Paris to Rome in 3 days?",
        "How do I not fly from Paris to Rome in 2 days?",
        "Why do I fly from Paris to Rome in 2 days?",
        "How do I fly from Paris to Oslo in 2 days?",
    ] {
        assert_eq!(status(&ask(&world, question).await), "miss", "{question}");
    }
}

#[tokio::test]
async fn everything_around_the_question_must_be_the_same() {
    let world = world(numbered, caching(Mode::On, false)).await;
    let question = |text: &str| json!({"role": "user", "content": text});
    let (one, same) = (question("What is gravity?"), question("what's gravity"));
    asking(&world, json!([one]), &[]).await;
    let system = json!([{"role": "system", "content": "Be brief."}, same]);
    assert_eq!(status(&asking(&world, system, &[]).await), "miss");
    let seed = [("floopy-cache-seed", "2")];
    assert_eq!(status(&asking(&world, json!([same]), &seed).await), "miss");
    let exact = [("floopy-cache", "exact")];
    assert_eq!(
        status(&asking(&world, json!([question("what's gravity?")]), &exact).await),
        "miss"
    );
    let tools =
        json!([{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]);
    let body =
        json!({"model": "a/one", "messages": [question("What is  gravity")], "tools": tools});
    assert_eq!(status(&world.ask(&body.to_string(), &[]).await), "miss");
    assert_eq!(
        status(&asking(&world, json!([question("Please, what is gravity")]), &[]).await),
        "semantic"
    );
}

#[tokio::test]
async fn it_is_off_until_the_tenant_switches_it_on() {
    let world = world(numbered, |tenant| {
        tenant.caching = Some(v1::Caching {
            enabled: true,
            ..v1::Caching::default()
        });
    })
    .await;
    let wants = [("floopy-cache", "semantic")];
    let asked = json!([{"role": "user", "content": "What is gravity?"}]);
    asking(&world, asked, &wants).await;
    let other = json!([{"role": "user", "content": "what's gravity"}]);
    let again = asking(&world, other, &wants).await;
    assert_eq!(
        (status(&again), again.header("floopy-cache-note")),
        ("miss", "semantic_off")
    );
}

#[tokio::test]
async fn earlier_messages_may_be_in_other_words_where_that_is_wanted() {
    let world = world(numbered, caching(Mode::On, true)).await;
    let talk = |first: &str, reply: &str, last: &str| {
        json!([{"role": "user", "content": first}, {"role": "assistant", "content": reply},
            {"role": "user", "content": last}])
    };
    let first = talk("What is gravity?", "A force.", "Who discovered it?");
    assert_eq!(status(&asking(&world, first, &[]).await), "miss");
    let same = talk(
        "what's gravity",
        "A force.",
        "Can you tell me who discovered it",
    );
    assert_eq!(status(&asking(&world, same, &[]).await), "advanced");
    let other_reply = talk(
        "what's gravity",
        "A film.",
        "Can you tell me who discovered it",
    );
    assert_eq!(status(&asking(&world, other_reply, &[]).await), "miss");
    let other = talk("What is inflation?", "A force.", "Who discovered it?");
    assert_eq!(status(&asking(&world, other, &[]).await), "miss");
}

#[tokio::test]
async fn in_the_shadow_replies_are_fresh_and_compared_with_the_stored_ones() {
    let answer = |_: &Seen, n: usize| -> Script {
        completion(["The capital is Paris.", "It is Paris", "It is Berlin"][n.min(2)])
    };
    let world = world(answer, caching(Mode::Shadow, false)).await;
    ask(&world, "What is the capital of France?").await;
    for question in ["what's the capital of France", "France's capital"] {
        assert_eq!(status(&ask(&world, question).await), "miss");
    }
    assert_eq!(world.asked(), 3);
    let compared = eventually("both records", || {
        let decisions = world.control.decisions().into_iter();
        let compared = decisions.filter_map(|d| d.cache?.compared?.agrees);
        let compared: Vec<bool> = compared.collect();
        (compared.len() == 2).then_some(compared)
    })
    .await;
    assert_eq!(compared, [true, false]);
    let metrics = world.admin("/metrics").await.text();
    for line in [
        "floopy_cache_semantic_compared_total{result=\"same\"} 1",
        "floopy_cache_semantic_compared_total{result=\"wrong\"} 1",
        "floopy_cache_semantic_entries 3",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
}

#[tokio::test]
async fn what_is_flushed_is_not_given_to_the_same_question_in_other_words() {
    let world = world(numbered, caching(Mode::On, false)).await;
    ask(&world, "What is gravity?").await;
    assert_eq!(status(&ask(&world, "what's gravity").await), "semantic");
    let flushed = |tenant: &mut v1::Tenant| {
        caching(Mode::On, false)(tenant);
        if let Some(caching) = &mut tenant.caching {
            (caching.generation, caching.flushed) = (5, 5);
        }
    };
    world.control.push(2, vec![changed(2, flushed)]).await;
    let forgotten = async || {
        let metrics = world.admin("/metrics").await.text();
        metrics.contains("floopy_cache_semantic_entries 0")
    };
    eventually_holds("what was asked is forgotten", forgotten).await;
    assert_eq!(status(&ask(&world, "what's gravity?").await), "miss");
}
