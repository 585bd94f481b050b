//! Conversations stay with who serves them, and what is logged stays exact.

use floopy_shared::domain::{
    affinity::{Affinity, Origin, Release},
    constraints::{Constraints, MinQuality},
    decision::{Filter, Reason},
    features::Features,
    ranking::{Objective, Role},
    route::Selection,
};

use crate::world::{Ranked, World, key, order, ranked, serving};

fn world() -> World {
    World {
        shadow_rate: 1.0,
        ..World::new(vec![
            serving("openai/gpt", 0.95, Role::Incumbent),
            serving("anthropic/claude", 0.05, Role::Canary),
            Ranked {
                shadow: 1.0,
                ..ranked("anthropic/claude-mini")
            },
            ranked("gemini/pro"),
        ])
    }
}

fn in_loop(held: Option<&str>, origin: Option<Origin>) -> World {
    World {
        affinity: Affinity {
            held: held.map(key),
            tool_loop: true,
            origin,
            ..Affinity::default()
        },
        ..world()
    }
}

#[test]
fn within_a_tool_loop_whoever_made_the_calls_goes_on() {
    let choice = in_loop(Some("gemini/pro"), None).choose();
    assert_eq!(
        (order(&choice)[0], choice.reason),
        ("gemini/pro", Reason::Pinned)
    );
    assert_eq!((choice.propensity, choice.exploration_rate), (1.0, 0.0));
    assert_eq!(
        choice.shadow, None,
        "a shadow cannot answer another model's calls"
    );
    let canary = in_loop(Some("anthropic/claude"), None).choose();
    assert_eq!((canary.propensity, canary.exploration_rate), (1.0, 0.0));
}

#[test]
fn a_loop_survives_what_moves_with_the_ranking_and_ends_where_nobody_can_go_on() {
    let pinned = || in_loop(Some("gemini/pro"), None);
    let floor = World {
        constraints: Constraints {
            min_quality: Some(MinQuality {
                floor: 0.95,
                assurance: 0.7,
            }),
            ..Constraints::default()
        },
        ..pinned()
    };
    assert_eq!(floor.served(), ("gemini/pro".into(), "pinned"));
    let open =
        pinned().choose_where(|m| (m.key.provider() == "gemini").then_some(Filter::CircuitOpen));
    assert_eq!(open.released, Some(Release::Filtered));
    assert_ne!(open.reason, Reason::Pinned);
    let gone = in_loop(Some("mistral/large"), None).choose();
    assert_eq!(gone.released, Some(Release::NotRanked));
    let mut drifted = pinned();
    drifted.candidates[3].role = Role::Masked;
    assert_eq!(drifted.choose().released, Some(Release::Filtered));
}

#[test]
fn where_the_proxy_forgot_the_ids_of_the_calls_name_the_provider() {
    let claude = in_loop(None, Some(Origin::Anthropic)).choose();
    assert_eq!(order(&claude)[0], "anthropic/claude");
    assert_eq!((claude.reason, claude.propensity), (Reason::Pinned, 1.0));
    let gemini = in_loop(None, Some(Origin::Gemini)).choose();
    assert_eq!(
        order(&gemini)[0],
        "gemini/pro",
        "without traffic, the best that understands it"
    );
    let style = in_loop(None, Some(Origin::OpenAiStyle)).choose();
    assert_eq!(order(&style)[0], "openai/gpt");
    let blocked = in_loop(None, Some(Origin::Gemini))
        .choose_where(|m| (m.key.provider() == "gemini").then_some(Filter::NoProviderKey));
    assert_eq!(blocked.released, Some(Release::OriginUnavailable));
}

#[test]
fn sealed_content_stays_with_its_provider_also_outside_a_loop() {
    let bound = |held: Option<&str>| World {
        affinity: Affinity {
            held: held.map(key),
            origin: Some(Origin::Anthropic),
            bound: true,
            ..Affinity::default()
        },
        ..world()
    };
    for held in [None, Some("anthropic/claude"), Some("openai/gpt")] {
        let choice = bound(held).choose();
        assert_eq!(order(&choice)[0], "anthropic/claude", "{held:?}");
        assert_eq!(choice.reason, Reason::Pinned);
        let rate = choice.exploration_rate;
        assert_eq!(rate, 0.0, "the canary serves for the sake of the history");
        assert_eq!(
            choice.shadow.expect("drawn").model.key,
            key("anthropic/claude-mini"),
            "who can read it can be tried"
        );
    }
}

