//! Bedrock Converse: a reply is the same whole and in any pieces, and no conversation loses a word.
#![allow(clippy::unwrap_used, reason = "a broken assumption must end the test")]

#[path = "converse/fold.rs"]
mod fold;

use floopy_protocols::{
    Content, EventReader as _, Message, Part, Request, Role, Target,
    converse::{EventReader, read_reply, write_request},
    event_stream::{Decoder, Frame},
};
use proptest::{collection::vec, prelude::*, sample::Index};
use serde_json::{Value, json};

/// A block of a reply: as it stands in a whole one, and the deltas that say it in a stream.
#[derive(Debug, Clone)]
struct Block {
    whole: Value,
    start: Option<Value>,
    deltas: Vec<Value>,
}

/// The text in pieces, some of them empty.
fn pieces(text: &str, cuts: &[Index]) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(chars.len() + 1)).collect();
    cuts.extend([0, chars.len()]);
    cuts.sort_unstable();
    let piece = |cut: &[usize]| chars[cut[0]..cut[1]].iter().collect();
    cuts.windows(2).map(piece).collect()
}

fn cuts() -> impl Strategy<Value = Vec<Index>> {
    vec(any::<Index>(), 0..5)
}

fn text_block() -> impl Strategy<Value = Block> {
    (".{1,20}", cuts()).prop_map(|(text, cuts)| Block {
        deltas: pieces(&text, &cuts)
            .iter()
            .map(|p| json!({"text": p}))
            .collect(),
        whole: json!({"text": text}),
        start: None,
    })
}

fn thought_block() -> impl Strategy<Value = Block> {
    let signature = proptest::option::of("[a-zA-Z0-9+/]{1,12}");
    (".{1,20}", signature, cuts()).prop_map(|(text, signature, cuts)| {
        let words = pieces(&text, &cuts);
        let words = words
            .iter()
            .map(|p| json!({"reasoningContent": {"text": p}}));
        let sign = signature
            .iter()
            .map(|s| json!({"reasoningContent": {"signature": s}}));
        let mut thought = json!({"text": text});
        if let Some(signature) = &signature {
            thought["signature"] = json!(signature);
        }
        Block {
            deltas: words.chain(sign).collect(),
            whole: json!({"reasoningContent": {"reasoningText": thought}}),
            start: None,
        }
    })
}

fn redacted_block() -> impl Strategy<Value = Block> {
    "[a-zA-Z0-9+/]{4,12}".prop_map(|data| Block {
        deltas: vec![json!({"reasoningContent": {"redactedContent": data}})],
        whole: json!({"reasoningContent": {"redactedContent": data}}),
        start: None,
    })
}

fn call_block() -> impl Strategy<Value = Block> {
    let arguments = proptest::collection::btree_map("[a-z]{1,4}", ".{0,10}", 0..3);
    ("[a-z0-9]{1,8}", "[a-z]{1,8}", arguments, cuts()).prop_map(|(id, name, arguments, cuts)| {
        let input = json!(arguments);
        let deltas = match arguments.is_empty() {
            true => Vec::new(),
            false => pieces(&input.to_string(), &cuts),
        };
        Block {
            deltas: deltas
                .iter()
                .map(|p| json!({"toolUse": {"input": p}}))
                .collect(),
            whole: json!({"toolUse": {"toolUseId": id, "name": name, "input": input}}),
            start: Some(json!({"toolUse": {"toolUseId": id, "name": name}})),
        }
    })
}

fn blocks() -> impl Strategy<Value = Vec<Block>> {
    let block = prop_oneof![
        text_block(),
        thought_block(),
        redacted_block(),
        call_block()
    ];
    vec(block, 0..6)
}

fn usage() -> Value {
    json!({"inputTokens": 3, "outputTokens": 4, "totalTokens": 12, "cacheReadInputTokens": 5})
}

fn whole(blocks: &[Block]) -> String {
    let content: Vec<&Value> = blocks.iter().map(|block| &block.whole).collect();
    json!({
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": "end_turn",
        "usage": usage(),
    })
    .to_string()
}

