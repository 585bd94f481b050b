//! What a model answered in one round, and what the caller gets of the last one.

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{body::Streamed, stream};
use crate::mcp::Offer;

/// A completion.
pub(super) struct Answer(Value);

/// A tool that a model calls.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Called {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) arguments: String,
}

/// What a model wants.
#[derive(Debug, PartialEq)]
pub(super) enum Turn {
    /// Tools of servers called, and nothing else.
    Tools(Vec<Called>),
    /// Tools of servers and of the caller, together.
    Mixed,
    /// Nothing more of us: it answered, or calls the caller's own tools.
    Final,
}

impl Answer {
    /// `None`: it is no completion, and the caller gets it as it is.
    pub(super) fn read(status: StatusCode, body: &Bytes) -> Option<Self> {
        if !status.is_success() {
            return None;
        }
        let value: Value = serde_json::from_slice(body).ok()?;
        value["choices"][0]["message"]
            .is_object()
            .then_some(Self(value))
    }

    pub(super) fn turn(&self, offer: &Offer) -> Turn {
        let calls: Vec<Called> = self.calls().filter_map(called).collect();
        let all = self.calls().count();
        let ours = calls.iter().filter(|call| offer.get(&call.name).is_some());
        match ours.count() {
            0 => Turn::Final,
            count if count == all => Turn::Tools(calls),
            _ => Turn::Mixed,
        }
    }

    fn calls(&self) -> impl Iterator<Item = &Value> {
        let calls = self.0["choices"][0]["message"]["tool_calls"].as_array();
        calls.into_iter().flatten()
    }

    /// The message as it goes back to the model: without what says nothing.
    pub(super) fn message(&self) -> Value {
        let Value::Object(message) = &self.0["choices"][0]["message"] else {
            return Value::Null;
        };
        let says = |(name, value): &(&String, &Value)| {
            *name == "content" || !(value.is_null() || **value == json!([]))
        };
        let kept = message.iter().filter(says);
        let kept: Map<_, _> = kept
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        Value::Object(kept)
    }

    /// Adds what this round used to what those before did.
    pub(super) fn add_usage(&self, sum: &mut Value) {
        add(sum, &self.0["usage"]);
    }

    /// What the caller gets: calls of tools that are not its own are none of its business, and the usage is that of all
    /// rounds.
    pub(super) fn finished(
        mut self,
        offer: &Offer,
        usage: &Value,
        streamed: Option<Streamed>,
    ) -> Bytes {
        if !usage.is_null() {
            self.0["usage"] = usage.clone();
        }
        self.take_calls(offer);
        match streamed {
            Some(streamed) => stream::of(&self.0, streamed),
            None => self.0.to_string().into(),
        }
    }

    fn take_calls(&mut self, offer: &Offer) {
        let choice = &mut self.0["choices"][0];
        let Some(Value::Array(calls)) = choice["message"].get_mut("tool_calls") else {
            return;
        };
        let before = calls.len();
        calls.retain(|call| {
            let name = call["function"]["name"].as_str().unwrap_or_default();
            offer.get(name).is_none()
        });
        if calls.is_empty() && before > 0 {
            if let Value::Object(message) = &mut choice["message"] {
                message.remove("tool_calls");
            }
            if choice["message"]["content"].is_null() {
                choice["message"]["content"] = json!("");
            }
            choice["finish_reason"] = json!("stop");
        }
    }
}

fn called(call: &Value) -> Option<Called> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    Some(Called {
        id: text(&call["id"])?,
        name: text(&call["function"]["name"])?,
        arguments: text(&call["function"]["arguments"]).unwrap_or_default(),
    })
}

/// Numbers are added up, at whichever depth; of what is none the last word counts.
fn add(sum: &mut Value, more: &Value) {
    match more {
        Value::Number(number) => {
            *sum = match (sum.as_u64(), number.as_u64()) {
                (Some(sum), Some(more)) => json!(sum.saturating_add(more)),
                _ => json!(sum.as_f64().unwrap_or_default() + number.as_f64().unwrap_or_default()),
            };
            if sum.as_f64() == number.as_f64() && number.is_u64() {
                *sum = more.clone();
            }
        }
        Value::Object(fields) => {
            if !sum.is_object() {
                *sum = json!({});
            }
            for (name, value) in fields {
                add(&mut sum[name.as_str()], value);
            }
        }
        Value::Null => {}
        Value::Bool(_) | Value::String(_) | Value::Array(_) => *sum = more.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(message: &Value) -> Answer {
        let body = json!({"choices": [{"message": message, "finish_reason": "tool_calls"}]});
        Answer::read(StatusCode::OK, &body.to_string().into()).expect("a completion")
    }

    #[test]
    fn usage_is_added_up_at_every_depth() {
        let mut sum = Value::Null;
        let round = json!({
            "prompt_tokens": 3, "completion_tokens": 0, "details": {"cached": 2, "none": null}, "tier": "x", "cost": 0.5,
        });
        add(&mut sum, &round);
        add(&mut sum, &round);
        let expected = json!({
            "prompt_tokens": 6, "completion_tokens": 0, "details": {"cached": 4, "none": null}, "tier": "x", "cost": 1.0,
        });
        assert_eq!(sum, expected);
    }

    #[test]
    fn what_is_no_completion_goes_to_the_caller_as_it_is() {
        let read =
            |status, body: &'static str| Answer::read(status, &Bytes::from_static(body.as_bytes()));
        assert!(read(StatusCode::BAD_REQUEST, "{\"choices\":[{\"message\":{}}]}").is_none());
        assert!(read(StatusCode::OK, "{}").is_none());
        assert!(read(StatusCode::OK, "x").is_none());
    }

    #[test]
    fn a_message_goes_back_without_what_says_nothing() {
        let message = json!({
            "role": "assistant", "content": null, "refusal": null, "annotations": [], "tool_calls": [{"id": "1"}],
            "reasoning_content": "r",
        });
        let expected = json!({
            "role": "assistant", "content": null, "tool_calls": [{"id": "1"}], "reasoning_content": "r",
        });
        assert_eq!(answer(&message).message(), expected);
    }

    #[test]
    fn calls_of_tools_that_nobody_offered_are_left_to_the_caller() {
        let call =
            json!({"id": "1", "type": "function", "function": {"name": "mine", "arguments": "{}"}});
        let answer = answer(&json!({"role": "assistant", "tool_calls": [call]}));
        assert_eq!(answer.turn(&Offer::default()), Turn::Final);
        let body = answer.finished(&Offer::default(), &Value::Null, None);
        let body: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(body["choices"][0]["message"]["tool_calls"][0]["id"], "1");
        assert_eq!(body["choices"][0]["finish_reason"], "tool_calls");
    }
}
