//! What tenants are told of attacks on their models, and of replies that give something away: once an hour for each key, and
//! apart for what was refused and what was let through. Each call's record says the rest.

use std::collections::BTreeMap;

use floopy_shared::domain::{
    decision::Decision,
    firewall::{
        Finding, Screening, Verdict,
        output::{Leak, Spot},
        thousandths,
    },
    ids::TenantId,
};
use serde_json::{Value, json};

use crate::{
    store::{
        StoreError, Tx,
        spend::{self, Told},
    },
    webhooks::{self, Event},
};

const HOUR_MS: u64 = 3_600_000;
/// Among what is remembered to have been told; no budget has a name with a colon.
const ATTACK: &str = "firewall:attack";
const LEAK: &str = "firewall:leak";
/// Apart from those that were let through.
const REFUSED: u8 = 100;
const LET_THROUGH: u8 = 0;

/// The attacks of a batch and the replies that gave something away: the first of each tenant, key and hour, by whether it
/// was refused.
#[derive(Debug, Default)]
pub(crate) struct Attacks(BTreeMap<(TenantId, String, u64, bool, &'static str), Value>);

impl Attacks {
    /// Notes a decision that is stored from now on, if it is one of these.
    pub(crate) fn add(&mut self, decision: &Decision) {
        if let Some(Screening::Scored { verdict, finding }) = decision.firewall.as_deref() {
            let attack = |refused| attack(decision, finding, refused);
            self.note(decision, (*verdict, ATTACK), attack);
        }
        if let Some(watched) = decision.watched.as_deref()
            && let Some(spot) = &watched.spot
        {
            let leak = |refused| leak(decision, spot, refused);
            self.note(decision, (watched.verdict, LEAK), leak);
        }
    }

    fn note(
        &mut self,
        decision: &Decision,
        (verdict, name): (Verdict, &'static str),
        describe: impl FnOnce(bool) -> Value,
    ) {
        let refused = match verdict {
            Verdict::Passed => return,
            Verdict::Flagged => false,
            Verdict::Blocked => true,
        };
        let hour = decision.created_at_ms / HOUR_MS;
        let (tenant, key) = (decision.tenant.clone(), decision.key_id.clone());
        let place = (tenant, key, hour, refused, name);
        self.0.entry(place).or_insert_with(|| describe(refused));
    }

    /// Tells of those that were not told yet, in the transaction that stores the calls.
    pub(crate) async fn tell(&mut self, tx: &mut Tx, now_ms: u64) -> Result<(), StoreError> {
        for ((tenant, key, hour, refused, name), data) in std::mem::take(&mut self.0) {
            let told = Told {
                tenant,
                budget: name.to_owned(),
                subject: key,
                window: hour,
                percent: if refused { REFUSED } else { LET_THROUGH },
            };
            if spend::tell(tx, &told, now_ms).await? {
                webhooks::emit(tx, &told.tenant, Event::SecurityAlert, &data, now_ms).await?;
            }
        }
        Ok(())
    }
}

/// Nothing of what was said.
fn attack(decision: &Decision, finding: &Finding, refused: bool) -> Value {
    let (severity, became) = if refused {
        ("info", "was refused")
    } else {
        ("warning", "was let through, as the firewall only logs")
    };
    let key = &decision.key_id;
    let place = finding.place.as_ref();
    json!({
        "alert_id": decision.request_id.0.to_string(),
        "threat_type": "prompt_injection",
        "severity": severity,
        "title": "A call looks like an attack on the model",
        "message": format!(
            "a call with the key {key:?} scored {} where {} is the threshold, and {became}; further ones of this hour \
             are in the decisions alone",
            thousandths(finding.score), thousandths(finding.threshold)
        ),
        "affected_key_id": key,
        "country_code": null,
        "details": {
            "score": thousandths(finding.score),
            "threshold": thousandths(finding.threshold),
            "blocked": refused,
            "request_id": decision.request_id.0.to_string(),
            "at": place.map(|place| &place.at),
            "role": place.map(|place| place.role.as_str()),
        },
    })
}

/// Nothing of what was found.
fn leak(decision: &Decision, spot: &Spot, refused: bool) -> Value {
    let (severity, became) = if refused {
        ("info", "did not reach its caller")
    } else {
        ("warning", "was let through, as the firewall only logs")
    };
    let (threat, what) = match spot.leaked.leak() {
        Leak::SystemPrompt => ("system_prompt_leak", "its system prompt"),
        Leak::Secrets => ("secret_leak", "a secret"),
        Leak::PersonalData => ("personal_data_leak", "personal data"),
    };
    let key = &decision.key_id;
    json!({
        "alert_id": decision.request_id.0.to_string(),
        "threat_type": threat,
        "severity": severity,
        "title": format!("A reply gives {what} away"),
        "message": format!(
            "a reply to the key {key:?} had {what} in it ({}) and {became}; further ones of this hour are in the \
             decisions alone",
            spot.leaked.as_str()
        ),
        "affected_key_id": key,
        "country_code": null,
        "details": {
            "found": spot.leaked.as_str(),
            "blocked": refused,
            "request_id": decision.request_id.0.to_string(),
            "choice": spot.choice,
            "start": spot.start,
        },
    })
}

#[cfg(test)]
mod tests;
