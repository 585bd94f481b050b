//! Stored prompts over HTTP.

use super::*;

const UNKNOWN: &str = "2f1f1c1e-8f5e-4b57-9d1c-0a1b2c3d4e5f";

fn guide(name: &str, content: &str) -> Value {
    json!({
        "name": name,
        "messages": [{"role": "system", "content": content}],
        "variables": {"tone": {"default": 7}, "city": {"required": true}},
        "note": " why ",
    })
}

async fn made(fixture: &Fixture, name: &str) -> String {
    let (status, prompt) = fixture.call("POST /v1/prompts", guide(name, "one")).await;
    assert_eq!(status, 201, "{prompt}");
    prompt["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn every_save_is_a_version_with_its_author_and_old_ones_come_back() {
    let fixture = Fixture::with_models().await;
    let id = made(&fixture, "guide").await;
    let at = format!("/v1/prompts/{id}");
    let (_, prompt) = fixture.get(&at).await;
    let latest = &prompt["latest"];
    assert_eq!(
        (&prompt["latest_version"], &latest["version"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(
        (&latest["note"], &latest["bytes"]),
        (&json!("why"), &json!(12))
    );
    assert!(
        latest["author"]
            .as_str()
            .is_some_and(|author| !author.is_empty())
    );
    let same = guide("guided", "one");
    let (_, renamed) = fixture.call(&format!("PUT {at}"), same).await;
    assert_eq!(
        (&renamed["name"], &renamed["latest_version"]),
        (&json!("guided"), &json!(1))
    );
    let (_, saved) = fixture
        .call(&format!("PUT {at}"), guide("guided", "two"))
        .await;
    assert_eq!(saved["latest"]["messages"][0]["content"], "two");
    let content = json!({"messages": [{"role": "user", "content": "three\nlines"}]});
    let (status, third) = fixture.call(&format!("POST {at}/versions"), content).await;
    assert_eq!((status.as_u16(), &third["version"]), (201, &json!(3)));
    let restore = format!("POST {at}/versions/1/restore");
    let (status, fourth) = fixture.call(&restore, json!({})).await;
    assert_eq!(status, 201, "{fourth}");
    assert_eq!(
        (&fourth["version"], &fourth["restored_from"]),
        (&json!(4), &json!(1))
    );
    let (_, first) = fixture.get(&format!("{at}/versions/1")).await;
    assert_eq!(
        (&fourth["messages"], &fourth["variables"]),
        (&first["messages"], &first["variables"])
    );
    let (_, prompt) = fixture.get(&at).await;
    assert_eq!(prompt["latest"], fourth);
    let (_, audit) = fixture.get("/v1/audit").await;
    let resource = format!("prompt_version/{id}/0000000004");
    let items = audit["items"].as_array().expect("a list");
    assert!(
        items
            .iter()
            .any(|item| item["resource"] == resource.as_str()),
        "{audit}"
    );
}

#[tokio::test]
async fn two_versions_are_compared_line_by_line() {
    let fixture = Fixture::with_models().await;
    let id = made(&fixture, "guide").await;
    let content = json!({
        "messages": [{"role": "system", "content": "one"}, {"role": "user", "content": "hi"}],
        "variables": {"tone": {"default": "dry"}, "land": {}},
    });
    fixture
        .call(&format!("POST /v1/prompts/{id}/versions"), content)
        .await;
    let (status, diff) = fixture.get(&format!("/v1/prompts/{id}/diff")).await;
    assert_eq!(status, 200, "{diff}");
    let line = |op: &str, line: &str| json!({"op": op, "line": line});
    let expected = [
        line("equal", "[system]"),
        line("equal", "one"),
        line("insert", "[user]"),
        line("insert", "hi"),
    ];
    assert_eq!(diff["lines"], json!(expected));
    assert_eq!(
        diff["variables"],
        json!({"added": ["land"], "removed": ["city"], "changed": ["tone"]})
    );
    let unified = diff["unified"].as_str().expect("text");
    assert!(
        unified.starts_with("--- version 1\n+++ version 2\n"),
        "{unified}"
    );
    let (_, back) = fixture
        .get(&format!("/v1/prompts/{id}/diff?from=2&to=1"))
        .await;
    assert_eq!(back["lines"][2], line("delete", "[user]"));
    for (wrong, param, mentions) in [("from=0", "from", "from is 0"), ("to=9", "to", "to is 9")] {
        let (status, body) = fixture.get(&format!("/v1/prompts/{id}/diff?{wrong}")).await;
        let error = &body["error"];
        assert_eq!((status.as_u16(), &error["param"]), (404, &json!(param)));
        let message = error["message"].as_str().unwrap_or_default();
        assert!(message.contains(mentions), "{message}");
    }
    let (status, body) = fixture.get(&format!("/v1/prompts/{id}/diff?from=x")).await;
    assert_eq!(
        (status.as_u16(), &body["error"]["param"]),
        (400, &json!("from"))
    );
}

#[tokio::test]
async fn a_version_is_compared_with_the_one_that_is_left_below_it_or_with_nothing() {
    let fixture = Fixture::with_models().await;
    let id = made(&fixture, "guide").await;
    let (_, first) = fixture.get(&format!("/v1/prompts/{id}/diff")).await;
    assert_eq!(
        (&first["from"], &first["to"], &first["lines"][1]),
        (
            &Value::Null,
            &json!(1),
            &json!({"op": "insert", "line": "one"})
        )
    );
    assert_eq!(first["variables"]["added"], json!(["city", "tone"]));
    let save = format!("POST /v1/prompts/{id}/versions");
    for content in ["two", "three", "four"] {
        let version = json!({"messages": message("user", content)});
        fixture.call(&save, version).await;
    }
    for gone in [2, 3] {
        let delete = format!("DELETE /v1/prompts/{id}/versions/{gone}");
        fixture.call(&delete, json!({})).await;
    }
    let (status, diff) = fixture.get(&format!("/v1/prompts/{id}/diff")).await;
    assert_eq!(
        (status.as_u16(), &diff["from"], &diff["to"]),
        (200, &json!(1), &json!(4)),
        "{diff}"
    );
}

#[tokio::test]
async fn many_short_messages_and_variables_take_room_as_long_ones_do() {
    let fixture = Fixture::with_models().await;
    let messages = vec![json!({"role": "user", "content": "x"}); 50];
    let variables: Value = (10..=99).map(|n| (format!("v{n}"), json!({}))).collect();
    let version = json!({"messages": messages, "variables": variables});
    let id = made(&fixture, "many").await;
    let save = format!("POST /v1/prompts/{id}/versions");
    // One of its own, 50 and 90 things of 100 bytes, and 320 bytes of text.
    let (each, first) = (141 * 100 + 320, 12 + 4 * 100);
    for _ in 0..(512 * 1024 - first) / each {
        assert_eq!(fixture.call(&save, version.clone()).await.0, 201);
    }
    let (status, _, param, message) = fixture.refused(&save, version).await;
    assert_eq!((status, param.as_str()), (400, "messages"));
    assert!(message.contains("100 for each version"), "{message}");
}

#[tokio::test]
async fn prompts_and_versions_are_listed_page_by_page_the_newest_first() {
    let fixture = Fixture::with_models().await;
    let mut ids = Vec::new();
    for name in ["a", "b", "c"] {
        ids.push(made(&fixture, name).await);
    }
    let mut listed = Vec::new();
    let mut cursor = String::new();
    for _ in 0..3 {
        let (_, page) = fixture
            .get(&format!("/v1/prompts?limit=1&cursor={cursor}"))
            .await;
        let item = &page["items"][0];
        assert!(item.get("latest").is_none(), "{item}");
        listed.push(item["id"].as_str().expect("an id").to_owned());
        assert_eq!(page["has_more"], json!(listed.len() < 3));
        cursor = page["next_cursor"].as_str().unwrap_or_default().to_owned();
    }
    ids.sort_unstable();
    listed.sort_unstable();
    assert_eq!(listed, ids, "each once");
    let id = &ids[0];
    fixture
        .call(
            &format!("POST /v1/prompts/{id}/versions"),
            json!({"messages": [{"role": "user", "content": "x"}]}),
        )
        .await;
    let (_, page) = fixture
        .get(&format!("/v1/prompts/{id}/versions?limit=1"))
        .await;
    assert_eq!(page["items"][0]["version"], 2);
    let cursor = page["next_cursor"].as_str().expect("more");
    let (_, page) = fixture
        .get(&format!(
            "/v1/prompts/{id}/versions?limit=1&cursor={cursor}"
        ))
        .await;
    assert_eq!(
        (&page["items"][0]["version"], &page["has_more"]),
        (&json!(1), &json!(false))
    );
    let other = format!("/v1/prompts/{}/versions?cursor={cursor}", ids[1]);
    let (status, _) = fixture.get(&other).await;
    assert_eq!(status, 400, "a cursor is of one list");
}

fn message(role: &str, content: &str) -> Value {
    json!([{"role": role, "content": content}])
}

/// Each with its field, and what the message mentions.
fn wrong_prompts() -> Vec<(Value, &'static str, &'static str)> {
    let user = || message("user", "x");
    let named = |messages: Value| json!({"name": "p", "messages": messages});
    let long_name = "x".repeat(101);
    vec![
        (json!({"messages": user()}), "name", "missing"),
        (json!({"name": 3, "messages": user()}), "name", "name is 3"),
        (
            json!({"name": long_name, "messages": []}),
            "name",
            "101 characters",
        ),
        (json!({"name": "p"}), "messages", "is missing"),
        (named(json!([])), "messages", "0 elements"),
        (named(message("tool", "x")), "messages[0].role", "\"tool\""),
        (named(message("user", "")), "messages[0].content", "empty"),
        (
            named(json!([{"role": "user", "content": []}])),
            "messages[0].content",
            "sequence",
        ),
        (
            json!({"name": "p", "messages": user(), "model": "m"}),
            "model",
            "is not known here",
        ),
        (guide("taken", "x"), "name", "\"taken\" is that of prompt"),
    ]
}

fn wrong_contents() -> Vec<(Value, &'static str, &'static str)> {
    let variables = |name: &str, default: Value| {
        let variables = json!({name: {"default": default}});
        json!({"name": "p", "messages": message("user", "x"), "variables": variables})
    };
    let long = "x".repeat((64 << 10) + 1);
    let long = json!({"name": "p", "messages": message("user", &long)});
    vec![
        (
            variables("a b", json!("x")),
            "variables.a b",
            "letters, digits",
        ),
        (variables("a", json!([1])), "variables.a.default", "[1]"),
        (long, "messages", "65537 bytes"),
    ]
}

#[tokio::test]
async fn what_is_wrong_with_a_prompt_is_said_by_field_and_value() {
    let fixture = Fixture::with_models().await;
    made(&fixture, "taken").await;
    for (body, param, mentions) in wrong_prompts().into_iter().chain(wrong_contents()) {
        let (status, code, at, message) = fixture.refused("POST /v1/prompts", body).await;
        assert_eq!(
            (status, code.as_str(), at.as_str()),
            (400, "invalid_body", param),
            "{message}"
        );
        assert!(message.contains(mentions), "{message}");
    }
}

#[tokio::test]
async fn what_no_proxy_has_room_for_is_refused_and_deleting_versions_makes_room() {
    let fixture = Fixture::with_models().await;
    let full = json!({"messages": message("user", &"x".repeat(64 << 10))});
    let id = made(&fixture, "long").await;
    let save = format!("POST /v1/prompts/{id}/versions");
    for _ in 0..7 {
        let (status, _) = fixture.call(&save, full.clone()).await;
        assert_eq!(status, 201);
    }
    let (status, _, param, message) = fixture.refused(&save, full.clone()).await;
    assert_eq!((status, param.as_str()), (400, "messages"), "{message}");
    let expected = "they may take 524288: delete prompts or versions";
    assert!(message.contains(expected), "{message}");
    let delete = |number: u32| format!("DELETE /v1/prompts/{id}/versions/{number}");
    let (status, _) = fixture.call(&delete(2), json!({})).await;
    assert_eq!(status, 200);
    let (status, saved) = fixture.call(&save, full).await;
    let number = &saved["version"];
    assert_eq!(
        (status.as_u16(), number),
        (201, &json!(9)),
        "numbers are given out once"
    );
    let (_, _, param, message) = fixture.refused(&delete(9), json!({})).await;
    assert!(
        param == "version" && message.contains("is the newest"),
        "{message}"
    );
}

#[tokio::test]
async fn a_prompt_of_another_tenant_does_not_exist() {
    let fixture = Fixture::with_models().await;
    let id = made(&fixture, "guide").await;
    let content = json!({"messages": [{"role": "user", "content": "x"}]});
    let calls = |id: &str| {
        [
            format!("GET /v1/prompts/{id}"),
            format!("PUT /v1/prompts/{id}"),
            format!("DELETE /v1/prompts/{id}"),
            format!("GET /v1/prompts/{id}/diff"),
            format!("GET /v1/prompts/{id}/versions"),
            format!("GET /v1/prompts/{id}/versions/1"),
            format!("POST /v1/prompts/{id}/versions"),
            format!("DELETE /v1/prompts/{id}/versions/1"),
            format!("POST /v1/prompts/{id}/versions/1/restore"),
        ]
    };
    for (foreign, unknown) in calls(&id).iter().zip(calls(UNKNOWN)) {
        let mut body = content.clone();
        if foreign.starts_with("PUT") {
            body["name"] = json!("n");
        } else if foreign.ends_with("restore") {
            body = json!({});
        }
        let (status, foreign_answer) = fixture.send(&fixture.stranger, foreign, body.clone()).await;
        assert_eq!(status, 404, "{foreign}");
        let unknown_answer = fixture.send(&fixture.stranger, &unknown, body).await;
        assert_eq!(unknown_answer, (status, foreign_answer), "{foreign}");
    }
    let (_, page) = fixture
        .send(&fixture.stranger, "GET /v1/prompts", json!({}))
        .await;
    assert_eq!(page["items"], json!([]));
    let (status, gone) = fixture
        .call(&format!("DELETE /v1/prompts/{id}"), json!({}))
        .await;
    assert_eq!((status.as_u16(), &gone["deleted"]), (200, &json!(true)));
    let (status, _) = fixture.get(&format!("/v1/prompts/{id}/versions/1")).await;
    assert_eq!(status, 404);
}
