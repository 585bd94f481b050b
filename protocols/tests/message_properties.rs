//! Properties of Anthropic's Messages API: what both sides can say survives, however it is told.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a broken golden file is a failed test"
)]

#[path = "support/golden.rs"]
#[allow(dead_code, reason = "this test reads no golden files")]
mod golden;

use floopy_protocols::{
    CacheTtl, CallerApi, Content, Delta, Effort, Event, Finish, Format, Json, Media, Message, Part,
    Reasoning, Request, Role, Sampling, Source, Target, Tool, ToolChoice, Usage, messages,
};
use golden::{events, fold, written};
use proptest::{collection::vec, option, prelude::*, sample::select};

fn words() -> impl Strategy<Value = String> {
    "[a-zé\"\\\\ \n]{1,12}"
}

fn object() -> impl Strategy<Value = String> {
    select(vec![
        "{}".to_owned(),
        r#"{"a":1.50}"#.to_owned(),
        r#"{"b": ["x", {"y":null}]}"#.to_owned(),
    ])
}

fn cache() -> impl Strategy<Value = Option<CacheTtl>> {
    option::of(select(vec![CacheTtl::FiveMinutes, CacheTtl::OneHour]))
}

fn media(source: Source, mime: &str, name: Option<String>) -> Media {
    Media {
        source,
        mime: mime.to_owned(),
        name,
        detail: None,
    }
}

fn user_content() -> impl Strategy<Value = Content> {
    prop_oneof![
        words().prop_map(Content::Text),
        words().prop_map(|url| Content::Image(media(Source::Url(url), "", None))),
        Just(Content::Image(media(
            Source::Data("AAAA".into()),
            "image/png",
            None
        ))),
        option::of(words()).prop_map(|name| Content::Document(media(
            Source::Data("JVBE".into()),
            "application/pdf",
            name
        ))),
        words().prop_map(|text| Content::Document(media(Source::Text(text), "text/plain", None))),
    ]
}

fn user_part() -> impl Strategy<Value = Part> {
    (user_content(), cache()).prop_map(|(content, cache)| Part {
        cache,
        ..Part::new(content)
    })
}

fn assistant_part() -> impl Strategy<Value = Part> {
    let said = prop_oneof![
        words().prop_map(Content::Text),
        (words(), words(), object()).prop_map(|(id, name, arguments)| Content::ToolCall {
            id,
            name,
            arguments,
        }),
    ];
    let said = (said, cache()).prop_map(|(content, cache)| Part {
        cache,
        ..Part::new(content)
    });
    let thought = prop_oneof![
        words().prop_map(Content::Thinking),
        Just(Content::RedactedThinking),
    ];
    let thought = (thought, words()).prop_map(|(content, signature)| Part {
        signature: Some(signature),
        ..Part::new(content)
    });
    prop_oneof![said, thought]
}

fn result() -> impl Strategy<Value = Part> {
    let parts = vec(user_part(), 0..3);
    (words(), parts, any::<bool>(), cache()).prop_map(|(call_id, parts, is_error, cache)| Part {
        cache,
        ..Part::new(Content::ToolResult {
            call_id,
            parts,
            is_error,
        })
    })
}

/// Turns as the API has them: never two messages of one role in a row, results before words.
fn conversation() -> impl Strategy<Value = Vec<Message>> {
    let turn = (
        vec(result(), 0..3),
        vec(user_part(), 1..3),
        vec(assistant_part(), 1..4),
    );
    let system = option::of(vec((words(), cache()), 1..3));
    (system, vec(turn, 1..4)).prop_map(|(system, turns)| {
        let mut messages = Vec::new();
        if let Some(parts) = system {
            let parts = parts.into_iter().map(|(text, cache)| Part {
                cache,
                ..Part::text(text)
            });
            messages.push(Message::new(Role::System, parts.collect()));
        }
        for (results, user, assistant) in turns {
            if !results.is_empty() {
                messages.push(Message::new(Role::Tool, results));
            }
            messages.push(Message::new(Role::User, user));
            messages.push(Message::new(Role::Assistant, assistant));
        }
        messages
    })
}

fn tools() -> impl Strategy<Value = Vec<Tool>> {
    let tool = (
        words(),
        option::of(words()),
        object(),
        any::<bool>(),
        cache(),
    );
    let tool = tool.prop_map(|(name, description, schema, strict, cache)| Tool {
        name,
        description,
        parameters: Json::parse(&schema),
        strict: strict.then_some(true),
        cache,
        at: Default::default(),
        rest: Vec::new(),
    });
    vec(tool, 1..3)
}

