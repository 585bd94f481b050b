//! Every template in every language against a golden file, and again from its parameters.
#![allow(clippy::expect_used, reason = "a broken assumption must end the test")]

use floopy_shared::domain::{
    explanation::{CacheTier, Explanation, Locale, NoRouter, Ranked, RuleChoice, TEMPLATE_IDS},
    ids::CandidateKey,
};

const GOLDEN: &str = include_str!("explanation/golden.txt");

fn key(name: &str) -> Option<CandidateKey> {
    Some(CandidateKey::parse(name).expect("valid"))
}

fn ranked(
    confidence: Option<f64>,
    outcome_variance: f64,
    kept_warm_tokens: Option<u64>,
) -> Explanation {
    Explanation::ranked(Ranked {
        served: key("openai/gpt-5"),
        task_shape: "class:code".into(),
        samples: if kept_warm_tokens.is_some() { 1 } else { 1_412 },
        top2_score_gap: 0.07,
        outcome_variance,
        confidence,
        kept_warm_tokens,
    })
}

fn routed() -> Vec<Explanation> {
    let served = || key("openai/gpt-5");
    let rule = || Some("cheap first".to_owned());
    let mut all = vec![
        ranked(Some(0.83), 0.04, None),
        ranked(Some(0.8), 0.05, Some(12_400)),
        ranked(Some(0.6755), 0.1, None),
        ranked(Some(0.2), 0.2, None),
        ranked(None, 0.25, None),
        Explanation::SmartCostSelected {
            served: key("groq/openai/gpt-oss-20b"),
            baseline: served(),
            rule: rule(),
        },
        Explanation::SmartCostKeptDefault {
            served: served(),
            rule: None,
        },
        Explanation::Explored {
            served: served(),
            probability: 0.0525,
        },
    ];
    for choice in [
        RuleChoice::First,
        RuleChoice::Drawn { probability: 0.25 },
        RuleChoice::FirstByte,
    ] {
        all.push(Explanation::StaticRule {
            served: served(),
            rule: rule(),
            choice,
        });
    }
    all.push(behind());
    all
}

/// A cheaper one in charge of everything, under a floor.
fn behind() -> Explanation {
    Explanation::ranked(Ranked {
        served: key("groq/openai/gpt-oss-20b"),
        task_shape: "all".into(),
        samples: 40,
        top2_score_gap: -0.012,
        outcome_variance: 0.04,
        confidence: Some(0.4),
        kept_warm_tokens: None,
    })
}

fn others() -> Vec<Explanation> {
    let served = || key("openai/gpt-5");
    let mut all = vec![
        Explanation::FallbackOnly {
            served: served(),
            filtered: 3,
        },
        Explanation::ConstraintFiltered {
            served: served(),
            filtered: 1_234,
        },
        Explanation::LowConfidenceDefault {
            served: served(),
            confidence: Some(0.41),
        },
        Explanation::ProviderFallback {
            chosen: key("anthropic/claude-sonnet-4-6"),
            served: served(),
            attempts: 2,
        },
        Explanation::ProviderFallback {
            chosen: None,
            served: None,
            attempts: 5,
        },
        Explanation::FirewallBlocked {},
        Explanation::ShadowOnly {
            tried: served(),
            shadow_of: Some(uuid::Uuid::from_u128(
                0x8f14_e45f_ceea_467f_a8b3_5f3b_1c2d_3e4f,
            )),
        },
    ];
    for tier in [CacheTier::Exact, CacheTier::Semantic, CacheTier::Advanced] {
        let model = served();
        all.push(Explanation::CacheHit { tier, model });
    }
    for cause in [
        NoRouter::NamedModel,
        NoRouter::Passthrough,
        NoRouter::SingleCandidate,
        NoRouter::ToolLoop,
        NoRouter::ProviderContent,
        NoRouter::NoRanking,
        NoRouter::Refused,
    ] {
        let served = served();
        all.push(Explanation::NoRouterInvoked { served, cause });
    }
    all
}

fn samples() -> Vec<Explanation> {
    [routed(), others()].concat()
}

#[test]
fn every_template_reads_in_every_language_as_in_the_golden_file() {
    let mut text = String::new();
    for explanation in samples() {
        text += &format!("{}\n", explanation.template_id());
        for locale in Locale::ALL {
            text += &format!("  {}: {}\n", locale.tag(), explanation.text(locale));
        }
    }
    assert!(
        text == GOLDEN,
        "explanation/golden.txt should now be:\n{text}"
    );
}

#[test]
fn the_samples_have_all_fifteen_templates_and_no_other() {
    let mut ids: Vec<&str> = samples().iter().map(Explanation::template_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut known = TEMPLATE_IDS;
    known.sort_unstable();
    assert_eq!(ids, known);
}

#[test]
fn the_parameters_that_are_shown_render_the_same_bytes_again() {
    for explanation in samples() {
        for locale in Locale::ALL {
            let mut detail = explanation.detail(locale);
            let text = detail["text"].take();
            assert_eq!(detail["template_id"], explanation.template_id());
            let kept = serde_json::json!({"template_id": detail["template_id"], "params": detail["params"]});
            let kept = kept.to_string();
            let again: Explanation = serde_json::from_str(&kept).expect("reads its own form");
            assert_eq!(text, again.text(locale), "{kept}");
        }
    }
}

#[test]
fn parameters_outside_the_closed_set_are_refused() {
    for wrong in [
        r#"{"template_id": "because", "params": {}}"#,
        r#"{"template_id": "cache_hit", "params": {"tier": "warm", "model": null}}"#,
        r#"{"template_id": "cache_hit", "params": {"tier": "exact", "model": "no slash"}}"#,
        r#"{"template_id": "explored", "params": {"served": null, "probability": 1, "mood": "good"}}"#,
    ] {
        assert!(
            serde_json::from_str::<Explanation>(wrong).is_err(),
            "{wrong}"
        );
    }
}
