//! What an answer of the proxy means for a row and its run.

use floopy_shared::domain::sensitive;
use http::StatusCode;
use rand::Rng;
use serde_json::{Value, json};

use crate::{
    evaluations::{NoReply, Reply, WrittenRow},
    store::evaluations::items::{Answer, Item},
};

/// Attempts at a row before its last error is its result.
const MAX_ATTEMPTS: u32 = 5;
const FIRST_DELAY_MS: u64 = 500;
const LONGEST_DELAY_MS: u64 = 30_000;
/// Proxies learn of a key within a second or two.
const REFUSED_DELAY_MS: u64 = 200;
const UNREACHED_DELAY_MS: u64 = 1_000;
/// Whoever switches a tenant off does so for minutes at least.
const OFF_DELAY_MS: u64 = 2_000;
/// A server that asks for more patience than this is asked earlier.
const LONGEST_RETRY_AFTER_S: u64 = 300;
/// Characters of an error that are kept.
const MAX_ERROR_CHARS: usize = 1_000;

/// Why a run whose key stays unknown fails, and one whose proxy stays away.
pub(super) const REFUSED: (&str, &str) = (
    "key_refused",
    "the proxy refuses the key that this evaluation asks with",
);
/// Why a run fails whose tenant stays switched off.
pub(super) const OFF: (&str, &str) = (
    "tenant_disabled",
    "the tenant was switched off while this evaluation ran",
);
pub(super) const UNREACHED: (&str, &str) = ("proxy_unreachable", "the proxy cannot be reached");

/// Why something is to be asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// It was asked in vain.
    Failed,
    /// The tenant's own limits: the run is to be slower.
    Limited,
    /// The key is not known.
    Refused,
    /// The tenant is switched off.
    Off,
    Unreached,
}

/// What is to be done.
#[derive(Debug, PartialEq)]
pub(super) enum Verdict {
    Answered(Answer),
    Again {
        after_ms: u64,
        cause: Cause,
    },
    /// The run cannot go on.
    Fails {
        reason: String,
        message: String,
    },
}

/// Says what an answer means.
pub(super) fn verdict(
    (item, row): (&Item, Option<&WrittenRow>),
    reply: &Result<Reply, NoReply>,
    latency_ms: u64,
) -> Verdict {
    let Some(row) = row else {
        let error = json!({"code": "row_gone", "message": "the row cannot be read any more"});
        return Verdict::Answered(failed(None, (None, &error), latency_ms));
    };
    let reply = match reply {
        Ok(reply) => reply,
        Err(NoReply::Unreached) => return again(UNREACHED_DELAY_MS, Cause::Unreached),
        Err(NoReply::Broken(_)) if item.attempts < MAX_ATTEMPTS => {
            return again(delay_ms(item.attempts), Cause::Failed);
        }
        Err(NoReply::Broken(why)) => {
            let error = json!({"code": "no_reply", "message": why});
            return Verdict::Answered(failed(Some(row), (None, &error), latency_ms));
        }
    };
    if reply.status.is_success() {
        return Verdict::Answered(answered(row, reply, latency_ms));
    }
    let error = error_of(reply);
    let code = error["code"].as_str().unwrap_or_default();
    let retry_after_ms = reply.retry_after_s.unwrap_or(0).min(LONGEST_RETRY_AFTER_S) * 1_000;
    // What a provider says of its own keys and limits is no word of the proxy's.
    let by_proxy = (!reply.is_let_in).then_some(reply.status);
    match (by_proxy, code) {
        (Some(StatusCode::FORBIDDEN), "tenant_disabled") => {
            return again(OFF_DELAY_MS, Cause::Off);
        }
        (Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN), _) => {
            return again(REFUSED_DELAY_MS, Cause::Refused);
        }
        (Some(StatusCode::TOO_MANY_REQUESTS), _) if reply.is_final => {
            let message = error["message"].as_str().unwrap_or_default().to_owned();
            let reason = code.to_owned();
            return Verdict::Fails { reason, message };
        }
        (Some(StatusCode::TOO_MANY_REQUESTS), "rate_limited") => {
            return again(retry_after_ms.max(FIRST_DELAY_MS), Cause::Limited);
        }
        (_, _) => {}
    }
    if is_passing(reply.status, code) && item.attempts < MAX_ATTEMPTS {
        return again(delay_ms(item.attempts).max(retry_after_ms), Cause::Failed);
    }
    Verdict::Answered(failed(Some(row), (Some(reply), &error), latency_ms))
}

fn again(after_ms: u64, cause: Cause) -> Verdict {
    Verdict::Again { after_ms, cause }
}

/// What may well be different a little later. A prompt that was made just now is not at every proxy yet.
fn is_passing(status: StatusCode, code: &str) -> bool {
    status.is_server_error()
        || matches!(status.as_u16(), 408 | 425 | 429)
        || code == "prompt_not_found"
}

/// Half of it is jitter, so that rows that failed together are not asked together.
fn delay_ms(attempts: u32) -> u64 {
    let doubled = FIRST_DELAY_MS.saturating_mul(1 << attempts.saturating_sub(1).min(20));
    let bound = doubled.min(LONGEST_DELAY_MS);
    rand::rng().random_range(bound / 2..=bound)
}