fn reasoning() -> impl Strategy<Value = Option<Reasoning>> {
    let efforts = select(vec![
        Effort::Low,
        Effort::Medium,
        Effort::High,
        Effort::ExtraHigh,
    ]);
    let thinking = (option::of(efforts), option::of(any::<bool>()));
    option::of(thinking.prop_map(|(effort, shown)| Reasoning {
        effort,
        budget_tokens: None,
        shown,
    }))
}

fn request() -> impl Strategy<Value = Request> {
    let choice = option::of(select(vec![
        ToolChoice::Auto,
        ToolChoice::Required,
        ToolChoice::Tool("f".into()),
    ]));
    let settings = (
        reasoning(),
        any::<bool>(),
        any::<bool>(),
        option::of(words()),
    );
    let limits = (1_u64..9_000, vec(words(), 0..3));
    (conversation(), tools(), choice, settings, limits).prop_map(
        |(messages, tools, tool_choice, (reasoning, stream, schema, user), (limit, stop))| {
            Request {
                caller: CallerApi::Messages,
                model: MODEL.into(),
                messages,
                tools,
                parallel_tool_calls: tool_choice.as_ref().filter(|_| stream).map(|_| false),
                tool_choice,
                format: schema.then(|| Format::JsonSchema {
                    name: "output".into(),
                    description: None,
                    schema: Json::parse(r#"{"type":"object"}"#).expect("JSON"),
                    strict: Some(true),
                }),
                reasoning,
                sampling: Sampling {
                    max_output_tokens: Some(limit),
                    stop,
                    ..Sampling::default()
                },
                stream,
                stream_usage: true,
                user,
                rest: Vec::new(),
            }
        },
    )
}

const MODEL: &str = "claude-opus-4-8";

proptest! {
    #[test]
    fn a_request_that_is_written_is_read_as_the_same(request in request()) {
        let target = Target { provider: "anthropic", model: MODEL };
        let written = messages::write_request(&request, target).expect("writable");
        prop_assert!(written.dropped.is_empty());
        let read = messages::read_request(&written.body).expect("valid");
        prop_assert_eq!(read, request);
    }

    #[test]
    fn a_stream_keeps_every_part_whatever_is_interleaved(
        arguments in vec("[a-z]{0,9}", 1..5),
        order in vec((0_usize..5, 1_usize..4), 0..40),
    ) {
        let calls: Vec<_> = arguments.iter().map(|text| format!(r#"{{"x":"{text}"}}"#)).collect();
        let stream = interleaved(&calls, &order);
        let mut told = fold(&stream);
        let answer = written(messages::EventWriter::new(), &stream);
        let mut read = fold(&events(messages::EventReader::default(), &answer));
        let by_id = |part: &Part| format!("{:?}", part.content);
        told.choices[0].parts.sort_by_key(by_id);
        read.choices[0].parts.sort_by_key(by_id);
        prop_assert_eq!(read, told);
    }
}

/// Calls that begin and go on in any order, and words before them.
fn interleaved(calls: &[String], order: &[(usize, usize)]) -> Vec<Event> {
    let delta = |part: usize, delta| Event::Delta {
        choice: 0,
        part: u32::try_from(part).expect("few"),
        delta,
    };
    let mut stream = vec![Event::Start {
        id: "i".into(),
        model: "m".into(),
        created: None,
    }];
    stream.push(delta(0, Delta::Text("words".into())));
    let mut told: Vec<usize> = Vec::new();
    let all = (0..calls.len()).map(|call| (call, usize::MAX));
    for (call, length) in order.iter().copied().chain(all) {
        let call = call % calls.len();
        // Parts are numbered as they begin.
        for next in told.len()..=call {
            let (id, name) = (format!("c{next}"), "f".to_owned());
            stream.push(delta(next + 1, Delta::ToolCall { id, name }));
            told.push(0);
        }
        let end = told[call].saturating_add(length).min(calls[call].len());
        let text = calls[call][told[call]..end].to_owned();
        told[call] = end;
        stream.push(delta(call + 1, Delta::Arguments(text)));
    }
    stream.push(Event::Finish {
        choice: 0,
        finish: Finish::ToolCalls,
    });
    stream.push(Event::Usage(Usage {
        input: 3,
        output: 4,
        ..Usage::default()
    }));
    stream.push(Event::Done);
    stream
}
