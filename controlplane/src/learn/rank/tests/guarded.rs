//! Facts about rankings of tenants with gates.

use floopy_shared::domain::{
    gates::{Gate, Gates, OPEN_GATES, Rolling, Window},
    ranking::Role,
};

use super::*;
use crate::learn::{
    credit::{Cell, Source},
    recent::Recent,
};

const TODAY: i64 = 20_000;

/// `b` is the baseline, and `a` looks better by far; both were scored often.
fn known() -> TenantStats {
    let arms: &[(&str, ArmSums)] = &[("a", auto(200, 0.95)), ("b", auto(200, 0.7))];
    stats(&[("all", arms)])
}

fn asked(
    (gates, recent): (Option<&Gates>, &Recent),
    alarms: &Alarms,
    stats: &TenantStats,
) -> ShapeRanking {
    let tenant = TenantId::new("t").expect("valid");
    let baseline = key("b");
    let guarded = gates.map(|gates| Guarded {
        gates,
        recent,
        today: TODAY,
    });
    let question = Question {
        tenant: &tenant,
        candidates: &candidates(),
        stats,
        platform: &Platform::default(),
        incumbents: &Incumbents::new(),
        baseline: Some(&baseline),
        guarded,
        goal: Goal::Quality,
        shadow_rate: 0.1,
        shadow_spend: 1.0,
        canary_rate: 0.05,
        live_exploration: 0.05,
        constraints: &floopy_shared::domain::constraints::UNCONSTRAINED,
        quality_per_usd: 0.0,
        alarms,
        ladder: &crate::learn::promotion::UNSTAGED,
        implicit: &[],
    };
    let (rankings, _) = rank(&question).expect("candidates");
    rankings.validate().expect("valid");
    rankings.shapes.into_iter().next().expect("the root")
}

fn ask_with(gates: Option<&Gates>) -> ShapeRanking {
    let recent = Recent::collect([], Recent::first_day(TODAY));
    asked((gates, &recent), &Alarms::new(), &known())
}

fn of<'a>(
    ranking: &'a ShapeRanking,
    model: &str,
) -> &'a floopy_shared::domain::ranking::RankedCandidate {
    let found = ranking.candidates.iter().find(|c| c.key == key(model));
    found.expect("a candidate")
}

#[test]
fn whom_a_gate_keeps_back_has_no_traffic_but_is_tried_in_the_shadow() {
    let gates = Gates {
        require_shadow_before_live: true,
        ..OPEN_GATES
    };
    let ranking = ask_with(Some(&gates));
    assert_eq!(of(&ranking, "b").probability, 1.0);
    for model in ["a", "c"] {
        let kept_back = of(&ranking, model);
        assert_eq!(kept_back.gate, Some(Gate::RequireShadow));
        assert_eq!(kept_back.probability, 0.0);
    }
    assert!(of(&ranking, "a").shadow_probability > 0.1);
    let cell = Cell {
        shape: "all".into(),
        arm: "p/a".into(),
        source: Source::Tried,
        day: 1,
    };
    let mut recent = Recent::default();
    recent.add(&cell, Sums::of(20 * ONE, 900_000));
    let ranking = asked((Some(&gates), &recent), &Alarms::new(), &known());
    assert_eq!(
        (of(&ranking, "a").gate, of(&ranking, "c").gate),
        (None, Some(Gate::RequireShadow))
    );
    assert!(of(&ranking, "a").probability > 0.9, "it has been tried");
}

#[test]
fn below_the_confidence_asked_for_the_baseline_serves_and_the_confidence_told_is_why() {
    let sure = ask_with(None).confidence.expect("several candidates");
    let gates = |confidence_threshold| Gates {
        confidence_threshold,
        ..OPEN_GATES
    };
    let below = ask_with(Some(&gates(sure + 0.01)));
    assert_eq!(of(&below, "b").probability, 1.0);
    assert_eq!(of(&below, "a").gate, Some(Gate::ConfidenceThreshold));
    assert_eq!(below.confidence, Some(sure));
    let reached = ask_with(Some(&gates(sure)));
    assert_eq!(of(&reached, "a").gate, None);
    assert!(of(&reached, "a").probability > 0.9);
}

#[test]
fn gates_that_close_on_nobody_change_nobodys_traffic_and_keep_the_baseline_measured() {
    let gates = Gates {
        max_regression: Some(Rolling {
            value: 0.05,
            window: Window::Rolling7d,
        }),
        ..OPEN_GATES
    };
    let (without, with) = (ask_with(None), ask_with(Some(&gates)));
    for (a, b) in without.candidates.iter().zip(&with.candidates) {
        assert_eq!((&a.key, a.role, a.gate), (&b.key, b.role, b.gate));
        // Live exploration goes where the shadow goes.
        let is_explored = a.role == Role::Explorer;
        assert!(is_explored || a.probability == b.probability, "{a:?} {b:?}");
    }
    let shadow = |ranking: &ShapeRanking| of(ranking, "b").shadow_probability;
    assert!(shadow(&with) >= 0.25 && shadow(&with) > shadow(&without));
}

#[test]
fn a_baseline_that_got_worse_keeps_nobody_back() {
    let gates = Gates {
        min_samples_before_promotion: Some(100_000),
        ..OPEN_GATES
    };
    let alarms: Alarms = [(key("b"), Alarm::of(&known(), &key("b")))].into();
    let recent = Recent::default();
    let ranking = asked((Some(&gates), &recent), &alarms, &known());
    assert_eq!(of(&ranking, "a").gate, None);
    assert!(of(&ranking, "a").probability > 0.9);
}
