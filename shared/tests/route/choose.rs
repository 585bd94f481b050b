//! The routing decision: who serves, who steps in, and what the trace says.

use floopy_shared::domain::{
    catalog::{Catalog, CatalogModel, ModelKind},
    confidence::ConfidenceReason,
    decision::{Filter, Reason, Strategy},
    features::Features,
    ids::{CandidateKey, TenantId},
    money::Prices,
    ranking::{Evidence, Objective, Posterior, RankedCandidate, Rankings, Role, ShapeRanking},
    route::{Choice, Question, Selection, choose},
    shape::ShapeKey,
    weights::{Phase, phase_weights},
};

fn key(name: &str) -> CandidateKey {
    CandidateKey::parse(name).expect("valid")
}

fn catalog() -> Catalog {
    let model = |name: &str, benchmark, vision, price| CatalogModel {
        benchmark,
        vision,
        context_tokens: Some(1_000),
        prices: Some(Prices {
            input_micro_usd_per_mtok: price,
            output_micro_usd_per_mtok: price,
            cached_input_micro_usd_per_mtok: None,
        }),
        ..CatalogModel::unlisted(key(name), ModelKind::Chat)
    };
    let embedding = CatalogModel::unlisted(key("p/embed"), ModelKind::Embedding);
    let models = vec![
        model("p/a", 0.7, true, 1_000_000),
        model("p/b", 0.9, false, 5_000_000),
        model("q/c", 0.9, true, 2_000_000),
        embedding,
    ];
    Catalog::new(models).expect("valid")
}

fn ranked(shape: &str, shares: [f64; 3]) -> ShapeRanking {
    let names = ["p/a", "p/b", "q/c"];
    let candidates = names
        .iter()
        .zip(shares)
        .map(|(name, probability)| RankedCandidate {
            key: key(name),
            score: 0.5,
            posterior: Posterior {
                mean: 0.5,
                lower: 0.4,
                upper: 0.6,
                n: 9.0,
            },
            probability,
            shadow_probability: if *name == "q/c" { 1.0 } else { 0.0 },
            latency_p95_ms: None,
            p_floor: None,
            p_best: None,
            gate: None,
            role: if probability > 0.5 {
                Role::Incumbent
            } else {
                Role::Canary
            },
        });
    ShapeRanking {
        shape: ShapeKey::named(shape).expect("valid"),
        phase: Phase::Nps,
        weights: phase_weights(10.0, 10.0),
        candidates: candidates.collect(),
        confidence: Some(0.7),
        confidence_reason: ConfidenceReason::Ok,
        evidence: Evidence::default(),
        baseline: None,
        calibrated: None,
    }
}

fn rankings(shadow_rate: f64) -> Rankings {
    Rankings {
        tenant: TenantId::new("t").expect("valid"),
        shapes: vec![
            ranked("all", [1.0, 0.0, 0.0]),
            ranked("class:code", [0.0, 0.95, 0.05]),
        ],
        shadow_rate,
        objective: Objective::Quality,
        quality_per_usd: 0.0,
    }
}

struct Ask {
    rankings: Option<Rankings>,
    selection: Selection,
    features: Features,
    shape: &'static str,
    session: String,
}

impl Default for Ask {
    fn default() -> Self {
        Self {
            rankings: Some(rankings(0.0)),
            selection: Selection::Auto,
            features: Features {
                input_tokens_estimate: 100,
                ..Features::default()
            },
            shape: "class:chat",
            session: "s1".into(),
        }
    }
}

impl Ask {
    fn choose(&self, blocked: impl Fn(&CatalogModel) -> Option<Filter>) -> Option<Choice> {
        let catalog = catalog();
        let shapes = [
            ShapeKey::named(self.shape).expect("valid"),
            ShapeKey::root(),
        ];
        let question = Question {
            rankings: self.rankings.as_ref(),
            selection: &self.selection,
            ..Question::new(&catalog, &self.features, &shapes, &self.session)
        };
        choose(&question, blocked).ok()
    }

    fn order(&self) -> Vec<String> {
        let choice = self.choose(|_| None).expect("a candidate");
        choice
            .order
            .iter()
            .map(|model| model.key.to_string())
            .collect()
    }
}

