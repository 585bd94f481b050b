//! A request in Gemini's form.

mod config;
mod media;
mod model;
mod tools;
mod turns;

use self::model::Model;
use crate::{
    Target, Written,
    error::Unsupported,
    json::Out,
    request::{CacheTtl, Content, Message, Request},
    rules,
};

/// Everything that the writing of one request needs to know.
struct Writing<'a> {
    target: Target<'a>,
    model: Model,
    dropped: Vec<String>,
}

impl Writing<'_> {
    fn refuse(&self, field: impl Into<String>, why: impl Into<String>) -> Unsupported {
        Unsupported::new(field, self.target.provider, why)
    }

    /// Gemini caches by itself.
    fn drop_cache(&mut self, cache: Option<CacheTtl>, at: &str) {
        if cache.is_some() {
            self.dropped.push(format!("{at}.cache_control"));
        }
    }
}

/// Writes a request for the target, or says what it cannot be told. The model and whether it is a stream stand
/// in the address, not in the body.
pub fn write_request(request: &Request, target: Target<'_>) -> Result<Written, Unsupported> {
    let mut writing = Writing {
        target,
        model: Model::of(target.model),
        dropped: Vec::new(),
    };
    rules::drop_or_refuse_rest(request, target.provider, &mut writing.dropped)?;
    let (instructions, conversation) = rules::split_instructions(&request.messages);
    let mut body = Out::default();
    let parts = instruction_parts(instructions, &mut writing)?;
    if !parts.is_empty() {
        let mut content = Out::default();
        content.put("parts", &parts);
        body.put("systemInstruction", &content);
    }
    body.put("contents", &turns::write(conversation, &mut writing)?);
    tools::write(request, &mut writing, &mut body)?;
    let config = config::write(request, &mut writing)?;
    if !config.is_empty() {
        body.put("generationConfig", &config);
    }
    if request.user.is_some() {
        writing.dropped.push("user".to_owned());
    }
    Ok(Written {
        body: body.into_bytes(),
        dropped: writing.dropped,
    })
}

fn instruction_parts(
    messages: &[Message],
    writing: &mut Writing<'_>,
) -> Result<Vec<Out>, Unsupported> {
    let mut out = Vec::new();
    for message in messages {
        refuse_name(message, writing)?;
        for part in &message.parts {
            writing.drop_cache(part.cache, &part.at.0);
            let Content::Text(text) = &part.content else {
                return Err(writing.refuse(&part.at.0, "its instructions are text only"));
            };
            // The API refuses empty words.
            if !text.is_empty() {
                let mut wire = Out::default();
                wire.put("text", text);
                out.push(wire);
            }
        }
    }
    Ok(out)
}

/// Its API knows roles but no participants.
fn refuse_name(message: &Message, writing: &Writing<'_>) -> Result<(), Unsupported> {
    match &message.name {
        None => Ok(()),
        Some(_) => {
            let field = format!("{}.name", message.at);
            Err(writing.refuse(field, "its API has no names of participants"))
        }
    }
}
