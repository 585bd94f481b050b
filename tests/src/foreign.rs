//! What one tenant has, and every way in which another one could ask for it.

use http::Method;
use serde_json::{Value, json};

use crate::{Answer, Api, batches, eventually};

/// Something of a tenant that has an id.
#[derive(Debug)]
pub struct Owned {
    pub name: &'static str,
    pub id: String,
    /// As it is asked for: method, path and body, both with `{id}`.
    pub ways: Vec<(Method, &'static str, Option<Value>)>,
}

impl Owned {
    /// Of the same form, and nobody's.
    pub fn unknown(&self) -> String {
        let mut swapped: Vec<char> = self.id.chars().collect();
        // Digits of an id; what stands before them says what it is the id of.
        for digit in swapped.iter_mut().rev().take(8) {
            *digit = match *digit {
                '0'..='8' | 'a'..='e' => char::from_u32(u32::from(*digit) + 1).unwrap_or('0'),
                '9' => '0',
                'f' => 'a',
                other => other,
            };
        }
        swapped.into_iter().collect()
    }
}

/// Asks for it under this id.
pub async fn ask(api: &Api, way: &(Method, &'static str, Option<Value>), id: &str) -> Answer {
    let (method, path, body) = way;
    let call = api
        .call(method.clone(), &path.replace("{id}", id))
        .header("x-floopy-confirm", "experiments");
    match body {
        Some(body) => {
            let body = body.to_string().replace("{id}", id);
            let call = call.header("content-type", "application/json");
            call.bytes(body).send().await
        }
        None => call.send().await,
    }
}

/// One of everything that a tenant can have.
pub async fn one_of_each(api: &Api) -> Vec<Owned> {
    let project = json!({"name": "mine"});
    let rule = json!({"name": "mine", "strategy": "legacy_model", "models": ["up/alpha"]});
    let prompt = json!({"name": "mine", "messages": [{"role": "system", "content": "Be brief."}]});
    let webhook = json!({"url": "https://example.com/hook", "events": ["budget_exceeded"]});
    let (get, put, delete) = (Method::GET, Method::PUT, Method::DELETE);
    let whole = |path, body: &Value| {
        vec![
            (get.clone(), path, None),
            (put.clone(), path, Some(body.clone())),
            (delete.clone(), path, None),
        ]
    };
    let mut prompts = whole("/v1/prompts/{id}", &prompt);
    prompts.push((get.clone(), "/v1/prompts/{id}/versions", None));
    prompts.push((get.clone(), "/v1/prompts/{id}/diff?from=1&to=1", None));
    let mut webhooks = whole("/v1/webhooks/{id}", &webhook);
    webhooks.push((get.clone(), "/v1/webhooks/{id}/deliveries", None));
    webhooks.push((Method::POST, "/v1/webhooks/{id}/test", None));
    webhooks.push((Method::POST, "/v1/webhooks/{id}/rotate_secret", None));
    let made = [
        (
            "project",
            "/v1/projects",
            project.clone(),
            whole("/v1/projects/{id}", &project),
        ),
        (
            "rule",
            "/v1/routing/rules",
            rule.clone(),
            whole("/v1/routing/rules/{id}", &rule),
        ),
        ("prompt", "/v1/prompts", prompt, prompts),
        ("webhook", "/v1/webhooks", webhook, webhooks),
        (
            "key",
            "/v1/keys",
            json!({"name": "mine"}),
            vec![(delete.clone(), "/v1/keys/{id}", None)],
        ),
    ];
    let mut owned = vec![decision(api).await];
    for (name, path, body, ways) in made {
        let id = id_of(api.post(path).json(&body).send().await);
        owned.push(Owned { name, id, ways });
    }
    owned.push(experiment(api).await);
    owned.extend(evaluation(api).await);
    owned.push(Owned {
        name: "session",
        id: "mine-00000000".to_owned(),
        ways: vec![
            (get, "/v1/session/{id}", None),
            (delete, "/v1/session/{id}", None),
        ],
    });
    owned
}

fn id_of(made: Answer) -> String {
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    made["id"].as_str().expect("an id").to_owned()
}

async fn decision(api: &Api) -> Owned {
    let body = json!({"model": "up/alpha", "messages": [{"role": "user", "content": "hi"}]});
    let id = api.chat("mine-00000000", &body).await.ok().request_id();
    api.decision(&id).await;
    // What was said is kept a moment later.
    eventually(|| async {
        let told = api.get("/v1/session/mine-00000000").await;
        (told.status == 200).then_some(()).ok_or(told.text())
    })
    .await;
    let replayed = json!({"request_id": "{id}", "constraints": {}});
    Owned {
        name: "decision",
        id,
        ways: vec![
            (Method::GET, "/v1/decisions/{id}", None),
            (Method::POST, "/v1/routing/replay", Some(replayed)),
        ],
    }
}

/// A rating of the session of [`one_of_each`]: whoever asks for another's finds an empty list, as for a name that nobody
/// has.
pub async fn rating(api: &Api) -> Owned {
    let id = "mine-00000000".to_owned();
    let body = json!({"session_id": id, "score": 9, "useful": true});
    api.rate(&body).await.ok();
    Owned {
        name: "rating",
        id,
        ways: vec![(Method::GET, "/v1/feedback?session_id={id}", None)],
    }
}

/// A file and the batch of it, at a provider of [`crate::batches`].
pub async fn file_and_batch(api: &Api, provider: &str) -> [Owned; 2] {
    let batch = batches::batch(api, provider, &batches::lines(&["alpha"])).await;
    let done = batches::until(api, &batch, "completed").await;
    let file = done["input_file_id"].as_str().expect("an id").to_owned();
    [
        Owned {
            name: "file",
            id: file,
            ways: vec![
                (Method::GET, "/v1/files/{id}", None),
                (Method::GET, "/v1/files/{id}/content", None),
                (Method::DELETE, "/v1/files/{id}", None),
            ],
        },
        Owned {
            name: "batch",
            id: batch,
            ways: vec![
                (Method::GET, "/v1/batches/{id}", None),
                (Method::POST, "/v1/batches/{id}/cancel", None),
            ],
        },
    ]
}

async fn evaluation(api: &Api) -> [Owned; 2] {
    let row = json!([{"input": "Good morning"}]);
    let body = json!({"name": "mine", "rows": row});
    let dataset = id_of(api.post("/v1/datasets").json(&body).send().await);
    let body = json!({"dataset_id": dataset, "model": "up/alpha"});
    let run = id_of(api.post("/v1/evaluations").json(&body).send().await);
    let asked = json!({"dataset_id": "{id}", "model": "up/alpha"});
    [
        Owned {
            name: "data set",
            id: dataset,
            ways: vec![
                (Method::GET, "/v1/datasets/{id}", None),
                (Method::DELETE, "/v1/datasets/{id}", None),
                (Method::GET, "/v1/datasets/{id}/rows", None),
                (Method::POST, "/v1/datasets/{id}/rows", Some(row)),
                (Method::POST, "/v1/evaluations", Some(asked)),
            ],
        },
        Owned {
            name: "evaluation",
            id: run,
            ways: vec![
                (Method::GET, "/v1/evaluations/{id}", None),
                (Method::GET, "/v1/evaluations/{id}/results", None),
                (Method::POST, "/v1/evaluations/{id}/cancel", None),
            ],
        },
    ]
}

async fn experiment(api: &Api) -> Owned {
    let mut rules = Vec::new();
    for name in ["a", "b"] {
        let body = json!({"name": name, "strategy": "legacy_model", "models": ["up/beta"]});
        rules.push(id_of(
            api.post("/v1/routing/rules").json(&body).send().await,
        ));
    }
    let body = json!({"name": "mine", "variant_a_routing_rule_id": rules[0],
        "variant_b_routing_rule_id": rules[1]});
    let made = api
        .post("/v1/experiments")
        .header("x-floopy-confirm", "experiments")
        .json(&body)
        .send()
        .await;
    Owned {
        name: "experiment",
        id: id_of(made),
        ways: vec![
            (Method::GET, "/v1/experiments/{id}", None),
            (Method::GET, "/v1/experiments/{id}/results", None),
            (Method::POST, "/v1/experiments/{id}/rollback", None),
            (Method::POST, "/v1/experiments/{id}/complete", None),
            (
                Method::GET,
                "/v1/optimization/verification?route_id={id}",
                None,
            ),
        ],
    }
}
