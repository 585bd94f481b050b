//! A provider's chunk, as it comes.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::{reply::Chunk, usage::WireUsage};
use crate::json::Json;

#[derive(Deserialize)]
pub(super) struct WireChunk<'a> {
    #[serde(default)]
    pub(super) id: Option<String>,
    #[serde(default)]
    pub(super) model: Option<String>,
    #[serde(default)]
    pub(super) created: Option<serde_json::Number>,
    #[serde(default)]
    pub(super) choices: Option<Vec<WireChoice>>,
    #[serde(default)]
    pub(super) usage: Option<WireUsage>,
    #[serde(borrow, default)]
    pub(super) error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct WireChoice {
    #[serde(default)]
    pub(super) index: u32,
    #[serde(default)]
    pub(super) delta: Option<WireDelta>,
    #[serde(default)]
    pub(super) finish_reason: Option<String>,
    #[serde(default)]
    pub(super) logprobs: Option<Json>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct WireDelta {
    pub(super) content: Option<Said>,
    pub(super) refusal: Option<String>,
    pub(super) reasoning_content: Option<String>,
    pub(super) reasoning: Option<String>,
    pub(super) thinking_blocks: Option<Vec<WireBlock>>,
    pub(super) tool_calls: Option<Vec<WireCall>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Said {
    Text(String),
    Chunks(Vec<Chunk>),
}

#[derive(Deserialize)]
pub(super) struct WireBlock {
    #[serde(default)]
    pub(super) signature: Option<String>,
    #[serde(default)]
    pub(super) data: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct WireCall {
    #[serde(default)]
    pub(super) index: Option<u64>,
    #[serde(default)]
    pub(super) id: Option<String>,
    #[serde(default)]
    pub(super) function: Option<WireFunction>,
    #[serde(default)]
    pub(super) extra_content: Option<Extra>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct WireFunction {
    pub(super) name: Option<String>,
    pub(super) arguments: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Extra {
    #[serde(default)]
    pub(super) google: Option<Google>,
}

#[derive(Deserialize)]
pub(super) struct Google {
    #[serde(default)]
    pub(super) thought_signature: Option<String>,
}
