//! Which calls an experiment may take, and how experiments are found.

use super::*;

#[tokio::test]
async fn no_two_experiments_split_the_same_calls() {
    let fixture = Fixture::with_models().await;
    let mut ids = Vec::new();
    for (name, model) in [("a", A), ("b", B), ("c", A), ("d", B)] {
        ids.push(fixture.rule(name, model, name == "d").await);
    }
    let [a, b, c, d] = ids.try_into().expect("four");
    let (_, first) = fixture.begin(by_rules(&a, &b)).await;
    let refused = async |body: Value, field: &str| {
        let (status, answer) = fixture.begin(body).await;
        assert_eq!(
            (status, text(&answer, "/error/param").as_str()),
            (400, field),
            "{answer}"
        );
        let message = text(&answer, "/error/message");
        assert!(message.contains("active experiment"), "{message}");
    };
    refused(by_rules(&c, &a), "variant_b_routing_rule_id").await;
    refused(by_rules(&b, &c), "variant_a_routing_rule_id").await;
    let (status, unnamed) = fixture.begin(by_models("canary")).await;
    assert_eq!(status, 201, "{unnamed}");
    let mut another = by_models("canary");
    another["traffic_pct"] = json!(20);
    refused(another, "baseline").await;
    // Whoever names no rule follows the other experiment in place of the default.
    refused(by_rules(&c, &d), "variant_b_routing_rule_id").await;
    // What is compared stays as it is meanwhile.
    let changed = json!({"name": "a", "strategy": "legacy_model", "models": [B]});
    let (status, _, param, message) = fixture
        .refused(&format!("PUT /v1/routing/rules/{a}"), changed)
        .await;
    assert_eq!((status, param.as_str()), (400, "id"), "{message}");
    let (status, ..) = fixture
        .refused(&format!("DELETE /v1/routing/rules/{b}"), json!({}))
        .await;
    assert_eq!(status, 400);
    // Nor does one of its variants become the default, in whose place another experiment stands.
    let default = json!({"name": "a", "strategy": "legacy_model", "models": [A], "default": true});
    let put = format!("PUT /v1/routing/rules/{a}");
    let (status, _, param, message) = fixture.refused(&put, default.clone()).await;
    assert_eq!((status, param.as_str()), (400, "default"), "{message}");
    // Keys do not name rules that go with an experiment.
    let implicit = text(&unnamed, "/variant_a_routing_rule_id");
    let named = json!({"name": "k", "read_permission": true, "routing_rule_id": implicit});
    let (status, _, param, message) = fixture.refused("POST /v1/keys", named).await;
    assert_eq!(
        (status, param.as_str()),
        (400, "routing_rule_id"),
        "{message}"
    );
    let path = format!("POST /v1/experiments/{}/complete", text(&first, "/id"));
    fixture.confirmed(&fixture.key, &path, "").await;
    let (status, _) = fixture
        .call(&format!("DELETE /v1/routing/rules/{b}"), json!({}))
        .await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn pages_are_walked_by_signed_cursors_and_filtered() {
    let fixture = Fixture::with_models().await;
    let mut rules = Vec::new();
    for n in 0..6 {
        rules.push(fixture.rule(&format!("r{n}"), A, false).await);
    }
    for pair in rules.chunks(2) {
        assert_eq!(fixture.begin(by_rules(&pair[0], &pair[1])).await.0, 201);
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, page) = fixture
            .get(&format!("/v1/experiments?limit=2&cursor={cursor}"))
            .await;
        assert_eq!(status, 200, "{page}");
        seen.extend(
            page["items"]
                .as_array()
                .expect("items")
                .iter()
                .map(|e| text(e, "/id")),
        );
        if page["has_more"] == false {
            break;
        }
        cursor = text(&page, "/next_cursor");
        let other = format!("/v1/experiments?limit=2&status=active&cursor={cursor}");
        assert_eq!(
            fixture.get(&other).await.0,
            400,
            "a cursor is of its own query"
        );
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 3);
}

#[tokio::test]
async fn a_list_is_filtered_and_wrong_filters_are_refused() {
    let fixture = Fixture::with_models().await;
    for n in 0..3 {
        let (a, b) = (format!("a{n}"), format!("b{n}"));
        let a = fixture.rule(&a, A, false).await;
        let b = fixture.rule(&b, B, false).await;
        assert_eq!(fixture.begin(by_rules(&a, &b)).await.0, 201);
    }
    let count = async |query: &str| {
        let (status, page) = fixture.get(&format!("/v1/experiments?{query}")).await;
        assert_eq!(status, 200, "{page}");
        page["items"].as_array().map(Vec::len)
    };
    assert_eq!(count("status=completed").await, Some(0));
    assert_eq!(
        count("status=active&from=2020-01-01T00:00:00Z&to=").await,
        Some(3)
    );
    assert_eq!(count("to=2020-01-01T00:00:00Z").await, Some(0));
    for wrong in [
        "status=draughty",
        "limit=0",
        "colour=red",
        "shape=round",
        "from=now",
        "cursor=x",
    ] {
        assert_eq!(
            fixture.get(&format!("/v1/experiments?{wrong}")).await.0,
            400,
            "{wrong}"
        );
    }
}
