//! A decision's event as bytes, its candidates written straight from the domain: a proxy does this once for every
//! call. The generated messages would first copy each of twenty candidates, and then measure each of them once
//! for every message that it is nested in. What is read back is the same.

use floopy_proto::v1;
use prost::{
    Message,
    encoding::{WireType, encode_varint, encoded_len_varint},
};
use uuid::Uuid;

use crate::domain::{
    decision::{CandidateTrace, Decision, Filter, Load},
    ranking::Posterior,
};

/// The field of `floopy.v1.Event` that a decision is in.
const EVENT_DECISION: u32 = 3;

/// The field of `floopy.v1.Decision` that each of its candidates is in.
const DECISION_CANDIDATES: u32 = 13;

/// Appends `floopy.v1.Event` with this decision.
pub fn encode_event(id: Uuid, recorded_at_ms: u64, decision: &Decision, out: &mut Vec<u8>) {
    let head = v1::Event {
        id: super::id_bytes(id),
        recorded_at_ms,
        body: None,
    };
    head.encode_raw(out);
    nested(EVENT_DECISION, out, |out| {
        super::without_candidates(decision).encode_raw(out);
        for trace in &decision.candidates {
            nested(DECISION_CANDIDATES, out, |out| candidate(trace, out));
        }
    });
}

/// A message or text within another. Its length comes before it and is known after it: one byte is left for it,
/// which is enough for nearly all candidates.
fn nested(tag: u32, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    key(tag, WireType::LengthDelimited, out);
    let at = out.len();
    out.push(0);
    write(out);
    let length = out.len() - at - 1;
    match u8::try_from(length) {
        Ok(short @ ..0x80) => out[at] = short,
        Ok(_) | Err(_) => {
            // What was written moves back by as much as the length is longer.
            let more = encoded_len_varint(length as u64) - 1;
            out.resize(out.len() + more, 0);
            out.copy_within(at + 1..at + 1 + length, at + 1 + more);
            let mut room = &mut out[at..=at + more];
            encode_varint(length as u64, &mut room);
        }
    }
}

/// `floopy.v1.CandidateTrace`: what has its default value is left out, unless it is optional.
fn candidate(trace: &CandidateTrace, out: &mut Vec<u8>) {
    // Without `..`: a new field must be written, too.
    let CandidateTrace {
        key,
        score,
        posterior,
        propensity,
        expected_cost_micro_usd,
        filter,
        role,
        latency_p95_ms,
        p_floor,
        p_best,
        load,
        published,
    } = trace;
    nested(1, out, |out| out.extend_from_slice(key.as_str().as_bytes()));
    double(2, not_zero(*score), out);
    if let Some(believed) = posterior {
        nested(3, out, |out| self::posterior(believed, out));
    }
    double(4, not_zero(*propensity), out);
    varint(5, *expected_cost_micro_usd, out);
    varint(6, filter.map(|filter| v1::Filter::from(filter) as u64), out);
    varint(7, role.map(|role| v1::Role::from(role) as u64), out);
    varint(8, *latency_p95_ms, out);
    double(9, *p_floor, out);
    double(10, *p_best, out);
    if let Some(seen) = load {
        nested(11, out, |out| self::load(seen, out));
    }
    double(12, *published, out);
    if let Some(Filter::Gate(gate)) = *filter {
        varint(13, Some(v1::Gate::from(gate) as u64), out);
    }
}

fn posterior(believed: &Posterior, out: &mut Vec<u8>) {
    let Posterior {
        mean,
        lower,
        upper,
        n,
    } = *believed;
    for (tag, value) in [(1, mean), (2, lower), (3, upper), (4, n)] {
        double(tag, not_zero(value), out);
    }
}

fn load(seen: &Load, out: &mut Vec<u8>) {
    let Load {
        first_byte_ms,
        waiting,
    } = *seen;
    double(1, first_byte_ms, out);
    varint(2, (waiting > 0).then_some(u64::from(waiting)), out);
}

fn not_zero(value: f64) -> Option<f64> {
    (value != 0.0).then_some(value)
}

