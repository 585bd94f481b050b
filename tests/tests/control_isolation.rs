//! Nobody can tell another tenant's things from those that do not exist, whichever way they ask.
#![allow(clippy::expect_used, reason = "a broken assumption must end the test")]

use floopy_tests::{
    Answer, Floopy, Shape, Upstream,
    foreign::{ask, one_of_each},
    in_both_shapes,
};

in_both_shapes!(what_is_anothers_answers_as_what_is_nobodys);

/// All that an answer tells, but for what differs between any two.
fn told(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let headers = answer.headers.iter();
    let headers = headers
        .filter(|(name, _)| *name != "date" && *name != "x-request-id")
        .map(|(name, value)| (name.to_string(), format!("{value:?}")));
    (answer.status, headers.collect(), answer.text())
}

async fn what_is_anothers_answers_as_what_is_nobodys(shape: Shape) {
    let upstream = Upstream::start().await;
    let floopy = Floopy::start(shape, &upstream).await;
    let other = floopy.other_api();
    let owned = one_of_each(&floopy.api()).await;
    assert!(owned.len() >= 8, "{owned:?}");
    for owned in &owned {
        for way in &owned.ways {
            let foreign = told(&ask(&other, way, &owned.id).await);
            let unknown = told(&ask(&other, way, &owned.unknown()).await);
            assert_eq!(foreign, unknown, "{} {}: {}", way.0, way.1, owned.name);
            assert!(foreign.0 >= 400, "{} {}: {foreign:?}", way.0, way.1);
        }
    }
    // All of it is still its owner's.
    for owned in &owned {
        let way = owned.ways.iter().find(|way| way.0 == http::Method::GET);
        if let Some(way) = way {
            let kept = ask(&floopy.api(), way, &owned.id).await;
            assert_eq!(kept.status, 200, "{}: {}", way.1, kept.text());
        }
    }
}
