//! Embeddings: the typed form between the APIs that have them.
//!
//! A caller speaks OpenAI's form ([`openai`]), a provider one of the others; where both speak OpenAI's, bytes
//! pass through without this. Providers take fewer inputs at once than OpenAI does, so that one request may
//! become several bodies, whose replies [`EmbeddingReply::join`] puts together.
//!
//! Rules:
//!
//! * OpenAI refuses an input that is too long, others cut it unless they are told not to: they are told.
//! * Cohere wants to know what embeddings are for. A caller says it in a field `input_type`, as servers of such
//!   models have it; unsaid, they are `search_document`s.
//! * Other words of a provider's own may stand in the request under the provider's name for them (`task_type`,
//!   `title`, `truncate`, `auto_truncate`, `normalize`).
//! * `user` is dropped.

mod api;
pub mod bedrock;
pub mod cohere;
pub mod gemini;
pub mod openai;
pub mod vertex;

use serde_json::value::RawValue;

pub use self::api::EmbeddingApi;
use crate::{
    Target,
    error::{InvalidReply, Unsupported},
    json::{Field, Json},
    reply::Usage,
    rules,
};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct EmbeddingRequest {
    pub model: String,
    pub inputs: Vec<Input>,
    pub dimensions: Option<u64>,
    pub encoding: Encoding,
    /// Who the end user is, by the caller's own name.
    pub user: Option<String>,
    /// What only the caller's API has a word for.
    pub rest: Vec<Field>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    Text(String),
    /// Numbers of tokens of the model's own vocabulary.
    Tokens(Vec<u64>),
}

/// How the caller wants vectors written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    #[default]
    Float,
    /// Of the little-endian 32-bit floats one after the other.
    Base64,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct EmbeddingReply {
    /// Empty where the provider does not say.
    pub model: String,
    /// One for each input, in their order.
    pub vectors: Vec<Vector>,
    pub usage: Option<Usage>,
}

impl EmbeddingReply {
    /// The reply to all of the `inputs`, from the replies to parts of them in their order. What it cost is known
    /// where every part says it.
    pub fn join(replies: Vec<Self>, inputs: usize) -> Result<Self, InvalidReply> {
        let mut joined = Self {
            usage: Some(Usage::default()),
            ..Self::default()
        };
        for reply in replies {
            joined.model = reply.model;
            joined.vectors.extend(reply.vectors);
            let usages = joined.usage.zip(reply.usage);
            joined.usage = usages.map(|(sum, more)| Usage {
                input: sum.input.saturating_add(more.input),
                ..sum
            });
        }
        let found = joined.vectors.len();
        if found != inputs {
            let why = format!("{found} embeddings of {inputs} inputs");
            return Err(InvalidReply(why));
        }
        Ok(joined)
    }
}

/// A vector as its provider wrote it. Not shown: texts can be guessed from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Vector(Json);

impl Vector {
    /// An array of numbers.
    fn read(raw: &RawValue) -> Result<Self, InvalidReply> {
        let vector = Self(Json::from(raw));
        match vector.values() {
            Some(values) if is_vector(&values) => Ok(vector),
            Some(_) | None => Err(InvalidReply("an embedding that is no vector".to_owned())),
        }
    }

    fn values(&self) -> Option<Vec<f32>> {
        serde_json::from_str(self.0.text()).ok()
    }

    fn read_all(raws: &[&RawValue]) -> Result<Vec<Self>, InvalidReply> {
        raws.iter().map(|raw| Self::read(raw)).collect()
    }
}

/// A number too large for its type was read as infinite.
fn is_vector(values: &[f32]) -> bool {
    !values.is_empty() && values.iter().all(|value| value.is_finite())
}

/// A request in a provider's own form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenEmbeddings {
    /// Each to be sent by itself, in this order.
    pub bodies: Vec<EmbeddingBody>,
    /// The caller's fields that a rule let go.
    pub dropped: Vec<String>,
}

