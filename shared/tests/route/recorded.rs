//! From its record alone a decision comes out as it was, and under other constraints as the snapshot says.

use std::sync::Arc;

use floopy_shared::domain::{
    catalog::Catalog,
    constraints::{Constraints, MinQuality},
    decision::{Decision, Filter, Strategy},
    route::{
        Choice, NoCandidate,
        replay::{Present, Recorded, Unreplayable, replay},
    },
    rule::Routing,
    snapshot::{Snapshot, Tenant},
};

use crate::{
    any::any_world,
    replay::{circuit, record, snapshot},
    world::{World, key, ranked, serving},
};

/// A decision of some world, and what the control plane has of it.
struct Made {
    world: World,
    snapshot: Snapshot,
    tenant: Tenant,
    first: Choice,
    decision: Decision,
}

fn made(seed: u64) -> Option<Made> {
    let world = any_world(seed);
    let snapshot = snapshot(&world);
    let tenant = Tenant {
        default_model: world.default_model.clone(),
        constraints: world.constraints.clone(),
        routing: Routing {
            rules: world.rule.clone().into_iter().collect(),
            ..Routing::default()
        },
        ..Tenant::new(floopy_shared::domain::ids::TenantId::new("t").expect("valid"))
    };
    let rankings = Arc::clone(snapshot.rankings(&tenant.id).expect("pushed"));
    let first = world
        .choose_with((snapshot.catalog(), &rankings), circuit(seed))
        .ok()?;
    let decision = record(&world, &first);
    Some(Made {
        world,
        snapshot,
        tenant,
        first,
        decision,
    })
}

impl Made {
    fn recorded(&self, floor: Option<f64>) -> Recorded<'_> {
        let present = Present {
            catalog: self.snapshot.catalog(),
            rankings: self.snapshot.rankings(&self.tenant.id).map(AsRef::as_ref),
            routing: &self.tenant.routing,
            default_model: self.tenant.default_model.as_ref(),
            floor,
        };
        Recorded::new(&self.decision, present).expect("it can be decided again")
    }
}

/// Who serves, with which probability, why, and what became of each candidate.
fn facts(choice: &Result<Choice, NoCandidate>) -> String {
    match choice {
        Ok(choice) => {
            let of = |c: &floopy_shared::domain::decision::CandidateTrace| {
                (c.key.to_string(), c.propensity.to_bits(), c.filter)
            };
            let each: Vec<_> = choice.candidates.iter().map(of).collect();
            let served = &choice.order[0].key;
            let propensity = choice.propensity.to_bits();
            format!("{served} {propensity} {:?} {each:?}", choice.reason)
        }
        Err(none) => format!(
            "{:?}",
            none.candidates.iter().map(|c| c.filter).collect::<Vec<_>>()
        ),
    }
}

#[test]
fn twenty_thousand_records_are_decided_again_as_they_were() {
    let mut decided = 0;
    for seed in 0..20_000 {
        let Some(made) = made(seed) else { continue };
        let again = made.recorded(Some(0.95)).again().expect("somebody serves");
        let key = |choice: &Choice| choice.order[0].key.clone();
        assert_eq!(key(&again), key(&made.first), "seed {seed}");
        assert_eq!(
            again.propensity.to_bits(),
            made.first.propensity.to_bits(),
            "seed {seed}"
        );
        decided += 1;
    }
    assert!(decided > 15_000, "{decided}");
}

