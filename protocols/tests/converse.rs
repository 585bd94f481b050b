//! Bedrock Converse: golden requests, and replies that are the same whole and streamed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a broken assumption must end the test"
)]

#[path = "converse/fold.rs"]
mod fold;

use std::{fs, path::PathBuf};

use floopy_protocols::{
    CacheTtl, Choice, Content, Effort, Event, Finish, Format, Json, Media, Message, Part,
    Reasoning, Reply, Request, Role, Sampling, Source, Target, Tool, ToolChoice, Usage,
    converse::{EventReader, read_reply, write_request},
    event_stream::{Decoder, Frame},
};
use serde_json::Value;

const CLAUDE: &str = "anthropic.claude-sonnet-4-5-20250929-v1:0";

fn golden(file: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/converse");
    fs::read_to_string(folder.join(file)).unwrap()
}

fn value(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

#[track_caller]
fn writes(request: &Request, model: &str, feature: &str) -> Vec<String> {
    let provider = "bedrock";
    let written = write_request(request, Target { provider, model }).unwrap();
    let body = String::from_utf8(written.body).unwrap();
    assert_eq!(
        value(&body),
        value(&golden(&format!("{feature}/request.json")))
    );
    written.dropped
}

/// The stream, cut into bytes of every size up to this, is the whole reply.
#[track_caller]
fn reads(feature: &str, parts: Vec<Part>, finish: Finish, usage: Usage) {
    let mut reply = read_reply(golden(&format!("{feature}/reply.json")).as_bytes()).unwrap();
    reply.rest.clear();
    let expected = Reply {
        choices: vec![Choice {
            index: 0,
            parts,
            finish: Some(finish),
            logprobs: None,
        }],
        usage: Some(usage),
        ..Reply::default()
    };
    assert_eq!(reply, expected);
    let bytes = encode(&golden(&format!("{feature}/stream.jsonl")));
    for size in [1, 2, 7, 100, bytes.len()] {
        let events = stream(bytes.chunks(size));
        assert_eq!(events.last(), Some(&Event::Done));
        assert_eq!(fold::fold(&events), expected, "in pieces of {size}");
    }
}

/// As the service sends it.
fn encode(lines: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in lines.lines() {
        let event = value(line);
        let (name, payload) = event.as_object().unwrap().iter().next().unwrap();
        bytes.extend(Frame::event(name, payload.to_string()).encode().unwrap());
    }
    bytes
}

fn stream<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> Vec<Event> {
    let (mut decoder, mut reader) = (Decoder::default(), EventReader::default());
    let mut events = Vec::new();
    for chunk in chunks {
        decoder.push(chunk);
        while let Some(frame) = decoder.next_frame().unwrap() {
            reader.read_frame(&frame, &mut events).unwrap();
        }
    }
    decoder.finish().unwrap();
    events
}

fn says(role: Role, text: &str) -> Message {
    Message::new(role, vec![Part::text(text)])
}

fn asks(text: &str) -> Request {
    Request {
        messages: vec![says(Role::User, text)],
        ..Request::default()
    }
}

fn call(id: &str, name: &str, arguments: &str) -> Part {
    Part::new(Content::ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
    })
}

fn result(id: &str, text: &str, is_error: bool) -> Part {
    Part::new(Content::ToolResult {
        call_id: id.to_owned(),
        parts: vec![Part::text(text)],
        is_error,
    })
}

fn tool(name: &str) -> Tool {
    Tool {
        name: name.to_owned(),
        description: None,
        parameters: None,
        strict: None,
        cache: None,
        at: Default::default(),
        rest: Vec::new(),
    }
}

fn media(source: Source, mime: &str, name: Option<&str>) -> Media {
    Media {
        source,
        mime: mime.to_owned(),
        name: name.map(str::to_owned),
        detail: None,
    }
}

fn signed(content: Content, signature: &str) -> Part {
    Part {
        signature: Some(signature.to_owned()),
        ..Part::new(content)
    }
}

#[test]
fn text_and_settings() {
    let mut request = asks("Capital of France?");
    let instructions = says(Role::Developer, "Answer in one word.");
    request.messages.insert(0, instructions);
    request.user = Some("u".to_owned());
    request.sampling = Sampling {
        max_output_tokens: Some(100),
        temperature: Some(0.5),
        top_p: Some(0.9),
        top_k: Some(40),
        stop: vec!["\n\n".to_owned()],
        seed: Some(7),
        n: Some(1),
        ..Sampling::default()
    };
    assert_eq!(writes(&request, CLAUDE, "text"), ["seed", "user"]);
    let usage = Usage {
        input: 14,
        output: 4,
        ..Usage::default()
    };
    let finish = Finish::StopSequence(Some("\n\n".to_owned()));
    reads("text", vec![Part::text("Paris")], finish, usage);
}