/// One body, and how many vectors its reply has to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddingBody {
    pub json: Vec<u8>,
    pub inputs: usize,
}

/// What of a request a provider understands.
struct Understood<'a> {
    texts: Vec<&'a str>,
    /// Words of its own, by its own names for them.
    own: Vec<(&'static str, &'a Json)>,
    dropped: Vec<String>,
}

/// `own`: what a caller may call the provider's words, and what the provider calls them.
fn understand<'a>(
    request: &'a EmbeddingRequest,
    target: Target<'_>,
    own: &[(&str, &'static str)],
) -> Result<Understood<'a>, Unsupported> {
    let mut understood = Understood {
        texts: Vec::with_capacity(request.inputs.len()),
        own: Vec::new(),
        dropped: Vec::new(),
    };
    for (index, input) in request.inputs.iter().enumerate() {
        match input {
            Input::Text(text) => understood.texts.push(text),
            Input::Tokens(_) => {
                let why = "its API takes texts, not numbers of tokens";
                let field = format!("input[{index}]");
                return Err(Unsupported::new(field, target.provider, why));
            }
        }
    }
    for field in &request.rest {
        match own.iter().find(|(callers, _)| *callers == field.name) {
            Some((_, name)) => understood.own.push((name, &field.value)),
            None => rules::drop_or_refuse(field, target.provider, &mut understood.dropped)?,
        }
    }
    if request.user.is_some() {
        understood.dropped.push("user".to_owned());
    }
    Ok(understood)
}

impl Understood<'_> {
    /// A body for each so many texts.
    fn bodies(self, at_once: usize, body: impl Fn(&[&str], &Self) -> Vec<u8>) -> WrittenEmbeddings {
        let chunks = self.texts.chunks(at_once);
        let bodies = chunks.map(|texts| EmbeddingBody {
            json: body(texts, &self),
            inputs: texts.len(),
        });
        let bodies = bodies.collect();
        WrittenEmbeddings {
            bodies,
            dropped: self.dropped,
        }
    }

    fn has(&self, name: &str) -> bool {
        self.own.iter().any(|(own, _)| *own == name)
    }
}

/// Of tokens that were embedded; some APIs count them with floating numbers.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and counts are whole and small"
)]
fn usage(input_tokens: f64) -> Usage {
    Usage {
        input: input_tokens as u64,
        ..Usage::default()
    }
}

fn unreadable(error: &serde_json::Error) -> InvalidReply {
    InvalidReply(format!("a reply that cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(vectors: &[&str], tokens: Option<u64>) -> EmbeddingReply {
        let vectors = vectors
            .iter()
            .map(|text| Vector(Json::parse(text).expect("JSON")));
        EmbeddingReply {
            model: "m".into(),
            vectors: vectors.collect(),
            usage: tokens.map(|tokens| usage(tokens as f64)),
        }
    }

    #[test]
    fn parts_are_joined_in_their_order() {
        let parts = vec![reply(&["[1]", "[2]"], Some(5)), reply(&["[3]"], Some(2))];
        let whole = reply(&["[1]", "[2]", "[3]"], Some(7));
        assert_eq!(EmbeddingReply::join(parts.clone(), 3), Ok(whole));
        assert!(EmbeddingReply::join(parts, 4).is_err());
    }

    #[test]
    fn a_sum_of_unknown_costs_is_unknown() {
        let parts = vec![reply(&["[1]"], Some(5)), reply(&["[3]"], None)];
        let joined = EmbeddingReply::join(parts, 2).expect("two");
        assert_eq!(joined.usage, None);
    }

    #[test]
    fn only_numbers_are_a_vector() {
        for bad in ["[]", "[\"a\"]", "5", "[[1]]", "[null]"] {
            let raw: &RawValue = serde_json::from_str(bad).expect("JSON");
            assert!(Vector::read(raw).is_err(), "{bad}");
        }
    }
}
