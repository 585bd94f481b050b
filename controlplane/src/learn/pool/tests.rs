//! What is given is bounded, what is told hides who gave it, and what follows from it is shrunk.

use proptest::prelude::*;

use super::*;

/// Chance that comes out the same again (SplitMix64: Steele, Lea & Flood 2014).
pub(super) fn seeded(mut state: u64) -> impl FnMut(u128) -> u128 {
    move |below| {
        let mut next = || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            u128::from(mixed ^ (mixed >> 31))
        };
        (next() << 64 | next()) % below
    }
}

fn key(model: &str) -> CandidateKey {
    CandidateKey::new("p", model).expect("valid")
}

fn domain(models: &[&str]) -> Domain {
    Domain {
        shapes: [ShapeKey::root()].into(),
        benchmarks: models.iter().map(|model| (key(model), 0.5)).collect(),
    }
}

/// A tenant that says the same of these models.
fn tenant(models: &[&str], (evidence, says): (f64, f64)) -> Contribution {
    let cells = models.iter().map(|m| (key(m), Part { evidence, says }));
    BTreeMap::from([(ShapeKey::root(), cells.collect())])
}

fn pooled_of(tenants: &[Contribution], sigma: f64) -> Option<PooledCell> {
    let domain = domain(&["a"]);
    let given: Vec<Given> = tenants.iter().map(|t| Given::of(t, &domain)).collect();
    let released = release(&given, &domain, sigma, &mut seeded(3));
    let pool = Pool::of(&released, &domain.benchmarks);
    pool.cells.get("all")?.get("p/a").copied()
}

#[test]
fn many_tenants_who_agree_move_and_narrow_the_prior_and_noise_holds_it_back() {
    let many = vec![tenant(&["a"], (0.8, 0.9)); 60];
    let exact = pooled_of(&many, 0.0).expect("told");
    assert!(
        (exact.mean - 0.9).abs() < 0.02 && exact.tau < 0.09,
        "{exact:?}"
    );
    let noisy = pooled_of(&many, 6.0).expect("told");
    assert!(noisy.tau > exact.tau, "{noisy:?} is as sure as {exact:?}");
    assert_eq!(
        pooled_of(&many, 9.0),
        None,
        "48 tenants' worth are not clear of 5 + 5 · 9"
    );
}

#[test]
fn few_tenants_are_not_told_and_neither_is_noise() {
    assert_eq!(pooled_of(&vec![tenant(&["a"], (1.0, 0.9)); 4], 0.0), None);
    assert!(pooled_of(&vec![tenant(&["a"], (1.0, 0.9)); 5], 0.0).is_some());
    let domain = Domain::of_classes((0..200).map(|i| (key(&i.to_string()), 0.5)).collect());
    let nobody = release(&[], &domain, 6.0, &mut seeded(5));
    assert_eq!(nobody.cells.len(), 12);
    assert!(nobody.cells.values().all(|cells| cells.len() == 200));
    assert!(Pool::of(&nobody, &domain.benchmarks).cells.is_empty());
}

#[test]
fn evidence_alone_is_what_the_prior_does_not_explain() {
    let part = Part::of(0.7, 0.5, 0.5).expect("evidence");
    assert!((part.says - 0.9).abs() < 1e-12 && (part.evidence - 0.5).abs() < 1e-12);
    assert_eq!(Part::of(0.5, 1.0, 0.5), None);
}

#[test]
fn call_sites_and_models_of_a_tenants_own_are_never_given() {
    let domain = Domain::of_classes(BTreeMap::from([(key("a"), 0.5)]));
    let part = Part {
        evidence: 1.0,
        says: 0.5,
    };
    let cells = BTreeMap::from([(key("a"), part), (key("secret"), part)]);
    let names = ["all", "class:code", "task:acquire-initech", "site:0123"];
    let shapes = names.map(|name| ShapeKey::named(name).expect("valid"));
    let contribution = shapes.into_iter().map(|shape| (shape, cells.clone()));
    let given = Given::of(&contribution.collect(), &domain);
    let told: Vec<&str> = given.cells.keys().map(ShapeKey::as_str).collect();
    assert_eq!(told, ["all", "class:code"]);
    assert!(
        given
            .cells
            .values()
            .all(|cells| cells.keys().eq([&key("a")]))
    );
}

fn norm(given: &Given) -> f64 {
    let units = given.cells.values().flat_map(BTreeMap::values);
    let squares = units.map(|u| (u.evidence.pow(2) + u.gap.pow(2)) as f64);
    squares.sum::<f64>().sqrt() / UNIT
}

