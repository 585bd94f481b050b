//! What may be let go on the way to a provider that has no word for it, and is then named in the
//! `floopy-dropped-params` header. Everything else is refused by name.

use crate::{
    error::Unsupported,
    json::{Field, Json},
    request::{Content, Message, Part, Request, Role},
};

/// Fields that change what a call costs, where it is logged or how fast it is, and nothing about what a good
/// reply is; `seed` is best effort by every API that has it.
const HINTS: [&str; 20] = [
    "user",
    "metadata",
    "store",
    "service_tier",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "prediction",
    "seed",
    "cache_control",
    "stream_options",
    "detail",
    "container",
    "include",
    "truncation",
    "background",
    "eager_input_streaming",
    "phase",
    "prompt_cache_breakpoint",
    "prompt_cache_options",
];

/// Values that say what would happen anyway.
fn is_neutral(field: &Field) -> bool {
    let text = field.value.text();
    match field.name.as_str() {
        "logit_bias" => text
            .trim_start_matches('{')
            .trim_end_matches('}')
            .trim()
            .is_empty(),
        "background" => text == "false",
        "modalities" => Json::parse(r#"["text"]"#).is_some_and(|only| only == field.value),
        "annotations" | "audio" => matches!(text, "[]"),
        "verbosity" => text == "\"medium\"",
        "truncation" => text == "\"disabled\"",
        "strict" | "defer_loading" => text == "false",
        // Anthropic's, as its client libraries send back what the model wrote.
        "caller" => Json::parse(r#"{"type":"direct"}"#).is_some_and(|only| only == field.value),
        "allowed_callers" => Json::parse(r#"["direct"]"#).is_some_and(|only| only == field.value),
        // That no thought is cleared from the context.
        "context_management" => {
            Json::parse(r#"{"edits":[{"type":"clear_thinking_20251015","keep":"all"}]}"#)
                .is_some_and(|nothing| nothing == field.value)
        }
        "citations" => {
            text == "[]"
                || Json::parse(r#"{"enabled":false}"#).is_some_and(|off| off == field.value)
        }
        _ => false,
    }
}

/// Lets a field go that the target has no word for, or refuses it.
pub fn drop_or_refuse(
    field: &Field,
    target: &str,
    dropped: &mut Vec<String>,
) -> Result<(), Unsupported> {
    if is_neutral(field) {
        return Ok(());
    }
    // Work in the background answers later, elsewhere.
    if HINTS.contains(&field.name.as_str()) && field.name != "background" {
        dropped.push(field.at.0.clone());
        return Ok(());
    }
    Err(Unsupported::new(
        field.at.0.clone(),
        target,
        "its API has no such field",
    ))
}

/// Lets go or refuses all that is left over in the conversation; for targets that read none of it.
pub fn drop_or_refuse_rest(
    request: &Request,
    target: &str,
    dropped: &mut Vec<String>,
) -> Result<(), Unsupported> {
    for field in &request.rest {
        drop_or_refuse(field, target, dropped)?;
    }
    for tool in &request.tools {
        for field in &tool.rest {
            drop_or_refuse(field, target, dropped)?;
        }
    }
    request
        .messages
        .iter()
        .try_for_each(|message| of_message(message, target, dropped))
}

fn of_message(
    message: &Message,
    target: &str,
    dropped: &mut Vec<String>,
) -> Result<(), Unsupported> {
    for field in &message.rest {
        drop_or_refuse(field, target, dropped)?;
    }
    message
        .parts
        .iter()
        .try_for_each(|part| of_part(part, target, dropped))
}

fn of_part(part: &Part, target: &str, dropped: &mut Vec<String>) -> Result<(), Unsupported> {
    for field in &part.rest {
        drop_or_refuse(field, target, dropped)?;
    }
    if let Content::ToolResult { parts, .. } = &part.content {
        for inner in parts {
            of_part(inner, target, dropped)?;
        }
    }
    Ok(())
}

/// The instructions before the conversation, apart from it: for APIs that keep them in a field of their own.
/// Instructions in the middle stay where they are.
pub fn split_instructions(messages: &[Message]) -> (&[Message], &[Message]) {
    let is_instruction = |m: &Message| matches!(m.role, Role::System | Role::Developer);
    let count = messages.iter().take_while(|m| is_instruction(m)).count();
    messages.split_at(count)
}
