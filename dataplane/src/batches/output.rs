//! Results of Anthropic's Message Batches as lines of OpenAI's output and error files.

use floopy_protocols::{ApiError, CallerApi, ErrorKind, ProviderApi, messages};
use floopy_shared::domain::batch::Part;
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use super::names::{line_id, request_id};

/// A line of the results (<https://docs.claude.com/en/api/retrieving-message-batch-results>).
#[derive(Deserialize)]
struct Wire<'a> {
    custom_id: String,
    #[serde(borrow)]
    result: Outcome<'a>,
}

#[derive(Deserialize)]
struct Outcome<'a> {
    r#type: String,
    #[serde(borrow, default)]
    message: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

/// A line of an output or an error file, with its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct OutputLine {
    pub part: Part,
    pub json: Vec<u8>,
}

/// The line that a result of a batch becomes. `Err`: it is no result.
pub(crate) fn translate(batch: &str, result: &[u8], created_s: u64) -> Result<OutputLine, String> {
    let wire: Wire<'_> = serde_json::from_slice(result).map_err(|e| e.to_string())?;
    let (part, response, error) = match wire.result.r#type.as_str() {
        "succeeded" => match succeeded(&wire.result, created_s) {
            Ok(body) => (Part::Succeeded, answered(200, body), Value::Null),
            Err(why) => {
                let (status, body) = failed(&ApiError {
                    kind: ErrorKind::Server,
                    message: why,
                    code: None,
                    param: None,
                });
                (Part::Failed, answered(status, body), Value::Null)
            }
        },
        "errored" => {
            let said = wire.result.error.map_or("{}", RawValue::get);
            let status = ErrorStatus::of(said);
            let (status, body) = failed(&messages::read_error(status.0, said.as_bytes()));
            (Part::Failed, answered(status, body), Value::Null)
        }
        "canceled" => {
            let said = "the batch was cancelled before this request was sent to the model";
            (Part::Failed, Value::Null, unsent("batch_cancelled", said))
        }
        "expired" => {
            let said = "the batch expired before this request was sent to the model";
            (Part::Failed, Value::Null, unsent("batch_expired", said))
        }
        other => return Err(format!("a result of the type {other:?}")),
    };
    let mut line = json!({
        "id": line_id(batch, &wire.custom_id),
        "custom_id": wire.custom_id,
        "response": response,
        "error": error,
    });
    if let Some(response) = line["response"].as_object_mut() {
        let id = request_id(batch, &wire.custom_id).to_string();
        response.insert("request_id".to_owned(), json!(id));
    }
    let mut json = line.to_string().into_bytes();
    json.push(b'\n');
    Ok(OutputLine { part, json })
}

fn answered(status: u16, body: Value) -> Value {
    json!({"status_code": status, "body": body})
}

fn unsent(code: &str, message: &str) -> Value {
    json!({"code": code, "message": message})
}

fn succeeded(outcome: &Outcome<'_>, created_s: u64) -> Result<Value, String> {
    let message = outcome.message.map_or("{}", RawValue::get);
    let reply = ProviderApi::Messages.read_reply(message.as_bytes());
    let mut reply = reply.map_err(|invalid| invalid.0)?;
    reply.created.get_or_insert(created_s);
    let request = floopy_protocols::Request::default();
    let body = CallerApi::Chat.write_reply(&request, &reply);
    serde_json::from_slice(&body).map_err(|e| e.to_string())
}

fn failed(error: &ApiError) -> (u16, Value) {
    let (status, body) = CallerApi::Chat.write_error(error);
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

/// The status that an error would have come with.
struct ErrorStatus(u16);

impl ErrorStatus {
    fn of(error: &str) -> Self {
        let said: Value = serde_json::from_str(error).unwrap_or_default();
        Self(match said["error"]["type"].as_str().unwrap_or_default() {
            "invalid_request_error" => 400,
            "authentication_error" => 401,
            "billing_error" => 402,
            "permission_error" => 403,
            "not_found_error" => 404,
            "request_too_large" => 413,
            "rate_limit_error" => 429,
            "timeout_error" => 504,
            "overloaded_error" => 529,
            _ => 500,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(result: &Value) -> (Part, Value) {
        let json = json!({"custom_id": "a", "result": result}).to_string();
        let line = translate("batch_1", json.as_bytes(), 1_800_000_000).expect("a result");
        assert_eq!(line.json.last(), Some(&b'\n'));
        (line.part, serde_json::from_slice(&line.json).expect("JSON"))
    }

    #[test]
    fn a_message_becomes_a_chat_completion() {
        let (part, line) = line(&json!({"type": "succeeded", "message": {
            "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-4-5",
            "content": [{"type": "text", "text": "Hello"}], "stop_reason": "end_turn", "stop_sequence": null,
            "usage": {"input_tokens": 11, "output_tokens": 7}}}));
        assert_eq!(part, Part::Succeeded);
        let golden = json!({
            "id": line_id("batch_1", "a"), "custom_id": "a", "error": null,
            "response": {"status_code": 200, "request_id": request_id("batch_1", "a").to_string(), "body": {
                "id": "msg_1", "object": "chat.completion", "created": 1_800_000_000u64, "model": "claude-haiku-4-5",
                "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello", "refusal": null},
                    "logprobs": null, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18,
                    "prompt_tokens_details": {"cached_tokens": 0},
                    "completion_tokens_details": {"reasoning_tokens": 0}}}}});
        for field in ["id", "custom_id", "error"] {
            assert_eq!(line[field], golden[field], "{field}");
        }
        let (got, want) = (&line["response"], &golden["response"]);
        assert_eq!(
            (&got["status_code"], &got["request_id"]),
            (&want["status_code"], &want["request_id"])
        );
        for field in ["id", "object", "created", "model"] {
            assert_eq!(got["body"][field], want["body"][field], "{field}");
        }
        assert_eq!(got["body"]["choices"][0]["message"]["content"], "Hello");
        assert_eq!(got["body"]["choices"][0]["finish_reason"], "stop");
        assert_eq!(got["body"]["usage"]["total_tokens"], 18);
    }

    #[test]
    fn what_failed_is_told_in_openais_words() {
        let (part, errored) = line(&json!({"type": "errored", "error": {"type": "error",
            "error": {"type": "invalid_request_error", "message": "max_tokens: too many"}}}));
        assert_eq!(part, Part::Failed);
        assert_eq!(errored["response"]["status_code"], 400);
        assert_eq!(
            errored["response"]["body"]["error"]["message"],
            "max_tokens: too many"
        );
        let (part, expired) = line(&json!({"type": "expired"}));
        assert_eq!((part, &expired["response"]), (Part::Failed, &Value::Null));
        assert_eq!(expired["error"]["code"], "batch_expired");
        let (_, canceled) = line(&json!({"type": "canceled"}));
        assert_eq!(canceled["error"]["code"], "batch_cancelled");
        let other = br#"{"custom_id": "a", "result": {"type": "paused"}}"#;
        assert!(translate("batch_1", other, 0).is_err());
    }
}
