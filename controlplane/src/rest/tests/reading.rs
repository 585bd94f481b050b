//! What changes around a reader: languages, decisions that come in, alarms that were raised.

use super::*;
use crate::store::sql;

#[tokio::test]
async fn an_explanation_comes_in_the_language_that_is_asked_for_and_the_same_every_time() {
    let fixture = Fixture::new().await;
    append(&fixture.intake, vec![decided(1, turn(1, "s", "a"))]).await;
    let one = format!("/v1/decisions/{}", request(1));
    for path in [one.as_str(), "/v1/decisions"] {
        for (wanted, tag, word) in [
            ("", "en", "leads"),
            ("pt-BR, en;q=0.5", "pt", "lidera o tipo"),
            ("de, es;q=0.9", "es", "por delante"),
        ] {
            let key = Some(fixture.key.as_str());
            let (status, headers, body) = fixture.worded(path, key, wanted).await;
            assert_eq!(
                (status, headers["content-language"].as_bytes()),
                (StatusCode::OK, tag.as_bytes())
            );
            assert_eq!(fixture.worded(path, key, wanted).await.2, body);
            let body: Value = serde_json::from_slice(&body).expect("JSON");
            let decision = body.pointer("/items/0").unwrap_or(&body);
            let detail = &decision["explanation_detail"];
            assert_eq!(
                (&detail["text"], &detail["locale"]),
                (&decision["explanation"], &json!(tag))
            );
            assert!(
                detail["text"].as_str().expect("text").contains(word),
                "{detail}"
            );
            assert_eq!(detail["params"]["samples"], 12);
        }
    }
}

#[tokio::test]
async fn pages_neither_repeat_nor_skip_while_decisions_come_in() {
    let fixture = Fixture::new().await;
    let events = (101..=120).map(|n| decided(n, decision(n))).collect();
    append(&fixture.intake, events).await;
    let (mut seen, mut path) = (Vec::new(), "/v1/decisions?limit=3".to_owned());
    for new in 201.. {
        let (_, page) = fixture.get(&path).await;
        let items = page["items"].as_array().expect("items").iter();
        seen.extend(items.map(|i| i["request_id"].clone()));
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("/v1/decisions?limit=3&cursor={cursor}");
        append(&fixture.intake, vec![decided(new, decision(new))]).await;
    }
    let expected = (101..=120).rev().map(|n| json!(request(n).to_string()));
    assert_eq!(seen, expected.collect::<Vec<_>>());
}

#[tokio::test]
async fn evidence_tells_the_regressions_of_the_week_before() {
    let fixture = Fixture::new().await;
    let mut legacy = decision(2);
    legacy.strategy = floopy_shared::domain::decision::Strategy::LegacyModel;
    append(
        &fixture.intake,
        vec![decided(1, decision(1)), decided(2, legacy)],
    )
    .await;
    let mut tx = fixture.intake.store.write().await.expect("writes");
    sql::query("INSERT INTO alarms VALUES ('acme', 'p/b', ?, 0, '[]', '[]')")
        .bind(crate::store::to_i64(NOW - 3_600_000))
        .execute(&mut *tx)
        .await
        .expect("written");
    tx.commit().await.expect("commits");
    let (_, learned) = fixture.get(&format!("/v1/decisions/{}", request(1))).await;
    let evidence = &learned["evidence"];
    assert_eq!(
        evidence["recent_regressions"],
        json!({"kind": "exact", "exact": 1})
    );
    assert_eq!(evidence["last_regression_at"], "2027-01-15T07:00:00Z");
    let (_, named) = fixture.get(&format!("/v1/decisions/{}", request(2))).await;
    assert!(named["evidence"]["recent_regressions"].is_null(), "{named}");
}

#[tokio::test]
async fn a_path_that_is_no_text_is_refused_in_the_envelope() {
    let fixture = Fixture::new().await;
    for path in ["/v1/projects/%FF", "/v1/prompts/a/versions/%FF"] {
        let (status, body) = fixture.get(path).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}");
        let error = &body["error"];
        assert_eq!(
            (&error["code"], &error["param"]),
            (&json!("invalid_request"), &json!("path"))
        );
    }
}

#[tokio::test]
async fn summaries_are_the_same_decisions_in_brief() {
    let fixture = Fixture::new().await;
    let events = (1..=5).map(|n| decided(n, turn(n, "s", "a"))).collect();
    append(&fixture.intake, events).await;
    fixture
        .intake
        .report(vec![score(3, 0.8)], vec![])
        .await
        .expect("works");
    let (_, whole) = fixture.get("/v1/decisions?session_id=s").await;
    let (mut found, mut path) = (
        Vec::new(),
        "/v1/decisions/summaries?session_id=s&limit=2".to_owned(),
    );
    loop {
        let (status, page) = fixture.get(&path).await;
        assert_eq!(status, 200, "{page}");
        found.extend(page["items"].as_array().expect("items").clone());
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("/v1/decisions/summaries?session_id=s&limit=2&cursor={cursor}");
        let (status, ..) = fixture.raw(&path, Some(&fixture.stranger)).await;
        assert_eq!(status, 400, "another tenant's cursor");
    }
    let whole = whole["items"].as_array().expect("items");
    assert_eq!((whole.len(), found.len()), (5, 5));
    for (whole, brief) in whole.iter().zip(&found) {
        let of = brief.as_object().expect("an object").iter();
        for (name, value) in of.filter(|(name, _)| !["quality", "cache_hit"].contains(&&***name)) {
            assert_eq!(value, &whole[name], "{name}");
        }
        assert_eq!(brief["quality"], whole["judge"]["composite"]);
        assert_eq!(brief["cache_hit"], whole["outcome"]["cache_hit"]);
        let (long, short) = (whole.to_string().len(), brief.to_string().len());
        assert!(short * 5 < long, "{short} bytes of {long}");
    }
    assert_eq!(found[2]["quality"], 0.8);
    let (_, _, nothing) = fixture
        .raw("/v1/decisions/summaries", Some(&fixture.stranger))
        .await;
    let nothing: Value = serde_json::from_slice(&nothing).expect("JSON");
    assert_eq!(nothing["items"], json!([]));
}