fn double(tag: u32, value: Option<f64>, out: &mut Vec<u8>) {
    if let Some(value) = value {
        key(tag, WireType::SixtyFourBit, out);
        out.extend_from_slice(&value.to_le_bytes());
    }
}

fn varint(tag: u32, value: Option<u64>, out: &mut Vec<u8>) {
    if let Some(value) = value {
        key(tag, WireType::Varint, out);
        match u8::try_from(value) {
            Ok(short @ ..0x80) => out.push(short),
            Ok(_) | Err(_) => encode_varint(value, out),
        }
    }
}

/// What a field begins with: one byte, as all fields written here have numbers below 16.
fn key(tag: u32, kind: WireType, out: &mut Vec<u8>) {
    out.push((tag << 3) as u8 | kind as u8);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{
        confidence::ConfidenceReason, decision::Filter, gates::Gate, ids::CandidateKey,
        ranking::Role,
    };

    fn decision(candidates: Vec<CandidateTrace>, draw_key: String) -> Decision {
        let outcome = v1::Outcome {
            status: 200,
            ending: v1::Ending::Completed.into(),
            ..v1::Outcome::default()
        };
        let wire = v1::Decision {
            request_id: vec![7; 16].into(),
            tenant: "t".to_owned(),
            shapes: vec!["all".to_owned()],
            strategy: v1::Strategy::FeedbackDriven.into(),
            phase: v1::Phase::Auto.into(),
            reason: v1::Reason::Dispatched.into(),
            stage: v1::Stage::Finished.into(),
            confidence_reason: ConfidenceReason::Ok.as_str().to_owned(),
            outcome: Some(outcome),
            draw_key,
            ..v1::Decision::default()
        };
        Decision {
            candidates,
            ..wire.try_into().expect("valid")
        }
    }

    fn number() -> impl Strategy<Value = f64> {
        prop_oneof![Just(0.0), -1e9..1e9_f64]
    }

    fn optional<S: Strategy>(value: S) -> impl Strategy<Value = Option<S::Value>> {
        prop::option::of(value)
    }

    prop_compose! {
        fn posteriors()(mean in number(), lower in number(), upper in number(), n in number()) -> Posterior {
            Posterior { mean, lower, upper, n }
        }
    }

    prop_compose! {
        fn loads()(first_byte_ms in optional(number()), waiting in 0..300_u32) -> Load {
            Load { first_byte_ms, waiting }
        }
    }

    prop_compose! {
        fn traces()(
            key in "[a-z]{1,9}/[a-z0-9é-]{1,140}",
            (score, propensity) in (number(), number()),
            posterior in optional(posteriors()),
            (expected_cost_micro_usd, latency_p95_ms) in (optional(any::<u64>()), optional(any::<u64>())),
            filter in optional(prop::sample::select(vec![Filter::NoProviderKey, Filter::Drift, Filter::Gate(Gate::RequireShadow)])),
            role in optional(prop::sample::select(vec![Role::Incumbent, Role::Canary, Role::Masked])),
            (p_floor, p_best, published) in (optional(number()), optional(number()), optional(number())),
            load in optional(loads()),
        ) -> CandidateTrace {
            let key = CandidateKey::parse(&key).expect("valid");
            CandidateTrace {
                key, score, posterior, propensity, expected_cost_micro_usd, filter, role, latency_p95_ms, p_floor,
                p_best, load, published,
            }
        }
    }

    proptest! {
        #[test]
        fn it_is_read_back_as_what_the_generated_messages_say(
            candidates in prop::collection::vec(traces(), 0..25),
            id in any::<u128>(),
            recorded_at_ms in any::<u64>(),
            draw_key in "[a-z]{0,20}",
        ) {
            let id = Uuid::from_u128(id);
            let decision = decision(candidates, draw_key);
            let mut bytes = vec![7; 3];
            encode_event(id, recorded_at_ms, &decision, &mut bytes);
            let expected = v1::Event {
                id: super::super::id_bytes(id),
                recorded_at_ms,
                body: Some(v1::event::Body::Decision((&decision).into())),
            };
            prop_assert_eq!(v1::Event::decode(&bytes[3..]).expect("decodes"), expected);
        }
    }
}
