//! Prompts put into bodies.

use floopy_shared::domain::prompt::Variable;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;

fn version(messages: &[(Role, &str)]) -> Version {
    let message = |(role, content): &(Role, &str)| Message {
        role: *role,
        content: (*content).into(),
    };
    let variable = |name: &str, default: Option<&str>, required| Variable {
        name: name.into(),
        default: default.map(Into::into),
        required,
    };
    Version {
        number: 2,
        messages: messages.iter().map(message).collect(),
        variables: [
            variable("tone", Some("\"dry\""), true),
            variable("city", None, true),
        ]
        .into(),
    }
}

fn filled(endpoint: Endpoint, messages: &[(Role, &str)], body: &str) -> Result<Value, Unfillable> {
    let body = Bytes::copy_from_slice(body.as_bytes());
    let body = fill(&body, endpoint, &version(messages), 1_000)?;
    Ok(serde_json::from_slice(&body).expect("JSON"))
}

const GUIDE: [(Role, &str); 2] = [
    (Role::System, "A {{tone}} guide to {{city}}.\n{{unknown}}"),
    (Role::User, "{{n}}, {{yes}}, {{list}}, {{city}}"),
];

const INPUTS: &str =
    r#"{"city":"São \"Paulo\"\n{{tone}}","n":1.50,"yes":true,"list":["a", 1],"tone":null}"#;

/// What `GUIDE` is with them.
fn guide() -> [Value; 2] {
    [
        json!({"role": "system", "content": "A \"dry\" guide to São \"Paulo\"\n{{tone}}.\n{{unknown}}"}),
        json!({"role": "user", "content": "1.50, true, [\"a\", 1], São \"Paulo\"\n{{tone}}"}),
    ]
}

#[test]
fn values_come_from_the_inputs_then_from_defaults_and_else_the_placeholder_stays() {
    let [system, user] = guide();
    let own = json!({"role": "user", "content": "{{city}}"});
    let cases = [
        ("", json!([system, user])),
        (r#","messages":null"#, json!([system, user])),
        (r#","messages": [ ] "#, json!([system, user])),
        (
            r#","messages":[{"role":"user","content":"{{city}}"}]"#,
            json!([system, user, own]),
        ),
    ];
    for (messages, expected) in cases {
        let body = format!(r#"{{"model":"m","inputs":{INPUTS}{messages}}}"#);
        let body = filled(Endpoint::Chat, &GUIDE, &body).expect("filled");
        assert_eq!(body, json!({"model": "m", "messages": expected}));
    }
}

#[test]
fn nothing_but_the_messages_and_the_inputs_changes() {
    let body = format!(
        " {{ \"inputs\" : {INPUTS} , \"top_p\":0.10,\"model\":\"m\", \"messages\" :[{{\"role\": \"user\"}}],\"x\":1e2}} "
    );
    let filled = fill(
        &Bytes::from(body),
        Endpoint::Chat,
        &version(&[(Role::Assistant, "é\t\\")]),
        1_000,
    );
    assert_eq!(
        filled.expect("filled"),
        " {  \"top_p\":0.10,\"model\":\"m\", \"messages\" :[{\"role\":\"assistant\",\"content\":\"é\\t\\\\\"},\
         {\"role\": \"user\"}],\"x\":1e2} "
    );
}

#[test]
fn each_api_has_its_own_place_for_messages() {
    let [system, user] = guide();
    let body = format!(r#"{{"model":"m","inputs":{INPUTS},"input":"and \"now\"?"}}"#);
    let body = filled(Endpoint::Responses, &GUIDE, &body).expect("filled");
    let own = json!({"role": "user", "content": "and \"now\"?"});
    assert_eq!(body, json!({"model": "m", "input": [system, user, own]}));
    let body = format!(
        r#"{{"model":"m","system":"be kind","inputs":{INPUTS},"messages":[{{"role":"user","content":"hi"}}]}}"#
    );
    let body = filled(Endpoint::Messages, &GUIDE, &body).expect("filled");
    let text = |text: &Value| json!({"type": "text", "text": text});
    let hi = json!({"role": "user", "content": "hi"});
    assert_eq!(
        body,
        json!({
            "model": "m",
            "system": [text(&system["content"]), text(&json!("be kind"))],
            "messages": [user, hi],
        })
    );
}

#[test]
fn what_cannot_be_filled_is_refused_by_name() {
    let refused = |body: &str| {
        let refused = filled(Endpoint::Chat, &GUIDE, body).expect_err(body);
        refused.to_string()
    };
    let cases = [
        (
            r#"{"model":"m"}"#,
            "requires a value for \"city\": send it as inputs.city",
        ),
        (
            r#"{"model":"m","inputs":{"city":null}}"#,
            "requires a value for \"city\"",
        ),
        (
            r#"{"model":"m","inputs":[1]}"#,
            "inputs is an array, it must be an object",
        ),
        (r#"{"inputs":{"city":"x"}}"#, "model is missing"),
        (
            r#"{"model":"m","inputs":{"city":"x"},"messages":"hi"}"#,
            "messages is a string, it must be an array",
        ),
        (
            r#"{"model":"m","inputs":{"city":"x"},"inputs":{}}"#,
            "the key \"inputs\" occurs twice",
        ),
        (r#"["m"]"#, "the body is an array"),
        (r#"{"model":"#, "not valid JSON"),
    ];
    for (body, expected) in cases {
        let message = refused(body);
        assert!(message.contains(expected), "{body}: {message}");
    }
}

#[test]
fn a_placeholder_cannot_blow_a_body_up() {
    let many = "{{city}}".repeat(500);
    let body = r#"{"model":"m","inputs":{"city":"xxxxx"}}"#;
    let refused = filled(Endpoint::Chat, &[(Role::User, &many)], body);
    assert_eq!(refused, Err(Unfillable::TooLarge(1_000)));
}

#[test]
fn the_call_says_which_prompt_it_begins_with() {
    let mark = PromptVersion {
        id: Uuid::from_u128(3),
        version: 2,
    };
    let body = Bytes::from_static(br#"{"model":"m","stream":true}"#);
    let version = version(&[(Role::System, "You translate."), (Role::User, "hello")]);
    let inputs = Version {
        variables: Box::default(),
        ..version
    };
    let call = Call::parse_prompted((body, Endpoint::Chat, None), (mark, &inputs), 1_000);
    let call = call.unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((call.prompted(), call.features().messages), (Some(mark), 2));
    let sent: Value = serde_json::from_slice(&call.body_for("n", true)).expect("JSON");
    assert_eq!(
        (&sent["model"], &sent["stream_options"]),
        (&json!("n"), &json!({"include_usage": true}))
    );
}
