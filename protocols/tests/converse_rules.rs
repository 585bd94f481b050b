//! Bedrock Converse: what is let go by rule, and what goes to one family of models only.
#![allow(clippy::unwrap_used, reason = "a broken assumption must end the test")]

use floopy_protocols::{
    CacheTtl, Content, Detail, Media, Message, Part, Request, Role, Sampling, Source, Target,
    converse::write_request,
};
use serde_json::{Value, json};

const CLAUDE: &str = "anthropic.claude-sonnet-4-5-20250929-v1:0";
const GPT: &str = "openai.gpt-oss-120b-1:0";
const LLAMA: &str = "meta.llama3-3-70b-instruct-v1:0";

fn write(request: &Request, model: &str) -> (Value, Vec<String>) {
    let provider = "bedrock";
    let written = write_request(request, Target { provider, model }).unwrap();
    (
        serde_json::from_slice(&written.body).unwrap(),
        written.dropped,
    )
}

fn with(parts: Vec<Part>) -> Request {
    Request {
        messages: vec![Message::new(Role::User, parts)],
        ..Request::default()
    }
}

#[test]
fn openais_own_settings_go_to_its_models() {
    let mut request = with(vec![Part::text("a")]);
    request.sampling = Sampling {
        frequency_penalty: Some(0.5),
        presence_penalty: Some(-0.5),
        seed: Some(7),
        ..Sampling::default()
    };
    let (body, dropped) = write(&request, GPT);
    let expected = json!({"frequency_penalty": 0.5, "presence_penalty": -0.5, "seed": 7});
    assert_eq!(body["additionalModelRequestFields"], expected);
    assert!(dropped.is_empty());
    request.sampling.frequency_penalty = None;
    request.sampling.presence_penalty = None;
    let (body, dropped) = write(&request, CLAUDE);
    assert_eq!(body.get("additionalModelRequestFields"), None);
    assert_eq!(dropped, ["seed"]);
}

#[test]
fn hints_and_another_familys_thoughts_are_let_go_and_named() {
    let thought = Part {
        signature: Some("s".to_owned()),
        ..Part::new(Content::Thinking("t".to_owned())).at("messages[0].content[0]")
    };
    let cached = Part {
        cache: Some(CacheTtl::FiveMinutes),
        signature: Some("s".to_owned()),
        ..Part::text("a").at("messages[0].content[1]")
    };
    let picture = Part::new(Content::Image(Media {
        source: Source::Url("s3://pictures/cat.png".to_owned()),
        mime: String::new(),
        name: None,
        detail: Some(Detail::Low),
    }));
    let picture = picture.at("messages[0].content[2]");
    let (body, dropped) = write(&with(vec![thought, cached, picture]), LLAMA);
    let expected = [
        "messages[0].content[0]",
        "messages[0].content[1].signature",
        "messages[0].content[1].cache_control",
        "messages[0].content[2].detail",
    ];
    assert_eq!(dropped, expected);
    assert_eq!(body["messages"][0]["content"].as_array().unwrap().len(), 2);
}

#[test]
fn unsigned_thoughts_go_back_to_models_that_sign_none() {
    let thought = Part::new(Content::Thinking("t".to_owned()));
    let (body, dropped) = write(&with(vec![thought, Part::text("a")]), GPT);
    let expected = json!({"reasoningContent": {"reasoningText": {"text": "t"}}});
    assert_eq!(body["messages"][0]["content"][0], expected);
    assert!(dropped.is_empty());
}
