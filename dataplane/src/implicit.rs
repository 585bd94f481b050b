//! What callers do that says something of a reply: told once, of the reply that it is about, from what is in memory only.
//!
//! Of tenants with zero retention nothing is compared. A follow-up that another proxy serves, or one in a conversation
//! that is not sent along, is not seen.

use floopy_semantic::verify::{Reading, verify};
use floopy_shared::domain::{
    decision::{Decision, Ending},
    ids::CandidateKey,
    implicit::{Earlier, Implicit, ImplicitKind},
    snapshot::Tenant,
};

use crate::{
    call::Call,
    conversations::{Said, Served},
    upstream::Facts,
};

/// A call that comes again within this time is taken for another try.
const RETRY_MS: u64 = 60 * 1_000;
/// Shorter questions, such as "go on" or "next", are asked again for other reasons.
const LEAST_WORDS: usize = 4;

/// What is remembered of a call of a session; without one it may as well be somebody else who asks next. Nothing of a
/// tenant that keeps nothing.
pub(crate) fn said(call: &Call, decision: &Decision, tenant: &Tenant) -> Option<Said> {
    let question = call.questions().last;
    let is_kept = decision.session_id.is_some() && !tenant.zero_retention;
    (is_kept && question != 0).then(|| Said {
        request_id: decision.request_id,
        shapes: decision.shapes.clone(),
        created_at_ms: decision.created_at_ms,
        question,
        messages: call.features().messages,
        body_bytes: call.body_bytes(),
    })
}

/// What a call says of the one that was served before it in the same conversation.
pub(crate) fn follow_up(call: &Call, decision: &Decision, before: Served) -> Option<Implicit> {
    let Served {
        by,
        at_ms,
        call: earlier,
    } = before;
    let earlier = earlier?;
    let kind = if is_retry(call, decision, (&earlier, at_ms)) {
        ImplicitKind::Retried
    } else if call.questions().before == earlier.question && asks_again(call) {
        ImplicitKind::AskedAgain
    } else {
        return None;
    };
    Some(told(kind, by, earlier))
}

/// What the end of a session by its budget says of the reply before, which brought its agent no nearer to an end.
pub(crate) fn capped((by, earlier): (CandidateKey, Said)) -> Implicit {
    told(ImplicitKind::Capped, by, earlier)
}

fn told(kind: ImplicitKind, by: CandidateKey, earlier: Said) -> Implicit {
    Implicit {
        kind,
        about: Some(Earlier {
            request_id: earlier.request_id,
            candidate: by,
            shapes: earlier.shapes,
            created_at_ms: earlier.created_at_ms,
        }),
    }
}

/// The same once more, after the reply began.
fn is_retry(call: &Call, decision: &Decision, (earlier, at_ms): (&Said, u64)) -> bool {
    let came = decision.created_at_ms;
    call.questions().last == earlier.question
        && call.features().messages == earlier.messages
        && call.body_bytes() == earlier.body_bytes
        && came >= at_ms
        && came - at_ms <= RETRY_MS
}

fn asks_again(call: &Call) -> bool {
    call.asked()
        .is_some_and(|(last, before)| is_same(&last, &before))
}

/// Whether two questions are the same, in whatever words.
fn is_same(one: &str, other: &str) -> bool {
    let words = |text: &str| text.split_whitespace().count();
    if words(one) < LEAST_WORDS || words(other) < LEAST_WORDS {
        return false;
    }
    if one.trim().eq_ignore_ascii_case(other.trim()) {
        return true;
    }
    match (Reading::of(one), Reading::of(other)) {
        (Some(one), Some(other)) => verify(&one, &other).is_ok(),
        (None, _) | (_, None) => false,
    }
}

/// What the end of a reply says of it; `streamed`: its beginning went out before its end was there.
pub(crate) fn of_reply(ending: Ending, streamed: bool, facts: Option<&Facts>) -> Option<Implicit> {
    let kind = match ending {
        Ending::ClientDisconnected => streamed.then_some(ImplicitKind::Left),
        Ending::Completed => facts
            .is_some_and(Facts::has_invalid_tool_call)
            .then_some(ImplicitKind::InvalidToolCall),
        Ending::Error | Ending::BrokenStream | Ending::Interrupted => None,
    };
    kind.map(|kind| Implicit { kind, about: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_the_same_in_other_words_but_not_with_another_number_or_if_short() {
        let cases = [
            (
                "What is the capital of Chile?",
                "what is the capital of chile?",
                true,
            ),
            (
                "How do I reset my password?",
                "how can I reset the password",
                true,
            ),
            (
                "What is the capital of Chile?",
                "What is the capital of Peru?",
                false,
            ),
            (
                "Convert 10 miles to km please",
                "Convert 20 miles to km please",
                false,
            ),
            ("go on", "go on", false),
            ("Is it safe to eat?", "Is it not safe to eat?", false),
        ];
        for (one, other, expected) in cases {
            assert_eq!(is_same(one, other), expected, "{one} / {other}");
            assert_eq!(is_same(other, one), expected, "{other} / {one}");
        }
    }
}
