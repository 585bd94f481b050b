//! What an embeddings call asks for.

use std::borrow::Cow;

use floopy_shared::domain::features::Features;
use serde_json::value::RawValue;

use super::{
    Seen,
    chat::BYTES_PER_TOKEN,
    error::InvalidCall,
    fields::Fields,
    history::History,
    opening_hash,
    value::{count, each, text},
};

const INPUT: &str = "a string, or an array of strings or tokens";

/// Reads everything but the model.
pub(super) fn read<'a>(fields: &Fields<'a>) -> Result<Seen<'a>, InvalidCall> {
    let input = fields.input.ok_or(InvalidCall::Missing {
        field: "input",
        expected: INPUT,
    })?;
    let features = Features {
        embeddings: true,
        input_tokens_estimate: tokens(input)?,
        ..Features::default()
    };
    Ok(Seen {
        features,
        json_expected: false,
        schema_name: None,
        system: None,
        // The endpoint alone makes the class.
        first_user_text: Cow::Borrowed(""),
        user_text: Cow::Borrowed(""),
        tool_names: Vec::new(),
        history: History::default(),
        opening: opening_hash([fields.user, Some(input)]),
        questions: super::Questions::default(),
        user: fields.user.and_then(text),
    })
}

fn tokens(input: &RawValue) -> Result<u64, InvalidCall> {
    if input.get().starts_with('"') {
        return Ok(text_tokens(input));
    }
    let mut tokens = 0;
    let visited = each(input.get(), |_, item| {
        tokens += item_tokens(item);
        Ok(())
    });
    visited.ok_or_else(|| InvalidCall::hidden("input", input, INPUT))??;
    Ok(tokens)
}

fn item_tokens(item: &RawValue) -> u64 {
    match item.get().bytes().next() {
        Some(b'"') => text_tokens(item),
        Some(b'[') => count(item).unwrap_or(0),
        _ => 1,
    }
}

fn text_tokens(raw: &RawValue) -> u64 {
    (raw.get().len().saturating_sub(2) as u64).div_ceil(BYTES_PER_TOKEN)
}
