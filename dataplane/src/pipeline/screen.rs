//! Whether a call may go on: what the firewall says of it, and what its caller is told.

use floopy_shared::domain::firewall::{Finding, Place, Screening, Skip, thousandths};
use http::{HeaderMap, HeaderName, StatusCode};
use serde_json::{Value, json};

use super::plan::text_header;
use crate::{
    admit::Admitted, call::Call, gateway::Gateway, http::respond::Refusal, record::Record,
};

/// Asks for the firewall where the tenant has it off, or only logs. It cannot be switched off by it.
static ASKED: HeaderName = HeaderName::from_static("floopy-llm-security-enabled");

/// Has a call looked at, if its tenant or itself wants that; `None`: nobody does.
pub(crate) async fn look(
    (gateway, admitted): (&Gateway, &Admitted),
    call: &Call,
    headers: &HeaderMap,
) -> Result<Option<Screening>, Refusal> {
    let asked = is_asked(headers)?;
    if !asked && admitted.tenant.firewall.is_default() {
        return Ok(None);
    }
    // Boxed: calls that nobody looks at have no room for it.
    let looked = gateway.firewall.screen(&admitted.tenant, call, asked);
    Ok(Box::pin(looked).await)
}

/// The same, written down; stops a call that may not go on.
pub(super) async fn screen(
    by: (&Gateway, &Admitted),
    call: &Call,
    headers: &HeaderMap,
    record: &mut Record,
) -> Result<(), Refusal> {
    let Some(screening) = look(by, call, headers).await? else {
        return Ok(());
    };
    let refusal = refusal(&screening);
    record.screened(screening);
    refusal.map_or(Ok(()), Err)
}

fn is_asked(headers: &HeaderMap) -> Result<bool, Refusal> {
    match text_header(headers, &ASKED)? {
        None => Ok(false),
        Some(value) if value.eq_ignore_ascii_case("true") => Ok(true),
        Some(value) if value.eq_ignore_ascii_case("false") => Ok(false),
        Some(value) => {
            let message = format!("{ASKED} is {value:?}, it must be true or false");
            let refusal = Refusal::new(StatusCode::BAD_REQUEST, "invalid_request", message);
            Err(refusal.about(Some(ASKED.as_str())))
        }
    }
}

/// What a caller is told whose call may not go on.
pub(crate) fn refusal(screening: &Screening) -> Option<Refusal> {
    match screening {
        Screening::Scored { finding, .. } if screening.is_blocked() => Some(blocked(finding)),
        Screening::Skipped { why, refused: true } => Some(unscored(*why)),
        Screening::Scored { .. } | Screening::Skipped { .. } => None,
    }
}

fn blocked(finding: &Finding) -> Refusal {
    let place = finding.place.as_ref();
    let (score, threshold) = (thousandths(finding.score), thousandths(finding.threshold));
    let shown = place.map_or_else(
        || "the call".to_owned(),
        |place| {
            let Place { at, start, end, .. } = place;
            format!("{at}, characters {start} to {end},")
        },
    );
    let message = format!(
        "the firewall took this call for an attack: {shown} scores {score}, and {threshold} is the threshold; no model \
         was called"
    );
    let refusal = Refusal::new(StatusCode::BAD_REQUEST, "firewall_blocked", message);
    Refusal {
        detail: Some(Box::new(("firewall", describe(finding)))),
        ..refusal.about(place.map(|place| place.at.as_str()))
    }
}

fn describe(finding: &Finding) -> Value {
    let place = finding.place.as_ref();
    json!({
        "score": thousandths(finding.score),
        "threshold": thousandths(finding.threshold),
        "message_index": place.and_then(|place| index(&place.at)),
        "role": place.map(|place| place.role.as_str()),
        "at": place.map(|place| &place.at),
        "span": place.map(|place| json!({"start": place.start, "end": place.end})),
        "partial": finding.partial,
    })
}

/// Of `messages[3].content`: 3.
fn index(at: &str) -> Option<usize> {
    let list = ["messages[", "input["].into_iter();
    let rest = list.filter_map(|list| at.strip_prefix(list)).next()?;
    rest.split(']').next()?.parse().ok()
}

fn unscored(why: Skip) -> Refusal {
    let message = format!(
        "the firewall could not look at this call ({why}), and its tenant wants such calls refused; ask again in a moment"
    );
    Refusal::unavailable("firewall_unavailable", message, 1)
}

#[cfg(test)]
mod tests {
    use floopy_shared::domain::firewall::{Role, Verdict};

    use super::*;

    fn scored(verdict: Verdict, at: &str) -> Screening {
        let place = Place {
            at: at.to_owned(),
            role: Role::Tool,
            start: 3,
            end: 9,
        };
        let finding = Finding {
            score: 981,
            threshold: 500,
            place: Some(place),
            partial: true,
        };
        Screening::Scored { verdict, finding }
    }

    #[test]
    fn a_blocked_call_is_told_where_and_how_much() {
        let blocked = scored(Verdict::Blocked, "messages[12].content[0].text");
        let refusal = refusal(&blocked).expect("is refused");
        assert_eq!(refusal.status, StatusCode::BAD_REQUEST);
        assert_eq!(
            refusal.param.as_deref(),
            Some("messages[12].content[0].text")
        );
        let expected = json!({
            "score": 0.981, "threshold": 0.5, "message_index": 12, "role": "tool", "partial": true,
            "at": "messages[12].content[0].text", "span": {"start": 3, "end": 9},
        });
        assert_eq!(refusal.detail.as_deref(), Some(&("firewall", expected)));
        assert!(
            refusal.message.contains("characters 3 to 9, scores 0.981"),
            "{}",
            refusal.message
        );
        assert_eq!(
            (index("system"), index("input"), index("input[2].output")),
            (None, None, Some(2))
        );
    }

    #[test]
    fn what_is_let_through_is_told_nothing_and_what_is_unknown_to_come_again() {
        for verdict in [Verdict::Passed, Verdict::Flagged] {
            assert_eq!(refusal(&scored(verdict, "input")), None);
        }
        let skipped = |refused| {
            refusal(&Screening::Skipped {
                why: Skip::Late,
                refused,
            })
        };
        assert_eq!(skipped(false), None);
        let refused = skipped(true).expect("is refused");
        assert_eq!(
            (refused.code, refused.retry_after),
            ("firewall_unavailable", Some(1))
        );
    }
}
