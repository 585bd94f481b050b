//! The list of ratings: what stands, what became of it, and whose it is.

use floopy_shared::domain::event::{Event, RatingSubject};

use super::*;

fn items(page: &Value) -> Vec<Value> {
    page["items"].as_array().expect("items").clone()
}

/// A rating at a moment.
fn at(id: u64, subject: &str, score: i64, ms: u64) -> Event {
    adjusted(rated(id, subject, score), |rating| rating.rated_at_ms = ms)
}

fn brief_of(item: &Value) -> (String, Option<i64>, String) {
    let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
    (text("session_id"), item["score"].as_i64(), text("status"))
}

#[tokio::test]
async fn what_stands_is_told_with_what_became_of_it() {
    let fixture = Fixture::new().await;
    let calls = vec![
        decided(1, turn(1, "s", "a")),
        decided(2, turn(2, "s", "b")),
        decided(3, decision(3)),
    ];
    append(&fixture.intake, calls).await;
    let of_reply = rating(RatingSubject::Request(request(2)), 3);
    let ratings = vec![
        at(11, "s", 9, NOW - 60),
        at(12, "chatcmpl-2", 2, NOW - 50),
        at(13, "nobody", 7, NOW - 40),
        at(14, "chatcmpl-3", 8, NOW - 30),
        event(15, EventBody::Rating(of_reply)),
        at(16, "gone", 5, NOW - 20),
        adjusted(at(17, "gone", 5, NOW - 10), |r| r.retracted = true),
        at(18, "s", 4, NOW - 5),
    ];
    append(&fixture.intake, ratings).await;
    let (status, page) = fixture.get("/v1/feedback").await;
    assert_eq!(status, StatusCode::OK, "{page}");
    let found: Vec<_> = items(&page).iter().map(brief_of).collect();
    let line = |name: &str, score, fate: &str| (name.to_owned(), Some(score), fate.to_owned());
    let expected = [
        line("", 3, "counts"),
        line("chatcmpl-3", 8, "counts"),
        line("nobody", 7, "waiting"),
        line("chatcmpl-2", 2, "duplicate"),
        line("s", 9, "counts"),
    ];
    assert_eq!(found, expected);
    let reply = &items(&page)[0];
    let id = request(2).to_string();
    assert_eq!(
        (
            &reply["request_id"],
            &reply["session_id"],
            &reply["means_session_id"]
        ),
        (&json!(id), &Value::Null, &Value::Null)
    );
    assert_eq!(items(&page)[3]["means_session_id"], "s");
    for (filter, names) in [
        ("session_id=s", vec!["chatcmpl-2", "s"]),
        ("session_id=chatcmpl-1", vec!["chatcmpl-2", "s"]),
        ("session_id=nobody", vec!["nobody"]),
        (&format!("request_id={id}"), vec![""]),
        ("to=2027-01-15T07:59:59.950Z", vec!["chatcmpl-2", "s"]),
    ] {
        let (_, page) = fixture.get(&format!("/v1/feedback?{filter}")).await;
        let found: Vec<String> = items(&page).iter().map(|item| brief_of(item).0).collect();
        assert_eq!(found, names, "{filter}");
    }
}

#[tokio::test]
async fn what_was_taken_back_under_another_name_is_not_there_and_what_came_after_it_is() {
    for (given, other) in [("s", "chatcmpl-1"), ("chatcmpl-1", "s")] {
        let fixture = Fixture::new().await;
        append(&fixture.intake, vec![decided(1, turn(1, "s", "a"))]).await;
        let listed = || async {
            let (_, page) = fixture.get("/v1/feedback?session_id=s").await;
            items(&page).iter().map(brief_of).collect::<Vec<_>>()
        };
        let line = |name: &str, score, fate: &str| (name.to_owned(), Some(score), fate.to_owned());
        append(&fixture.intake, vec![at(11, given, 9, NOW - 60)]).await;
        assert_eq!(listed().await, [line(given, 9, "counts")]);
        let taken_back = adjusted(at(12, other, 9, NOW - 50), |r| r.retracted = true);
        append(&fixture.intake, vec![taken_back]).await;
        assert_eq!(listed().await, []);
        append(&fixture.intake, vec![at(13, given, 6, NOW - 40)]).await;
        assert_eq!(listed().await, [line(given, 6, "counts")]);
        append(&fixture.intake, vec![at(14, other, 2, NOW - 30)]).await;
        assert_eq!(listed().await, [line(other, 2, "counts")]);
    }
}

#[tokio::test]
async fn pages_neither_repeat_nor_skip_while_ratings_come_in() {
    let fixture = Fixture::new().await;
    let given = |n: u64| at(n, &format!("s{n}"), 5, NOW - 10_000 + n);
    append(&fixture.intake, (1..=20).map(given).collect()).await;
    let (mut seen, mut path) = (Vec::new(), "/v1/feedback?limit=3".to_owned());
    for new in 101.. {
        let (_, page) = fixture.get(&path).await;
        seen.extend(items(&page).iter().map(|item| item["session_id"].clone()));
        assert_eq!(page["has_more"], page["next_cursor"].is_string());
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("/v1/feedback?limit=3&cursor={cursor}");
        append(&fixture.intake, vec![given(new)]).await;
    }
    let expected = (1..=20).rev().map(|n| json!(format!("s{n}")));
    assert_eq!(seen, expected.collect::<Vec<_>>());
}

#[tokio::test]
async fn nobody_sees_anothers_ratings_or_uses_their_cursor() {
    let fixture = Fixture::new().await;
    append(&fixture.intake, vec![rated(1, "s", 9), rated(2, "t", 9)]).await;
    let (_, page) = fixture.get("/v1/feedback?limit=1").await;
    let cursor = page["next_cursor"].as_str().expect("a cursor");
    let stranger = Some(fixture.stranger.as_str());
    let mut bodies = Vec::new();
    for filter in ["session_id=s", "session_id=never"] {
        let path = format!("/v1/feedback?{filter}");
        let (status, _, body) = fixture.raw(&path, stranger).await;
        assert_eq!(status, StatusCode::OK);
        bodies.push(body);
    }
    assert_eq!(bodies[0], bodies[1]);
    let path = format!("/v1/feedback?limit=1&cursor={cursor}");
    assert_eq!(
        fixture.raw(&path, stranger).await.0,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(fixture.get(&path).await.0, StatusCode::OK);
    let other = format!("{path}&session_id=s");
    assert_eq!(fixture.get(&other).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn what_is_wrong_with_the_query_is_named_by_key() {
    let fixture = Fixture::new().await;
    for (query, key) in [
        ("colour=red", "colour"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("request_id=x", "request_id"),
        ("session_id=%20", "session_id"),
        ("from=yesterday", "from"),
        ("from=2026-02-02T00:00:00Z&to=2026-01-01T00:00:00Z", "from"),
        ("cursor=AAAA", "cursor"),
    ] {
        let (status, body) = fixture.get(&format!("/v1/feedback?{query}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(body["error"]["param"], key, "{body}");
    }
}
