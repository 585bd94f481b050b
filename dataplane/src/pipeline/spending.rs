//! What a call may cost: set aside of its tenant's budgets once it is known who is to serve it.

use floopy_shared::domain::{
    budget::{BudgetBy, Spend, Stopped},
    features::Features,
    ids::{RequestId, SessionId},
    route::expected_cost,
};
use http::{HeaderMap, StatusCode};
use serde_json::json;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    plan::{self, Decided, text_header},
    tags::USER,
};
use crate::{
    admit::Admitted,
    call::Call,
    gateway::Gateway,
    http::respond::{INSUFFICIENT_QUOTA, Refusal},
    implicit,
    record::Record,
};

/// Decides who serves a call, and sets aside what that is expected to cost.
pub(super) fn plan(
    (gateway, admitted): (&Gateway, &Admitted),
    call: Call,
    (asked, at): ((&HeaderMap, Option<&SessionId>), (RequestId, u64)),
    record: &mut Record,
) -> Result<Decided, Refusal> {
    let decided = plan::plan(gateway, admitted, call, asked, at)?;
    if !admitted.tenant.budgets.is_empty() {
        reserve((gateway, admitted), &decided, asked.0, record)?;
    }
    Ok(decided)
}

fn reserve(
    (gateway, admitted): (&Gateway, &Admitted),
    decided: &Decided,
    headers: &HeaderMap,
    record: &mut Record,
) -> Result<(), Refusal> {
    let tenant = &*admitted.tenant;
    let user = text_header(headers, &USER)?.or(decided.call.user());
    let features = decided.call.features();
    let first = decided.plan.choice.order.first();
    let estimate = Spend {
        // Nobody knows what one without a price takes; its tokens are known.
        micro_usd: first
            .and_then(|model| expected_cost(model, features))
            .unwrap_or(0),
        tokens: expected_tokens(features),
        calls: 1,
    };
    let of = (tenant, record.decision());
    match gateway.budgets.reserve(of, user, estimate) {
        Ok(Some(reserved)) => record.reserve(reserved),
        Ok(None) => {}
        Err(stopped) => {
            gateway.metrics.limited();
            let refusal = refusal(&stopped);
            if ends_session(&stopped) {
                let now_ms = record.decision().created_at_ms;
                let cut_off = gateway
                    .conversations
                    .cut_off(decided.plan.conversation, now_ms);
                if let Some(last) = cut_off {
                    record.tells(implicit::capped(last));
                }
            }
            record.stopped(stopped);
            return Err(refusal);
        }
    }
    Ok(())
}

/// Whether a session is over because it used up what it may, and not because this call alone is too much for it.
fn ends_session(stopped: &Stopped) -> bool {
    stopped.account.by == BudgetBy::Session && stopped.is_used_up()
}

fn expected_tokens(features: &Features) -> u64 {
    let output = if features.embeddings {
        0
    } else {
        features.expected_output_tokens()
    };
    features.input_tokens_estimate.saturating_add(output)
}

/// What a caller is told whose budget has no room.
fn refusal(stopped: &Stopped) -> Refusal {
    let account = &stopped.account;
    let (code, param) = match account.by {
        BudgetBy::Session => ("session_budget_exceeded", Some("floopy-session-id")),
        BudgetBy::User => ("budget_exceeded", Some("floopy-user-id")),
        BudgetBy::Project => ("budget_exceeded", Some("floopy-project-id")),
        BudgetBy::Tenant | BudgetBy::Key => ("budget_exceeded", None),
    };
    // Calls that are under way may leave room in a moment; anything else is not worth waiting for.
    let is_passing = stopped.is_passing();
    let opens_ms = stopped.opens_ms.filter(|_| !is_passing);
    let opens_at = opens_ms.and_then(moment);
    let message = message(stopped, opens_at.as_deref());
    let budget = json!({
        "name": stopped.name,
        "by": account.by.as_str(),
        "subject": Some(&account.subject).filter(|subject| !subject.is_empty()),
        "limit": stopped.limit.as_str(),
        "unit": stopped.limit.unit(),
        "max": stopped.max,
        "used": stopped.used,
        "reserved": stopped.held,
        "needed": stopped.needs,
        "opens_at": opens_at,
    });
    let refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, code, message).about(param);
    Refusal {
        kind: if is_passing {
            refusal.kind
        } else {
            INSUFFICIENT_QUOTA
        },
        retry_after: is_passing.then_some(1),
        detail: Some(Box::new(("budget", budget))),
        ..refusal
    }
}

fn message(stopped: &Stopped, opens_at: Option<&str>) -> String {
    let (name, limit, by) = (&stopped.name, stopped.limit, stopped.account.by);
    let (max, used) = (limit.say(stopped.max), limit.say(stopped.used));
    let (whose, key) = (by.as_str(), limit.as_str());
    let spent =
        format!("the budget {name:?} gives this {whose} {max} ({key}), of which {used} are used");
    if stopped.is_passing() {
        let held = limit.say(stopped.held);
        return format!(
            "{spent} and {held} set aside for calls under way; ask again when they are over"
        );
    }
    let needs = if stopped.used < stopped.max {
        let needs = limit.say(stopped.needs);
        format!("; this call is expected to take {needs}")
    } else {
        String::new()
    };
    match (opens_at, by) {
        (Some(at), _) => format!("{spent}{needs}; there is room again at {at}"),
        (None, _) if !stopped.is_used_up() => format!("{spent}{needs}, which it never has"),
        (None, BudgetBy::Session) => format!("{spent}{needs}; this session is over"),
        (None, BudgetBy::Tenant | BudgetBy::Project | BudgetBy::Key | BudgetBy::User) => {
            format!("{spent}{needs}")
        }
    }
}

fn moment(ms: u64) -> Option<String> {
    let seconds = i64::try_from(ms.div_ceil(1_000)).ok()?;
    let at = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
    at.format(&Rfc3339).ok()
}