/// What a record cannot know: of a listed candidate that the tenant forbade, whether its circuit was open; and
/// of the price rule, whether its reference had been named or was the best of those that were left.
fn is_known(made: &Made) -> bool {
    let forbidden = |c: &floopy_shared::domain::decision::CandidateTrace| {
        c.filter.is_some_and(Filter::is_forbidden)
    };
    let listed = matches!(
        made.first.strategy,
        Strategy::Fallback | Strategy::LegacyModel
    );
    let hidden = listed && made.first.candidates.iter().any(forbidden);
    let picked =
        made.first.strategy == Strategy::SmartCost && made.decision.baseline != made.world.baseline;
    // A gate that stood behind a lack, or behind a baseline that could not serve, left no trace.
    let traced = |c: &floopy_shared::domain::decision::CandidateTrace| {
        let of = made.world.candidates.iter().find(|of| of.key == c.key);
        of.and_then(|of| of.gate) == c.filter.and_then(Filter::gate)
    };
    let listed = listed || made.decision.ranked_shape.is_none();
    let gates = listed || made.first.candidates.iter().all(traced);
    !hidden && !picked && gates
}

#[test]
fn under_other_constraints_a_record_says_what_the_snapshot_does() {
    let (mut compared, mut changed) = (0, 0);
    for seed in 0..20_000_u64 {
        let Some(made) = made(seed).filter(is_known) else {
            continue;
        };
        let other = any_world(seed ^ 0x5555_5555).constraints;
        let tenant = Tenant {
            constraints: other.clone(),
            ..made.tenant.clone()
        };
        let expected = replay(&made.decision, &made.snapshot, &tenant);
        let found = made.recorded(Some(0.95)).under(&other);
        assert_eq!(facts(&found), facts(&expected), "seed {seed}: {other:?}");
        let first = &made.first.order[0].key;
        let moved = found.is_ok_and(|choice| choice.order[0].key != *first);
        changed += usize::from(moved);
        compared += 1;
    }
    assert!(compared > 12_000 && changed > 1_000, "{compared} {changed}");
}

#[test]
fn another_floor_is_judged_by_the_recorded_posteriors() {
    let mut world = World::new(vec![
        serving(
            "a/best",
            1.0,
            floopy_shared::domain::ranking::Role::Incumbent,
        ),
        ranked("b/next"),
    ]);
    world.baseline = Some(key("a/best"));
    world.request = uuid::Uuid::nil().to_string();
    world.candidates[0].score = 0.9;
    world.candidates[1].score = 0.7;
    let snapshot = snapshot(&world);
    let rankings = world.rankings();
    let first = world
        .choose_with((snapshot.catalog(), &rankings), |_| None)
        .expect("served");
    let decision = record(&world, &first);
    let present = Present {
        catalog: snapshot.catalog(),
        rankings: Some(&rankings),
        routing: &Routing::default(),
        default_model: None,
        floor: None,
    };
    let recorded = Recorded::new(&decision, present).expect("decided");
    let floor = |floor| Constraints {
        deny_models: vec!["a/best".to_owned()],
        min_quality: Some(MinQuality {
            floor,
            assurance: 0.5,
        }),
        ..Constraints::default()
    };
    let filtered = |floor_of: f64| {
        let candidates = match recorded.under(&floor(floor_of)) {
            Ok(choice) => choice.candidates,
            Err(nobody) => nobody.candidates,
        };
        candidates[1].filter
    };
    assert_eq!(filtered(0.1), None, "0.7 is far above a tenth of 0.9");
    assert_eq!(filtered(0.95), Some(Filter::MinQuality));
}

#[test]
fn what_was_never_decided_or_whose_rule_is_gone_is_said_so() {
    let mut made = (0..)
        .filter_map(made)
        .find(|made| made.first.strategy == Strategy::Weighted)
        .expect("one of many");
    made.tenant.routing.rules.clear();
    let present = Present {
        catalog: &Catalog::default(),
        rankings: None,
        routing: &made.tenant.routing,
        default_model: None,
        floor: None,
    };
    let gone = Recorded::new(&made.decision, present).expect_err("its shares are unknown");
    assert_eq!(gone, Unreplayable::RuleGone("r".to_owned()));
    made.decision.candidates.clear();
    let nothing = Recorded::new(&made.decision, present).expect_err("nothing to decide");
    assert_eq!(nothing, Unreplayable::Undecided);
}