#[test]
fn tools_calls_and_results() {
    let mut request = asks("Weather in Oslo and Rome?");
    let arguments = r#"{"city": "Oslo", "days": 1.0}"#;
    let calls = vec![
        Part::text("Let me look."),
        call("tooluse_1", "weather", arguments),
        call("tooluse_2", "now", ""),
    ];
    request.messages.extend([
        Message::new(Role::Assistant, calls),
        Message::new(
            Role::Tool,
            vec![result("tooluse_1", r#"{"celsius": -3}"#, false)],
        ),
        Message::new(Role::Tool, vec![result("tooluse_2", "no clock", true)]),
        says(Role::User, "Go on."),
    ]);
    let schema = r#"{"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "number", "minimum": 1.0}}, "required": ["city"]}"#;
    let weather = Tool {
        description: Some("Weather of a city".to_owned()),
        parameters: Json::parse(schema),
        strict: Some(true),
        ..tool("weather")
    };
    request.tools = vec![weather, tool("now")];
    request.tool_choice = Some(ToolChoice::Tool("weather".to_owned()));
    assert!(writes(&request, CLAUDE, "tools").is_empty());
    let (provider, model) = ("bedrock", CLAUDE);
    let written = write_request(&request, Target { provider, model }).unwrap();
    let body = String::from_utf8(written.body).unwrap();
    assert!(
        body.contains(arguments) && body.contains(schema),
        "bytes pass through"
    );
    let usage = Usage {
        input: 300,
        output: 60,
        ..Usage::default()
    };
    let parts = vec![
        Part::text("Both at once."),
        call("tooluse_3", "weather", r#"{"city":"Rome","days":2}"#),
        call("tooluse_4", "now", "{}"),
    ];
    reads("tools", parts, Finish::ToolCalls, usage);
}

#[test]
fn images_documents_and_sounds() {
    let data = |base64: &str| Source::Data(base64.to_owned());
    let cat = Source::Url("s3://pictures/cat.jpg".to_owned());
    let words = Source::Text("plain words".to_owned());
    let report = media(
        data("JVBERi0="),
        "application/pdf",
        Some("Report (final).pdf"),
    );
    let mut request = asks("Compare.");
    request.messages[0].parts.extend([
        Part::new(Content::Image(media(
            data("iVBORw0KGgo="),
            "image/png",
            None,
        ))),
        Part::new(Content::Image(media(cat, "", None))),
        Part::new(Content::Document(report)),
        Part::new(Content::Document(media(words, "", None))),
        Part::new(Content::Audio(media(data("UklGRg=="), "audio/wav", None))),
    ]);
    assert!(writes(&request, "us.amazon.nova-lite-v1:0", "media").is_empty());
}

#[test]
fn a_schema_is_sent_as_text() {
    let mut request = asks("Who?");
    let schema = r#"{"type": "object", "properties": {"name": {"type": "string"}}}"#;
    request.format = Some(Format::JsonSchema {
        name: "person".to_owned(),
        description: Some("A person".to_owned()),
        schema: Json::parse(schema).unwrap(),
        strict: Some(true),
    });
    assert!(writes(&request, CLAUDE, "schema").is_empty());
}

#[test]
fn thoughts_go_back_to_claude_with_their_signatures() {
    let thoughts = vec![
        signed(Content::Thinking("Step by step".to_owned()), "c2ln"),
        signed(Content::RedactedThinking, "aGlkZGVu"),
        Part::new(Content::Thinking("unsigned".to_owned())).at("messages[1].content[2]"),
        Part::text("Answer"),
    ];
    let mut request = asks("Hard question");
    request
        .messages
        .push(Message::new(Role::Assistant, thoughts));
    request.messages.push(says(Role::User, "Sure?"));
    request.sampling.max_output_tokens = Some(5_000);
    request.reasoning = Some(Reasoning {
        effort: Some(Effort::High),
        ..Reasoning::default()
    });
    assert_eq!(
        writes(&request, CLAUDE, "thinking"),
        ["messages[1].content[2]"]
    );
    let usage = Usage {
        input: 20,
        output: 300,
        ..Usage::default()
    };
    let parts = vec![
        signed(
            Content::Thinking("Let me check.".to_owned()),
            "c2lnbmF0dXJl",
        ),
        signed(Content::RedactedThinking, "c2VjcmV0"),
        Part::text("Sure."),
    ];
    reads("thinking", parts, Finish::Stop, usage);
}

#[test]
fn turns_alternate_and_later_instructions_stay_in_their_place() {
    let refusal = Part::new(Content::Refusal("I would rather not.".to_owned()));
    let request = Request {
        messages: vec![
            says(Role::System, "Be brief."),
            says(Role::Developer, "Be kind."),
            says(Role::User, "One"),
            says(Role::User, "Two"),
            says(Role::System, "Now be funny."),
            Message::new(Role::Assistant, vec![refusal]),
            says(Role::User, "Three"),
        ],
        ..Request::default()
    };
    assert!(writes(&request, "meta.llama3-3-70b-instruct-v1:0", "system").is_empty());
}

#[test]
fn cache_points_stand_behind_what_is_cached() {
    let cached = |text: &str, ttl| Part {
        cache: Some(ttl),
        ..Part::text(text)
    };
    let instructions = vec![cached("Long instructions", CacheTtl::OneHour)];
    let question = vec![
        cached("Long text", CacheTtl::FiveMinutes),
        Part::text("Question"),
    ];
    let request = Request {
        messages: vec![
            Message::new(Role::System, instructions),
            Message::new(Role::User, question),
        ],
        tools: vec![Tool {
            cache: Some(CacheTtl::FiveMinutes),
            ..tool("now")
        }],
        ..Request::default()
    };
    assert!(writes(&request, CLAUDE, "cache").is_empty());
    let usage = Usage {
        input: 3_010,
        cached_input: 2_000,
        cache_write: 1_000,
        output: 5,
        reasoning: 0,
    };
    reads("cache", vec![Part::text("Yes")], Finish::Length, usage);
}
