//! Tools, called as the model asks; whatever comes of it is told to the model.

use std::sync::Arc;

use futures::{StreamExt, stream};
use serde_json::{Map, Value, json};

use super::answer::Called;
use crate::{
    mcp::{Failure, Mcp, Offer, Target},
    network::Forbidden,
};
use floopy_shared::domain::mcp::Agent;

/// Tools that a model may call in one round.
const MAX_CALLS: usize = 32;
/// Of them, asked at the same time.
const MAX_TOGETHER: usize = 8;
/// Of all that tools say in one call.
const MAX_RESULT_BYTES: usize = 1 << 20;

/// Calls the tools of one call.
pub(super) struct Doing<'a> {
    mcp: &'a Mcp,
    offer: &'a Offer,
    together: usize,
    count: u32,
    bytes: usize,
}

impl<'a> Doing<'a> {
    pub(super) fn new(mcp: &'a Mcp, offer: &'a Offer, agent: Agent) -> Self {
        Self {
            mcp,
            offer,
            together: if agent.tool_call_parallel {
                MAX_TOGETHER
            } else {
                1
            },
            count: 0,
            bytes: 0,
        }
    }

    /// How many tools were called.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// Calls those of one round; their results, in the order of the calls.
    pub(super) async fn all(
        &mut self,
        calls: &[Called],
    ) -> Result<Vec<Value>, (Arc<Target>, Forbidden)> {
        let (mcp, offer) = (self.mcp, self.offer);
        let one = |(index, call): (usize, &'_ Called)| {
            let call = call.clone();
            async move {
                if index < MAX_CALLS {
                    do_one(mcp, offer, &call).await
                } else {
                    let why = format!("error: more than {MAX_CALLS} tools are called at once");
                    Ok(why)
                }
            }
        };
        let results: Vec<_> = stream::iter(calls.iter().enumerate().map(one))
            .buffered(self.together)
            .collect()
            .await;
        let mut told = Vec::with_capacity(results.len());
        for (call, result) in calls.iter().zip(results) {
            let text = self.within(result?);
            told.push(json!({"role": "tool", "tool_call_id": call.id, "content": text}));
        }
        self.count = self
            .count
            .saturating_add(u32::try_from(calls.len()).unwrap_or(u32::MAX));
        Ok(told)
    }

    /// As much as there is room for.
    fn within(&mut self, text: String) -> String {
        if self.bytes.saturating_add(text.len()) > MAX_RESULT_BYTES {
            return format!(
                "error: the tools said more than {MAX_RESULT_BYTES} bytes in this conversation's turn; this result is left out"
            );
        }
        self.bytes += text.len();
        text
    }
}

async fn do_one(
    mcp: &Mcp,
    offer: &Offer,
    call: &Called,
) -> Result<String, (Arc<Target>, Forbidden)> {
    let Some(offered) = offer.get(&call.name) else {
        return Ok("error: there is no such tool".to_owned());
    };
    let arguments = match arguments(&call.arguments) {
        Ok(arguments) => arguments,
        Err(why) => return Ok(why),
    };
    let target = &offered.target;
    match mcp.call(target, (&offered.tool, arguments)).await {
        Ok((text, false)) => Ok(text),
        Ok((text, true)) => Ok(format!("error: {text}")),
        Err(Failure::Forbidden(why)) => Err((Arc::clone(target), why)),
        Err(Failure::SessionGone) => Ok(failed(target, "it ended the session")),
        Err(Failure::Told { why, .. }) => {
            tracing::info!(
                server = target.id,
                tool = offered.tool,
                why,
                "a tool could not be called"
            );
            Ok(failed(target, &why))
        }
    }
}

fn failed(target: &Target, why: &str) -> String {
    format!(
        "error: the tool could not be called: the server {}: {why}",
        target.id
    )
}

fn arguments(text: &str) -> Result<Map<String, Value>, String> {
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(arguments)) => Ok(arguments),
        Ok(_) => Err("error: the arguments are not a JSON object".to_owned()),
        Err(error) => Err(format!("error: the arguments are not JSON: {error}")),
    }
}
