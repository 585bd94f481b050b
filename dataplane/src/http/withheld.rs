//! What a caller is told whose reply may not be read: instead of it, or as the last event of its stream.

use bytes::Bytes;
use floopy_protocols::CallerApi;
use floopy_shared::domain::firewall::output::{Leak, Spot, Watched};
use http::StatusCode;
use serde_json::{Value, json};

use super::respond::Refusal;

const CODE: &str = "output_blocked";

/// Instead of a reply; `None`: it may be read.
pub(crate) fn refusal(watched: &Watched) -> Option<Refusal> {
    let spot = watched.spot.filter(|_| watched.is_blocked())?;
    let detail = Box::new(("firewall", describe(watched, spot)));
    Some(Refusal {
        detail: Some(detail),
        ..Refusal::new(StatusCode::BAD_REQUEST, CODE, message(spot))
    })
}

/// The last event of a stream, of which so many passed.
pub(super) fn event(api: CallerApi, watched: &Watched, passed: u64) -> Bytes {
    let Some(refusal) = refusal(watched) else {
        return Bytes::new();
    };
    let (kind, message) = (refusal.kind, refusal.message);
    let firewall = refusal.detail.map(|detail| detail.1);
    let (name, data) = match api {
        CallerApi::Chat => (
            None,
            json!({"error": {
                "message": message, "type": kind, "param": null, "code": CODE, "firewall": firewall,
            }}),
        ),
        CallerApi::Messages => (
            Some("error"),
            json!({"type": "error", "error": {"type": kind, "message": message}}),
        ),
        CallerApi::Responses => (
            Some("error"),
            json!({
                "type": "error", "code": CODE, "message": message, "param": null, "sequence_number": passed,
            }),
        ),
    };
    let name = name.map_or_else(String::new, |name| format!("event: {name}\n"));
    format!("{name}data: {data}\n\n").into()
}

/// Nothing of what was found.
fn message(spot: Spot) -> String {
    let Spot {
        leaked,
        choice,
        start,
    } = spot;
    let what = match leaked.leak() {
        Leak::SystemPrompt => "a part of its system prompt".to_owned(),
        Leak::Secrets => format!("a secret ({})", leaked.as_str()),
        Leak::PersonalData => format!("personal data ({})", leaked.as_str()),
    };
    format!(
        "the firewall keeps this reply back: choice {choice} has {what} from character {start} on; the model was called, and \
         what it wrote is paid for"
    )
}

fn describe(watched: &Watched, spot: Spot) -> Value {
    json!({
        "kind": spot.leaked.leak().as_str(),
        "found": spot.leaked.as_str(),
        "choice": spot.choice,
        "start": spot.start,
        "partial": watched.partial,
    })
}

#[cfg(test)]
mod tests {
    use floopy_shared::domain::{
        firewall::{Verdict, output::Leaked},
        sensitive::Kind,
    };

    use super::*;

    fn watched(verdict: Verdict) -> Watched {
        let spot = Spot {
            leaked: Leaked::Sensitive(Kind::ApiKey),
            choice: 1,
            start: 12,
        };
        Watched {
            verdict,
            spot: Some(spot),
            partial: false,
        }
    }

    #[test]
    fn a_reply_that_is_kept_back_is_told_by_kind_and_place() {
        let refusal = refusal(&watched(Verdict::Blocked)).expect("is refused");
        assert_eq!(
            (refusal.status, refusal.code),
            (StatusCode::BAD_REQUEST, "output_blocked")
        );
        let expected = json!({"kind": "secrets", "found": "api_key", "choice": 1, "start": 12, "partial": false});
        assert_eq!(refusal.detail.as_deref(), Some(&("firewall", expected)));
        assert!(
            refusal
                .message
                .contains("choice 1 has a secret (api_key) from character 12"),
            "{}",
            refusal.message
        );
        assert_eq!(super::refusal(&watched(Verdict::Flagged)), None);
    }

    #[test]
    fn every_api_has_its_event() {
        let read = |api| {
            let event = event(api, &watched(Verdict::Blocked), 7);
            let text = String::from_utf8(event.to_vec()).expect("UTF-8");
            let (name, data) = text.split_once("data: ").expect("has data");
            let data: Value = serde_json::from_str(data).expect("JSON");
            (name.to_owned(), data)
        };
        let (name, chat) = read(CallerApi::Chat);
        let error = &chat["error"];
        assert_eq!(name, "");
        assert_eq!(
            (&error["code"], &error["firewall"]["start"]),
            (&json!(CODE), &json!(12))
        );
        let (name, messages) = read(CallerApi::Messages);
        assert_eq!(
            (name.as_str(), &messages["type"]),
            ("event: error\n", &json!("error"))
        );
        assert_eq!(messages["error"]["type"], "invalid_request_error");
        let (name, responses) = read(CallerApi::Responses);
        assert_eq!(
            (name.as_str(), &responses["code"]),
            ("event: error\n", &json!(CODE))
        );
        assert_eq!(responses["sequence_number"], 7);
    }
}