#[test]
fn the_most_specific_ranked_shape_decides() {
    assert_eq!(Ask::default().order()[0], "p/a");
    let code = Ask {
        shape: "class:code",
        ..Ask::default()
    };
    let choice = code.choose(|_| None).expect("a candidate");
    assert_eq!(choice.ranked_shape, ShapeKey::named("class:code"));
    assert!((choice.exploration_rate - 0.05).abs() < 1e-12);
}

#[test]
fn draws_follow_the_pushed_probabilities_and_log_them() {
    let mut canary = 0;
    for i in 0..10_000 {
        let ask = Ask {
            shape: "class:code",
            session: format!("s{i}"),
            ..Ask::default()
        };
        let choice = ask.choose(|_| None).expect("a candidate");
        if choice.reason == Reason::Explored {
            canary += 1;
            assert!((choice.propensity - 0.05).abs() < 1e-12);
        }
    }
    assert!((400..600).contains(&canary), "{canary} of 10,000 at 5 %");
}

#[test]
fn propensities_are_renormalised_over_what_is_eligible() {
    let ask = Ask {
        shape: "class:code",
        ..Ask::default()
    };
    let choice = ask
        .choose(|m| (m.key.model() == "b").then_some(Filter::CircuitOpen))
        .expect("one");
    assert_eq!(choice.order[0].key, key("q/c"));
    assert_eq!(choice.propensity, 1.0);
    let blocked = choice
        .candidates
        .iter()
        .find(|c| c.key == key("p/b"))
        .expect("traced");
    assert_eq!(
        (blocked.filter, blocked.propensity),
        (Some(Filter::CircuitOpen), 0.0)
    );
}

#[test]
fn with_all_traffic_candidates_gone_the_next_in_rank_serves_as_default() {
    let ask = Ask {
        features: Features {
            input_tokens_estimate: 5,
            ..Features::default()
        },
        ..Ask::default()
    };
    let choice = ask
        .choose(|m| (m.key.model() == "a").then_some(Filter::NoProviderKey))
        .expect("one");
    assert_eq!(
        (choice.reason, &choice.order[0].key),
        (Reason::DefaultModel, &key("p/b"))
    );
    assert!(ask.choose(|_| Some(Filter::NoProviderKey)).is_none());
}

#[test]
fn without_rankings_the_best_benchmark_serves_and_price_breaks_ties() {
    let cold = Ask {
        rankings: None,
        ..Ask::default()
    };
    assert_eq!(cold.order(), ["q/c", "p/b", "p/a"]);
    let vision = Ask {
        features: Features {
            vision: true,
            ..Features::default()
        },
        rankings: None,
        ..cold
    };
    assert_eq!(vision.order(), ["q/c", "p/a"]);
}

#[test]
fn capability_and_context_filter_learned_candidates() {
    let long = Features {
        input_tokens_estimate: 2_000,
        ..Features::default()
    };
    assert!(
        Ask {
            features: long,
            ..Ask::default()
        }
        .choose(|_| None)
        .is_none()
    );
    let embeddings = Features {
        embeddings: true,
        ..Features::default()
    };
    assert_eq!(
        Ask {
            features: embeddings,
            ..Ask::default()
        }
        .order(),
        ["p/embed"]
    );
}

#[test]
fn named_models_are_served_as_asked() {
    let one = Ask {
        selection: Selection::One(key("p/unlisted")),
        ..Ask::default()
    };
    let choice = one.choose(|_| None).expect("passed through");
    assert_eq!(
        (choice.strategy, choice.order.len()),
        (Strategy::LegacyModel, 1)
    );
    assert_eq!(choice.candidates[0].expected_cost_micro_usd, None);
    let list = Selection::Ordered(vec![key("q/c"), key("p/a")]);
    assert_eq!(
        Ask {
            selection: list,
            ..Ask::default()
        }
        .order(),
        ["q/c", "p/a"]
    );
}

#[test]
fn shadows_are_drawn_at_their_rate_and_never_the_served_one() {
    let shadowed = (0..10_000)
        .filter_map(|i| {
            let ask = Ask {
                rankings: Some(rankings(0.1)),
                session: format!("r{i}"),
                ..Ask::default()
            };
            ask.choose(|_| None)?.shadow.map(|shadow| {
                assert_eq!(shadow.model.key, key("q/c"));
                assert_eq!(shadow.propensity, 0.1);
            })
        })
        .count();
    assert!(
        (850..1_150).contains(&shadowed),
        "{shadowed} of 10,000 at 10 %"
    );
}