fn streamed(blocks: &[Block]) -> Vec<(&'static str, Value)> {
    let mut events = vec![("messageStart", json!({"role": "assistant"}))];
    for (index, block) in blocks.iter().enumerate() {
        let start = block.start.iter();
        events.extend(start.map(|start| {
            let start = json!({"start": start, "contentBlockIndex": index});
            ("contentBlockStart", start)
        }));
        events.extend(block.deltas.iter().map(|delta| {
            let delta = json!({"delta": delta, "contentBlockIndex": index});
            ("contentBlockDelta", delta)
        }));
        events.push(("contentBlockStop", json!({"contentBlockIndex": index})));
    }
    events.push(("messageStop", json!({"stopReason": "end_turn"})));
    events.push((
        "metadata",
        json!({"usage": usage(), "metrics": {"latencyMs": 1}}),
    ));
    events
}

fn message() -> impl Strategy<Value = Message> {
    let role = prop_oneof![
        Just(Role::System),
        Just(Role::Developer),
        Just(Role::User),
        Just(Role::Assistant)
    ];
    (role, vec(".{0,8}", 0..4))
        .prop_map(|(role, texts)| Message::new(role, texts.into_iter().map(Part::text).collect()))
}

/// Every text in a message's content, in its order.
fn texts(of: &Value) -> Vec<String> {
    let blocks = of.as_array().into_iter().flatten();
    blocks
        .map(|block| block["text"].as_str().unwrap().to_owned())
        .collect()
}

/// The part's words, if it has any.
fn said(part: &Part) -> Option<String> {
    let Content::Text(text) = &part.content else {
        return None;
    };
    Some(text.clone()).filter(|text| !text.is_empty())
}

proptest! {
    #[test]
    fn a_reply_is_the_same_whole_and_in_any_pieces(blocks in blocks(), size in 1_usize..200) {
        let mut expected = read_reply(whole(&blocks).as_bytes()).unwrap();
        expected.rest.clear();
        let (mut by_frame, mut by_json) = (EventReader::default(), EventReader::default());
        let (mut from_frames, mut from_json) = (Vec::new(), Vec::new());
        let mut bytes = Vec::new();
        for (name, payload) in streamed(&blocks) {
            bytes.extend(Frame::event(name, payload.to_string()).encode().unwrap());
        }
        let mut decoder = Decoder::default();
        for chunk in bytes.chunks(size) {
            decoder.push(chunk);
            while let Some(frame) = decoder.next_frame().unwrap() {
                by_frame.read_frame(&frame, &mut from_frames).unwrap();
                by_json.read(&frame.to_json().unwrap(), &mut from_json).unwrap();
            }
        }
        prop_assert_eq!(fold::fold(&from_frames), expected);
        prop_assert_eq!(from_frames, from_json);
    }

    #[test]
    fn no_conversation_loses_a_word(messages in vec(message(), 0..8)) {
        let request = Request { messages, ..Request::default() };
        let target = Target { provider: "bedrock", model: "anthropic.claude-opus-4-6-v1" };
        let Ok(written) = write_request(&request, target) else {
            let mut messages = request.messages.iter();
            let empty = messages.any(|m| m.parts.iter().all(|part| said(part).is_none()));
            prop_assert!(empty, "only an empty message is refused");
            return Ok(());
        };
        let body: Value = serde_json::from_slice(&written.body).unwrap();
        let turns = body["messages"].as_array().unwrap();
        prop_assert!(turns.windows(2).all(|pair| pair[0]["role"] != pair[1]["role"]));
        let mut found = texts(&body["system"]);
        found.extend(turns.iter().flat_map(|turn| texts(&turn["content"])));
        let said = request.messages.iter().flat_map(|message| &message.parts).filter_map(said);
        prop_assert_eq!(found, said.collect::<Vec<_>>());
    }

    #[test]
    fn nothing_makes_the_readers_panic(text in ".{0,100}", name in "[a-zA-Z]{0,20}") {
        read_reply(text.as_bytes()).err();
        let frame = Frame::event(&name, text);
        EventReader::default().read_frame(&frame, &mut Vec::new()).err();
    }
}