#[test]
fn a_list_keeps_who_stepped_in_while_the_loop_lasts() {
    let listed = World {
        selection: Selection::Ordered(vec![key("openai/gpt"), key("gemini/pro")]),
        ..in_loop(Some("gemini/pro"), None)
    };
    assert_eq!(order(&listed.choose()), ["gemini/pro", "openai/gpt"]);
    assert_eq!(listed.served(), ("gemini/pro".into(), "pinned"));
}

#[test]
fn no_shadow_where_it_could_do_or_keep_something() {
    assert!(world().choose().shadow.is_some());
    let mut provider_tools = world();
    provider_tools.features.provider_tools = true;
    assert_eq!(provider_tools.choose().shadow, None);
    let zero_retention = World {
        zero_retention: true,
        ..world()
    };
    assert_eq!(zero_retention.choose().shadow, None);
}

/// A long conversation held by the second of two candidates, while the first is drawn.
fn warm(gain: f64, quality_per_usd: f64) -> World {
    let drawn = Ranked {
        score: 0.5 + gain,
        price: Some(3_000_000),
        ..serving("p/new", 1.0, Role::Incumbent)
    };
    let held = Ranked {
        price: Some(3_000_000),
        ..ranked("q/held")
    };
    World {
        features: Features {
            messages: 9,
            input_tokens_estimate: 10_200,
            history_tokens_estimate: 10_000,
            ..Features::default()
        },
        affinity: Affinity {
            held: Some(key("q/held")),
            warm: true,
            ..Affinity::default()
        },
        quality_per_usd,
        ..World::new(vec![drawn, held])
    }
}

#[test]
fn a_switch_must_be_worth_the_cache_it_leaves() {
    // 10,000 tokens at 3 instead of 0.3 USD a million lose 0.027 USD; four turns are expected to follow.
    let worth = 0.027 / 4.0;
    let switched = ("p/new".to_owned(), "dispatched");
    assert_eq!(warm(worth * 1.01, 1.0).served(), switched);
    let kept = warm(worth * 0.99, 1.0).choose();
    assert_eq!((order(&kept)[0], kept.reason), ("q/held", Reason::KeptWarm));
    assert_eq!(kept.propensity, 1.0);
    assert_eq!(
        warm(worth * 0.99, 0.5).served(),
        switched,
        "a USD is worth less quality"
    );
    assert_eq!(
        warm(-0.1, 0.0).served(),
        switched,
        "caches count for nothing"
    );
}

#[test]
fn nothing_is_kept_warm_that_is_cold_short_filtered_or_unpriced() {
    let served = |change: &dyn Fn(&mut World)| {
        let mut world = warm(0.0, 1.0);
        change(&mut world);
        world.served()
    };
    let switched = ("p/new".to_owned(), "dispatched");
    assert_eq!(served(&|_| {}), ("q/held".to_owned(), "kept_warm"));
    assert_eq!(served(&|w| w.affinity.warm = false), switched);
    assert_eq!(
        served(&|w| w.features.history_tokens_estimate = 1_023),
        switched
    );
    assert_eq!(served(&|w| w.candidates[0].price = None), switched);
    assert_eq!(served(&|w| w.candidates[1].role = Role::Masked), switched);
    assert_eq!(
        served(&|w| w.affinity.held = Some(key("gone/away"))),
        switched
    );
}

#[test]
fn under_a_floor_a_switch_must_save_more_than_it_loses() {
    let under_floor = |price| {
        let mut world = warm(-0.05, 1.0);
        world.objective = Objective::Floor;
        world.candidates[0].price = Some(price);
        world.served().0
    };
    // A turn costs 0.0081 USD warm where a million tokens cost 3. At 2 it costs 0.0054, which saves 0.0108
    // over four turns and loses 0.018 once; at 1.5 it saves 0.0162 and loses 0.0135.
    assert_eq!(under_floor(2_000_000), "q/held");
    assert_eq!(under_floor(1_500_000), "p/new");
    let mut better = warm(0.2, 1.0);
    better.objective = Objective::Floor;
    assert_eq!(
        better.served().0,
        "p/new",
        "who lost the floor is left for quality's sake"
    );
}
