//! `/v1/firewall` in the document.

#![expect(dead_code, reason = "shapes of answers, which the document reads")]

use utoipa::ToSchema;

use super::super::{Routes, operation::Operation};
use crate::rest::firewall;

/// What is set; what is missing is as where nobody sets anything.
#[derive(ToSchema)]
struct FirewallInput {
    /// `off`; `log`, which records calls that look like attacks; or `block`, which refuses them.
    #[schema(nullable = false, example = "log", pattern = "^(off|log|block)$")]
    mode: Option<String>,
    /// The score from which on a call counts as an attack; missing: the model's own.
    #[schema(minimum = 0.01, maximum = 1.0)]
    threshold: Option<f64>,
    /// What becomes of calls that cannot be scored in time.
    #[schema(nullable = false, example = "allow", pattern = "^(allow|refuse)$")]
    on_failure: Option<String>,
    /// Whose messages are looked at, of `system`, `user`, `assistant` and `tool`; missing: all but the assistant's.
    #[schema(nullable = false)]
    roles: Option<Vec<FirewallRole>>,
    /// Phrases that do not count, letter by letter.
    #[schema(nullable = false, max_items = 100)]
    allow_list: Option<Vec<FirewallPhrase>>,
    /// Whether personal data and secrets are taken out of what is kept of conversations, and of what judges read;
    /// missing: `on`.
    #[schema(nullable = false, example = "on", pattern = "^(on|off)$")]
    scrub: Option<String>,
    /// What is done about replies that give something away; missing: nothing.
    #[schema(nullable = false)]
    output: Option<FirewallOutputInput>,
    /// Whether providers are sent what users and tools say without personal data and secrets; missing: `off`.
    #[schema(nullable = false, example = "off", pattern = "^(on|off)$")]
    redact: Option<String>,
}

/// What is done about replies that give something away.
#[derive(ToSchema)]
struct FirewallOutputInput {
    /// `off`; `log`, which records them; or `block`, which keeps what was found from callers.
    #[schema(nullable = false, example = "log", pattern = "^(off|log|block)$")]
    mode: Option<String>,
    /// What is looked for, of `system_prompt`, `secrets` and `personal_data`; missing: all of it.
    #[schema(nullable = false)]
    kinds: Option<Vec<FirewallLeak>>,
}

/// What replies can give away.
#[derive(ToSchema)]
#[schema(
    example = "secrets",
    pattern = "^(system_prompt|secrets|personal_data)$"
)]
struct FirewallLeak(String);

/// Who a message is from.
#[derive(ToSchema)]
#[schema(example = "user", pattern = "^(system|user|assistant|tool)$")]
struct FirewallRole(String);

/// Of at least four characters other than spaces.
#[derive(ToSchema)]
#[schema(
    example = "ignore the noise",
    max_length = 1000,
    pattern = "^( *[^ ]){4}"
)]
struct FirewallPhrase(String);

/// What is done about calls that look like attacks, and how many did.
#[derive(ToSchema)]
struct Firewall {
    /// Always `firewall`.
    object: String,
    /// `off`, `log` or `block`.
    mode: String,
    /// Null: the model's own.
    threshold: Option<f64>,
    /// `allow` or `refuse`.
    on_failure: String,
    roles: Vec<String>,
    allow_list: Vec<String>,
    /// `on` or `off`.
    scrub: String,
    output: FirewallOutput,
    /// `on` or `off`.
    redact: String,
    month: FirewallMonth,
}

/// What is done about replies that give something away.
#[derive(ToSchema)]
struct FirewallOutput {
    /// `off`, `log` or `block`.
    mode: String,
    /// What is looked for, of `system_prompt`, `secrets` and `personal_data`.
    kinds: Vec<String>,
}

/// Of the calls since the first of the month, UTC.
#[derive(ToSchema)]
struct FirewallMonth {
    /// Calls that were scored.
    scanned: u64,
    /// Of these, they looked like attacks.
    flagged: u64,
    /// Of these, they were refused.
    blocked: u64,
    /// Calls that could not be scored.
    skipped: u64,
    /// Replies that were looked at.
    output_scanned: u64,
    /// Of these, they gave something away.
    output_flagged: u64,
    /// Of these, they were stopped.
    output_blocked: u64,
    /// Calls that something was taken out of before anybody was asked.
    redacted: u64,
}

/// What the firewall said of a call.
#[derive(ToSchema)]
pub(super) struct Screening {
    /// `passed`, `flagged`, `blocked`, `skipped` or `refused`.
    verdict: String,
    /// 0 to 1; null: it could not be scored, as in what follows.
    score: Option<f64>,
    threshold: Option<f64>,
    /// The text that scored it.
    #[schema(example = "messages[1].content")]
    at: Option<String>,
    /// Who that is from: `system`, `user`, `assistant` or `tool`.
    role: Option<String>,
    span: Option<Span>,
    /// The call was too long for all of it to be looked at.
    partial: bool,
    /// `queue_full`, `deadline`, `unavailable` or `failed`.
    skipped: Option<String>,
}

/// What the firewall said of a reply: what was found first, and where.
#[derive(ToSchema)]
pub(super) struct OutputScreening {
    /// `passed`, `flagged` or `blocked`.
    verdict: String,
    /// `system_prompt`, `secrets` or `personal_data`; null: nothing was found, as in what follows.
    kind: Option<String>,
    /// `system_prompt`, or the kind of secret or personal data.
    #[schema(example = "api_key")]
    found: Option<String>,
    /// Of several replies to one call, which, from 0.
    choice: Option<u32>,
    /// Characters of its text that come before.
    start: Option<u64>,
    /// Something of it could not be looked at.
    partial: bool,
}

/// How many of a kind were replaced.
#[derive(ToSchema)]
pub(super) struct Redaction {
    #[schema(example = "email")]
    kind: String,
    count: u32,
}

/// Characters of that text, the first and the one after the last.
#[derive(ToSchema)]
pub(super) struct Span {
    start: u64,
    end: u64,
}

pub(super) fn routes() -> Routes {
    let path = "/v1/firewall";
    Routes::of("Firewall")
        .get(
            path,
            firewall::get,
            Operation::new("getFirewall", "The firewall and what it found")
                .answers::<Firewall>(200, "What is set, and this month's calls."),
        )
        .put(
            path,
            firewall::put,
            Operation::new("replaceFirewall", "Set the firewall")
                .says("As a whole. Reaches every proxy in about a second.")
                .takes::<FirewallInput>()
                .answers::<Firewall>(200, "What is set now."),
        )
}