fn answered(row: &WrittenRow, reply: &Reply, latency_ms: u64) -> Answer {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let choice = &body["choices"][0];
    let message = &choice["message"];
    let text = text_of(&message["content"]);
    let calls = &message["tool_calls"];
    // What calls tools says so, and has nothing that a judge could read.
    let has_text = !text.is_empty();
    let output = match calls.as_array() {
        Some(calls) if !has_text && !calls.is_empty() => json!({"tool_calls": calls}).to_string(),
        Some(_) | None => text,
    };
    let mut about = about(row);
    about["finish_reason"] = choice["finish_reason"].clone();
    if let Some(expected) = row.expected.as_ref().and_then(Value::as_str) {
        about["matches_expected"] = json!(output.trim() == expected.trim());
    }
    Answer {
        request: reply.request,
        output,
        about: about.to_string(),
        error: None,
        unscored: (!has_text).then_some("no_text"),
        latency_ms,
    }
}

fn failed(
    row: Option<&WrittenRow>,
    (reply, error): (Option<&Reply>, &Value),
    latency_ms: u64,
) -> Answer {
    Answer {
        request: reply.and_then(|reply| reply.request),
        output: String::new(),
        about: row.map_or_else(|| json!({}), about).to_string(),
        error: Some(error.to_string()),
        unscored: Some("failed"),
        latency_ms,
    }
}

/// What of a row is told with its result.
fn about(row: &WrittenRow) -> Value {
    let mut about = json!({});
    if let Some(expected) = &row.expected {
        about["expected"] = expected.clone();
    }
    if let Some(metadata) = &row.metadata {
        about["row_metadata"] = json!(metadata);
    }
    about
}

/// A string, or the texts of a list of parts.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts
            .iter()
            .filter_map(|part| part["text"].as_str())
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
    }
}

/// An error as every provider and the proxy have it; otherwise its status alone.
fn error_of(reply: &Reply) -> Value {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let error = &body["error"];
    // Providers quote what they were sent, keys too.
    let cut = |text: &str| -> String {
        sensitive::scrub(text)
            .chars()
            .take(MAX_ERROR_CHARS)
            .collect()
    };
    let message = error["message"].as_str().map(cut);
    json!({
        "status": reply.status.as_u16(),
        "code": error["code"].as_str().map(cut),
        "param": error["param"].as_str().map(cut),
        "message": message.unwrap_or_else(|| format!("the answer was {}", reply.status)),
    })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn item(attempts: u32) -> Item {
        Item {
            seq: 1,
            run: Uuid::nil(),
            input_id: "i".into(),
            row: None,
            attempts,
        }
    }

    fn reply(status: u16, body: &Value) -> Reply {
        Reply {
            status: StatusCode::from_u16(status).expect("valid"),
            request: None,
            retry_after_s: Some(7),
            is_let_in: true,
            is_final: false,
            body: body.to_string().into(),
        }
    }

    fn of(attempts: u32, reply: Reply) -> Verdict {
        let row: WrittenRow =
            serde_json::from_str(r#"{"input": "a", "expected": " four "}"#).expect("valid");
        verdict((&item(attempts), Some(&row)), &Ok(reply), 5)
    }

    #[test]
    fn errors_that_pass_are_asked_again_a_bounded_number_of_times_and_others_are_results() {
        let error = |code: &str| json!({"error": {"code": code, "message": "m"}});
        let cause = |verdict: Verdict| match verdict {
            Verdict::Again { cause, after_ms } => Ok((cause, after_ms >= 7_000)),
            Verdict::Answered(answer) => Err(answer.error.is_some()),
            Verdict::Fails { .. } => Err(false),
        };
        for (attempts, status, code, expected) in [
            (1, 503, "x", Ok((Cause::Failed, true))),
            (MAX_ATTEMPTS - 1, 429, "x", Ok((Cause::Failed, true))),
            (MAX_ATTEMPTS, 429, "x", Err(true)),
            (99, 401, "invalid_api_key", Err(true)),
            (1, 400, "x", Err(true)),
            (1, 404, "prompt_not_found", Ok((Cause::Failed, true))),
        ] {
            let found = cause(of(attempts, reply(status, &error(code))));
            assert_eq!(found, expected, "{attempts} {status} {code}");
        }
        let of_proxy = |status, code| Reply {
            is_let_in: false,
            ..reply(status, &error(code))
        };
        let limited = cause(of(99, of_proxy(429, "rate_limited")));
        assert_eq!(limited, Ok((Cause::Limited, true)));
        let refused = cause(of(99, of_proxy(401, "invalid_api_key")));
        assert_eq!(refused, Ok((Cause::Refused, false)));
        let off = cause(of(99, of_proxy(403, "tenant_disabled")));
        assert_eq!(off, Ok((Cause::Off, false)));
        let ends = Reply {
            is_let_in: false,
            is_final: true,
            ..reply(429, &error("cost_limit_reached"))
        };
        let fails =
            matches!(of(1, ends), Verdict::Fails { reason, .. } if reason == "cost_limit_reached");
        assert!(fails);
    }

    #[test]
    fn an_answer_is_its_text_or_the_tools_that_it_calls() {
        let body =
            |message: Value| json!({"choices": [{"message": message, "finish_reason": "stop"}]});
        let of = |message: Value| {
            let Verdict::Answered(answer) = of(1, reply(200, &body(message))) else {
                panic!("no answer");
            };
            answer
        };
        let plain = of(json!({"content": "four\n"}));
        assert_eq!((plain.output.as_str(), plain.unscored), ("four\n", None));
        let about: Value = serde_json::from_str(&plain.about).expect("JSON");
        assert_eq!(about["matches_expected"], true);
        let calls = of(json!({"content": null, "tool_calls": [{"id": "t"}]}));
        assert!(calls.output.contains("tool_calls") && calls.unscored == Some("no_text"));
    }
}
