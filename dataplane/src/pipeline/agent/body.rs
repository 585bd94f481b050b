//! What is asked of the model, round by round: the caller's body with tools and their results in it.

use std::collections::HashSet;

use bytes::Bytes;
use serde_json::{Map, Value, json};

/// A caller's body that can be gone on with.
pub(super) struct Asked {
    body: Map<String, Value>,
}

/// Whether the usage is the last thing that a stream tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Streamed {
    pub(super) with_usage: bool,
}

impl Asked {
    /// `None` where tools have no place: there are several answers, nothing may be called, or something is wrong.
    pub(super) fn read(bytes: &Bytes) -> Option<Self> {
        let Ok(Value::Object(body)) = serde_json::from_slice(bytes) else {
            return None;
        };
        let is_list = |name: &str| body.get(name).is_none_or(Value::is_array);
        let is_single = body.get("n").is_none_or(|n| n.is_null() || *n == 1);
        let may_call = body
            .get("tool_choice")
            .is_none_or(|choice| *choice != "none");
        // The form of functions before tools: no provider takes both.
        let has_old = body.contains_key("functions") || body.contains_key("function_call");
        let fits = is_list("messages") && is_list("tools") && is_single && may_call && !has_old;
        fits.then_some(Self { body })
    }

    pub(super) fn wants_stream(&self) -> bool {
        self.body.get("stream") == Some(&Value::Bool(true))
    }

    /// The names of the caller's own tools.
    pub(super) fn own_tools(&self) -> HashSet<String> {
        let tools = self.body.get("tools").and_then(Value::as_array);
        let name = |tool: &Value| tool["function"]["name"].as_str().map(str::to_owned);
        tools.into_iter().flatten().filter_map(name).collect()
    }

    /// Adds tools, and takes the wish for a stream out: what comes before the last answer is not for the caller.
    pub(super) fn begin(&mut self, functions: &[Value]) -> Option<Streamed> {
        let wants_stream = self.wants_stream();
        self.body.remove("stream");
        let options = self.body.remove("stream_options");
        let with_usage = options.is_some_and(|options| options["include_usage"] == true);
        let tools = self.body.entry("tools").or_insert_with(|| json!([]));
        if let Value::Array(tools) = tools {
            tools.extend(functions.iter().cloned());
        }
        wants_stream.then_some(Streamed { with_usage })
    }

    /// The body of the next round. In the last one the model must answer.
    pub(super) fn round(&mut self, is_last: bool) -> Bytes {
        if is_last {
            self.body.insert("tool_choice".to_owned(), json!("none"));
        }
        serde_json::to_vec(&self.body).unwrap_or_default().into()
    }

    /// Appends what the model said and what its tools did. A tool that it had to call it need not call again.
    pub(super) fn go_on(&mut self, message: Value, results: Vec<Value>) {
        self.body.remove("tool_choice");
        let messages = self.body.entry("messages").or_insert_with(|| json!([]));
        if let Value::Array(messages) = messages {
            messages.push(message);
            messages.extend(results);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &Value) -> Option<Asked> {
        Asked::read(&body.to_string().into())
    }

    #[test]
    fn tools_have_no_place_where_they_could_not_be_called() {
        for (body, fits) in [
            (json!({"messages": []}), true),
            (json!({"n": 1, "messages": [], "tools": []}), true),
            (json!({"messages": [], "n": 2}), false),
            (json!({"messages": [], "tool_choice": "none"}), false),
            (json!({"messages": [], "functions": []}), false),
            (json!({"messages": {}}), false),
            (json!({"messages": [], "tools": "x"}), false),
            (json!([]), false),
        ] {
            assert_eq!(read(&body).is_some(), fits, "{body}");
        }
        assert!(Asked::read(&Bytes::from_static(b"{")).is_none());
    }

    #[test]
    fn a_round_goes_on_from_the_one_before_and_the_last_must_answer() {
        let mine = json!({"type": "function", "function": {"name": "mine"}});
        let body = json!({
            "model": "m", "messages": [{"role": "user", "content": "x"}], "tools": [mine], "tool_choice": "required",
            "stream": true, "stream_options": {"include_usage": true},
        });
        let mut asked = read(&body).expect("fits");
        assert_eq!(asked.own_tools(), HashSet::from(["mine".to_owned()]));
        let theirs = json!({"type": "function", "function": {"name": "theirs"}});
        let streamed = asked.begin(&[theirs]).expect("a stream");
        assert!(streamed.with_usage);
        let sent = |asked: &mut Asked, is_last| -> Value {
            serde_json::from_slice(&asked.round(is_last)).expect("JSON")
        };
        let first = sent(&mut asked, false);
        assert_eq!(first["tools"].as_array().map(Vec::len), Some(2));
        assert_eq!(
            (&first["stream"], &first["tool_choice"]),
            (&Value::Null, &json!("required"))
        );
        asked.go_on(json!({"role": "assistant"}), vec![json!({"role": "tool"})]);
        let second = sent(&mut asked, false);
        assert_eq!(second["messages"].as_array().map(Vec::len), Some(3));
        assert_eq!(second["tool_choice"], Value::Null);
        assert_eq!(sent(&mut asked, true)["tool_choice"], "none");
    }
}
