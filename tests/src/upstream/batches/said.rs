//! What is asked of batches line by line, and what is said of each.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{FAILING_MODEL, Job};

pub(super) fn check_request(request: &Value) -> Result<(), String> {
    let known = [
        "model",
        "max_tokens",
        "messages",
        "system",
        "temperature",
        "stop_sequences",
    ];
    let params = request["params"].as_object().ok_or("no params")?;
    if let Some(odd) = params.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(format!("unknown field params.{odd}"));
    }
    for needed in ["model", "max_tokens", "messages"] {
        if !params.contains_key(needed) {
            return Err(format!("params.{needed} is missing"));
        }
    }
    let name = request["custom_id"].as_str().unwrap_or_default();
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let is_name = (1..=64).contains(&name.len()) && name.chars().all(allowed);
    is_name
        .then_some(())
        .ok_or_else(|| format!("custom_id is {name:?}"))
}

pub(super) fn message_result(request: &Value) -> Value {
    if fails(&request["params"]) {
        return json!({"type": "errored", "error": {"type": "error",
            "error": {"type": "not_found_error", "message": "no such model"}}});
    }
    json!({"type": "succeeded", "message": {"id": "msg_1", "type": "message", "role": "assistant",
        "model": request["params"]["model"], "stop_reason": "end_turn", "stop_sequence": null,
        "content": [{"type": "text", "text": format!("answer to {}", request["custom_id"])}],
        "usage": {"input_tokens": 11, "output_tokens": 7}}})
}

pub(super) fn message_batch(id: &str, job: &Job, requests: &[Value]) -> Value {
    let all = requests.len();
    let errored = requests
        .iter()
        .filter(|request| fails(&request["params"]))
        .count();
    let [processing, succeeded, errored, canceled] = match (job.is_done, job.is_cancelled) {
        (true, false) => [0, all - errored, errored, 0],
        (true, true) => [0, 0, 0, all],
        (false, _) => [all, 0, 0, 0],
    };
    let status = match (job.is_done, job.is_cancelled) {
        (true, _) => "ended",
        (false, true) => "canceling",
        (false, false) => "in_progress",
    };
    json!({"id": id, "type": "message_batch", "processing_status": status,
        "request_counts": {"processing": processing, "succeeded": succeeded, "errored": errored,
            "canceled": canceled, "expired": 0},
        "ended_at": job.is_done.then_some("2026-11-22T08:00:00Z"), "created_at": "2026-11-22T07:00:00Z",
        "expires_at": "2026-11-23T07:00:00Z", "archived_at": null, "results_url": null,
        "cancel_initiated_at": job.is_cancelled.then_some("2026-11-22T07:30:00Z")})
}

/// Head and content of each part.
pub(super) fn parts_of(body: &Bytes, boundary: &str) -> Result<Vec<(String, Bytes)>, String> {
    let mark = format!("--{boundary}");
    let find = |from: usize, what: &[u8]| {
        let rest = body.get(from..)?;
        rest.windows(what.len())
            .position(|window| window == what)
            .map(|at| from + at)
    };
    let mut parts = Vec::new();
    let mut at = find(0, mark.as_bytes()).ok_or("no first boundary")? + mark.len();
    while body.get(at..at + 2) == Some(b"\r\n") {
        let head_end = find(at, b"\r\n\r\n").ok_or("a part without a head")?;
        let next = format!("\r\n{mark}");
        let end = find(head_end, next.as_bytes()).ok_or("a part without an end")?;
        let head = String::from_utf8_lossy(&body[at..head_end]).into_owned();
        parts.push((head, body.slice(head_end + 4..end)));
        at = end + next.len();
    }
    let is_closed = body.get(at..) == Some(b"--\r\n");
    is_closed
        .then_some(parts)
        .ok_or_else(|| "no last boundary".to_owned())
}

pub(super) fn fails(body: &Value) -> bool {
    body["model"] == FAILING_MODEL
}

pub(super) fn output_line(line: &Value) -> Value {
    let body = if fails(&line["body"]) {
        json!({"error": {"message": "no such model", "type": "invalid_request_error", "param": null, "code": null}})
    } else {
        json!({"id": format!("chatcmpl-{}", line["custom_id"].as_str().unwrap_or_default()),
            "object": "chat.completion", "created": 1_800_000_000, "model": line["body"]["model"],
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant",
                "content": format!("answer to {}", line["custom_id"]), "refusal": null}}],
            "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}})
    };
    let status = if fails(&line["body"]) { 400 } else { 200 };
    json!({"id": "batch_req_1", "custom_id": line["custom_id"], "error": null,
        "response": {"status_code": status, "request_id": "req_1", "body": body}})
}
