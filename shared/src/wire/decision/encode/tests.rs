//! What is written is read back as the generated messages say.

use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::domain::{confidence::ConfidenceReason, gates::Gate, ranking::Role};

fn decision(
    (candidates, class_signals): (Vec<CandidateTrace>, Vec<Signal>),
    draw_key: String,
) -> Decision {
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
        class_signals,
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
        spoke in prop::collection::vec(("[a-z ]{0,20}", any::<u32>()), 0..6),
    ) {
        let id = Uuid::from_u128(id);
        let signal = |(name, points): (String, u32)| Signal { name: name.into(), points };
        let spoke = spoke.into_iter().map(signal).collect();
        let decision = decision((candidates, spoke), draw_key);
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