proptest! {
    #[test]
    fn whatever_a_tenant_knows_it_gives_no_more_than_the_bound(
        parts in prop::collection::vec((-1.0..3.0_f64, -9.0..9.0_f64), 0..40),
    ) {
        let cells = parts.iter().enumerate();
        let cells = cells.map(|(i, (evidence, says))| {
            (key(&i.to_string()), Part { evidence: *evidence, says: *says })
        });
        let contribution = BTreeMap::from([(ShapeKey::root(), cells.collect::<BTreeMap<_, _>>())]);
        let domain = Domain {
            shapes: [ShapeKey::root()].into(),
            benchmarks: (0..40).map(|i| (key(&i.to_string()), 0.4)).collect(),
        };
        let given = Given::of(&contribution, &domain);
        prop_assert!(norm(&given) <= BOUND + 1e-9, "{}", norm(&given));
        prop_assert!((0.0..=1.0).contains(&given.scale));
    }
}

#[test]
fn a_windows_releases_together_cost_what_was_allowed() {
    let privacy = Privacy::DEFAULT;
    assert!((epsilon(privacy.rho_of_window(), 1e-6) - 8.0).abs() < 1e-9);
    assert!((privacy.rho() * 12.0 - privacy.rho_of_window()).abs() < 1e-12);
    let rare = Privacy {
        every_days: 365,
        ..privacy
    };
    assert!(
        rare.sigma() < privacy.sigma(),
        "fewer releases need less noise"
    );
    assert!((BOUND * BOUND / (2.0 * rare.sigma().powi(2)) - rare.rho()).abs() < 1e-12);
}

/// By how much hits of the best test exceed its false alarms, where a tenant that gives this is in one half of the
/// releases: by the likelihood ratio, which for Gaussian noise is the projection on what it gives.
fn attack(given: &Given, sigma: f64) -> f64 {
    const TRIALS: usize = 4_000;
    let domain = domain(&MODELS);
    let mut random = seeded(11);
    let others = vec![Given::of(&tenant(&MODELS, (0.5, 0.6)), &domain); 20];
    let with: Vec<Given> = others.iter().cloned().chain([given.clone()]).collect();
    let base = release(&others, &domain, 0.0, &mut random);
    let of = |released: &Released, shape: &ShapeKey, key: &CandidateKey| released.cells[shape][key];
    let projection = |released: &Released| {
        let cells = given
            .cells
            .iter()
            .flat_map(|(shape, cells)| cells.iter().map(move |(key, units)| (shape, key, *units)));
        cells
            .map(|(shape, key, units)| {
                let (seen, known) = (of(released, shape, key), of(&base, shape, key));
                (seen.evidence - known.evidence) * units.evidence
                    + (seen.gap - known.gap) * units.gap
            })
            .sum::<i64>()
    };
    let half = projection(&release(&with, &domain, 0.0, &mut random)) / 2;
    let mut said = |tenants: &[Given]| {
        let is_said = (0..TRIALS)
            .filter(|_| projection(&release(tenants, &domain, sigma, &mut random)) > half);
        is_said.count() as f64 / TRIALS as f64
    };
    said(&with) - said(&others)
}

const MODELS: [&str; 5] = ["a", "b", "c", "d", "e"];

#[test]
fn nobody_can_tell_better_than_the_bound_whether_a_tenant_is_in_it() {
    let privacy = Privacy::DEFAULT;
    let bound = advantage(privacy.rho());
    // As much as can be said of five models: it is scaled down to the bound.
    let worst = Given::of(&tenant(&MODELS, (1.0, 1.0)), &domain(&MODELS));
    assert!(norm(&worst) > 0.99 * BOUND && worst.scale < 1.0);
    let found = attack(&worst, privacy.sigma());
    // Four standard errors of the difference of two shares of 4,000.
    let error = 4.0 * (0.5_f64 / 4_000.0).sqrt();
    assert!(
        (found - bound).abs() < error,
        "{found}, and the bound is {bound}"
    );
    // The attack does find who gives three times the bound.
    let mut more = worst.clone();
    for units in more.cells.values_mut().flat_map(BTreeMap::values_mut) {
        *units = Units {
            evidence: units.evidence * 3,
            gap: units.gap * 3,
        };
    }
    let found = attack(&more, privacy.sigma());
    assert!(found > 2.0 * bound, "{found}, and the bound is {bound}");
}
