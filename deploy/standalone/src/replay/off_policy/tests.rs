//! From exported decisions to estimates and refusals.

use std::io::Write;

use super::*;

/// A decision of session `s`, where `a/x` has 0.8 of the traffic and `b/y` the rest.
fn line(session: usize, served: &str, score: f64) -> String {
    let (provider, model) = served.split_once('/').expect("a key");
    serde_json::json!({
        "request_id": format!("r{session}"), "routing_strategy": "feedback_driven", "draw_key": format!("s{session}"),
        "task_shape": "all", "shadow_of": null, "score": score, "stage": "finished",
        "chosen": {"provider": provider, "model": model}, "winner": {"provider": provider, "model": model},
        "candidates": [
            {"provider": "a", "model": "x", "score": 0.7, "posterior": {"mean": 0.7, "lower": 0.6, "upper": 0.8, "n": 9},
             "propensity": 0.8, "expected_cost_micro_usd": 100, "filtered_reason": null},
            {"provider": "b", "model": "y", "score": 0.6, "posterior": null,
             "propensity": 0.2, "expected_cost_micro_usd": 10, "filtered_reason": null},
            {"provider": "c", "model": "z", "score": 0.5, "posterior": null,
             "propensity": 0.0, "expected_cost_micro_usd": 1, "filtered_reason": null},
        ],
    })
    .to_string()
}

fn estimates(lines: &[String], constraint: &Constraint) -> Result<Estimates, OffPolicyError> {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(lines.join("\n").as_bytes())
        .expect("written");
    estimate(file.path(), constraint)
}

fn excluding(name: &str) -> Constraint {
    Constraint {
        exclude: vec![name.into()],
        ..Constraint::default()
    }
}

#[test]
fn ten_decisions_by_hand() {
    let log: Vec<String> = (0..8)
        .map(|n| line(n, "a/x", 1.0))
        .chain([line(8, "b/y", 1.0), line(9, "b/y", 0.5)])
        .collect();
    let found = estimates(&log, &excluding("a")).expect("overlap");
    let near = |found: f64, expected: f64| {
        assert!((found - expected).abs() < 1e-9, "{found}, not {expected}")
    };
    near(found.logged.value, 0.95);
    // b/y would serve everything: weight 5 for its two replies.
    near(found.ips.value, 5.0 * 1.5 / 10.0);
    near(found.self_normalised.value, 0.75);
    // Its mean without the decision's own reply: 0.75 for others, 0.5 and 1.0 for its own two.
    let corrected = (0.5 + 5.0 * 0.5) + (1.0 - 5.0 * 0.5);
    near(found.doubly_robust.value, (8.0 * 0.75 + corrected) / 10.0);
    near(found.effective_size, 2.0);
    let (logged, target) = found.cost_usd.expect("prices");
    near(logged, 82e-6);
    near(target, 10e-6);
    assert!(text(&found).contains("too few to rely on"));
}

#[test]
fn without_overlap_it_refuses_and_says_why() {
    let log = [line(0, "a/x", 1.0), line(1, "b/y", 1.0)];
    let constraint = Constraint {
        only: vec!["c".into()],
        ..Constraint::default()
    };
    let error = estimates(&log, &constraint)
        .expect_err("no overlap")
        .to_string();
    assert!(
        error.contains("no overlap") && error.contains("2 would fall"),
        "{error}"
    );
    let error = estimates(&log[..1], &excluding("a/x"))
        .expect_err("b/y never served")
        .to_string();
    assert!(error.contains("no overlap"), "{error}");
}

#[test]
fn what_is_of_no_use_is_counted_and_a_page_is_read_too() {
    let named = line(1, "a/x", 1.0).replace("feedback_driven", "legacy_model");
    let unscored = line(2, "a/x", 1.0).replace(
        "\"score\":1.0,\"shadow_of\"",
        "\"score\":null,\"shadow_of\"",
    );
    let shadow = line(3, "c/z", 0.0).replace("\"shadow_of\":null", "\"shadow_of\":\"r1\"");
    let page = format!(
        "{{\"items\":[{},{named},{unscored},{shadow}]}}",
        line(0, "a/x", 1.0)
    );
    let found = estimates(&[page, line(4, "b/y", 1.0)], &excluding("c")).expect("overlap");
    assert_eq!(
        (
            found.counts.decisions,
            found.counts.shadows,
            found.counts.covered
        ),
        (4, 1, 2)
    );
    assert_eq!(found.counts.unusable[&Unusable::NotRouted], 1);
    assert_eq!(found.counts.unusable[&Unusable::Unscored], 1);
}

#[test]
fn errors_name_the_line_the_field_and_the_value() {
    let check = |text: String, constraint: &Constraint, parts: &[&str]| {
        let error = estimates(&[line(0, "a/x", 1.0), text], constraint)
            .expect_err("refused")
            .to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    };
    check(
        line(1, "a/x", 1.5),
        &excluding("a"),
        &["line 2", "r1", "score is 1.5"],
    );
    let wild = line(1, "a/x", 1.0).replace("\"propensity\":0.8", "\"propensity\":8");
    check(wild, &excluding("a"), &["candidates.propensity is 8"]);
    check("{}".into(), &excluding("a"), &["line 2", "not a decision"]);
    check(line(1, "a/x", 1.0), &excluding("q"), &["\"q\""]);
    check(
        line(1, "a/x", 1.0),
        &Constraint::default(),
        &["no constraint"],
    );
}
