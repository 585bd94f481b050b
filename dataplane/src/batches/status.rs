//! Anthropic's Message Batches as OpenAI's batches.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// A Message Batch (<https://docs.claude.com/en/api/retrieving-message-batches>).
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct MessageBatch {
    processing_status: String,
    request_counts: Counts,
    #[serde(default)]
    ended_at: Option<String>,
    #[serde(default)]
    expires_at: Option<String>,
    #[serde(default)]
    cancel_initiated_at: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct Counts {
    processing: u64,
    succeeded: u64,
    errored: u64,
    canceled: u64,
    expired: u64,
}

/// Statuses after which nothing more happens.
const FINAL: [&str; 4] = ["completed", "failed", "expired", "cancelled"];

/// Whether nothing more happens to a batch as callers are shown it.
pub(crate) fn is_final(object: &Map<String, Value>) -> bool {
    let status = object.get("status").and_then(Value::as_str);
    status.is_some_and(|status| FINAL.contains(&status))
}

fn seconds(moment: Option<&str>) -> Value {
    let read = moment.and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
    read.map_or(Value::Null, |moment| json!(moment.unix_timestamp()))
}

/// What is shown of a batch that was made of this question, before its provider took it.
pub(crate) fn begun(id: &str, question: &Map<String, Value>, created_s: u64) -> Map<String, Value> {
    let asked = |name: &str| question.get(name).cloned().unwrap_or(Value::Null);
    let mut object = Map::new();
    for (name, value) in [
        ("id", json!(id)),
        ("object", json!("batch")),
        ("endpoint", asked("endpoint")),
        ("errors", Value::Null),
        ("input_file_id", asked("input_file_id")),
        ("completion_window", asked("completion_window")),
        ("status", json!("validating")),
        ("output_file_id", Value::Null),
        ("error_file_id", Value::Null),
        ("created_at", json!(created_s)),
        (
            "request_counts",
            json!({"total": 0, "completed": 0, "failed": 0}),
        ),
        ("metadata", asked("metadata")),
    ] {
        object.insert(name.to_owned(), value);
    }
    for name in [
        "in_progress_at",
        "expires_at",
        "finalizing_at",
        "completed_at",
        "failed_at",
        "expired_at",
        "cancelling_at",
        "cancelled_at",
    ] {
        object.insert(name.to_owned(), Value::Null);
    }
    object
}

impl MessageBatch {
    pub(crate) fn read(body: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(body).map_err(|e| e.to_string())
    }

    /// Whether its results can be read.
    pub(crate) fn is_ended(&self) -> bool {
        self.processing_status == "ended"
    }

    /// The status once its results are in files.
    fn last_status(&self) -> &'static str {
        let counts = &self.request_counts;
        if self.cancel_initiated_at.is_some() && counts.canceled > 0 {
            return "cancelled";
        }
        if counts.expired > 0 {
            return "expired";
        }
        "completed"
    }

    /// Brings what is shown up to date. It has ended for callers once `has_files`.
    pub(crate) fn tell(&self, object: &mut Map<String, Value>, has_files: bool) {
        let counts = &self.request_counts;
        let failed = counts.errored + counts.canceled + counts.expired;
        let status = match (self.is_ended(), has_files) {
            (true, true) => self.last_status(),
            (true, false) => "finalizing",
            (false, _) if self.cancel_initiated_at.is_some() => "cancelling",
            (false, _) => "in_progress",
        };
        let mut set = |name: &str, value: Value| {
            object.insert(name.to_owned(), value);
        };
        let total = counts.processing + counts.succeeded + failed;
        set(
            "request_counts",
            json!({"total": total, "completed": counts.succeeded, "failed": failed}),
        );
        set("expires_at", seconds(self.expires_at.as_deref()));
        set(
            "cancelling_at",
            seconds(self.cancel_initiated_at.as_deref()),
        );
        set("status", json!(status));
        if self.is_ended() {
            let ended = seconds(self.ended_at.as_deref());
            set("finalizing_at", ended.clone());
            if has_files {
                set(&format!("{}_at", self.last_status()), ended);
            }
        }
        let begun = object.get("in_progress_at").is_none_or(Value::is_null);
        if begun {
            let created = object.get("created_at").cloned().unwrap_or(Value::Null);
            object.insert("in_progress_at".to_owned(), created);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: &str, counts: [u64; 5], cancelled: bool, has_files: bool) -> (String, Value) {
        let [processing, succeeded, errored, canceled, expired] = counts;
        let batch = json!({"id": "msgbatch_1", "processing_status": status,
            "request_counts": {"processing": processing, "succeeded": succeeded, "errored": errored,
                "canceled": canceled, "expired": expired},
            "ended_at": (status == "ended").then_some("2027-01-15T08:00:00Z"),
            "expires_at": "2027-01-16T08:00:00Z",
            "cancel_initiated_at": cancelled.then_some("2027-01-15T07:00:00Z")});
        let batch = MessageBatch::read(batch.to_string().as_bytes()).expect("a batch");
        let mut object = begun("batch_1", &Map::new(), 1);
        batch.tell(&mut object, has_files);
        let told = object["status"].as_str().expect("a status").to_owned();
        (told, Value::Object(object))
    }

    #[test]
    fn states_and_counts_have_openais_names() {
        let cases = [
            ("in_progress", [2, 0, 0, 0, 0], false, false, "in_progress"),
            ("canceling", [2, 0, 0, 0, 0], true, false, "cancelling"),
            ("ended", [0, 1, 1, 0, 0], false, false, "finalizing"),
            ("ended", [0, 1, 1, 0, 0], false, true, "completed"),
            ("ended", [0, 1, 0, 1, 0], true, true, "cancelled"),
            // Everything was answered before the wish to cancel was heard.
            ("ended", [0, 2, 0, 0, 0], true, true, "completed"),
            ("ended", [0, 1, 0, 0, 1], false, true, "expired"),
        ];
        for (status, counts, cancelled, has_files, expected) in cases {
            let (told, object) = told(status, counts, cancelled, has_files);
            assert_eq!(told, expected);
            assert_eq!(
                object["request_counts"]["total"],
                counts.iter().sum::<u64>()
            );
            assert_eq!(object["request_counts"]["completed"], counts[1]);
        }
        let (_, object) = told("ended", [0, 2, 0, 0, 0], false, true);
        assert_eq!(object["completed_at"], 1_800_000_000);
        assert_eq!(object["expires_at"], 1_800_086_400);
    }
}
