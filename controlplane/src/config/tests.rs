//! What is wrong with a configuration is said by file, line, key and value.

use floopy_shared::process::config::parse;

use super::*;

fn error(text: &str) -> String {
    parse::<Config>(text, "floopy.toml")
        .expect_err(text)
        .to_string()
}

#[test]
fn wrong_values_are_named_with_line_key_value_and_what_is_allowed() {
    let cases = [
        (
            "[learning]\nshadow_rate = 1.5",
            "floopy.toml:2: learning.shadow_rate: ",
            "1.5",
        ),
        (
            "[learning]\nassurance = 0.2",
            "floopy.toml:2: learning.assurance: ",
            "0.5 to 0.99",
        ),
        (
            "[learning]\nobjective = \"best\"",
            "floopy.toml:2: learning.objective: ",
            "`quality`",
        ),
        ("\nrefresh_ms = 0", "floopy.toml:2: refresh_ms: ", "10 to"),
        (
            "[retention]\ndecisions_days = 0",
            "floopy.toml:2: retention.decisions_days: ",
            "1 to",
        ),
        (
            "[retention]\ndecisions_days = 30\nsums_days = 29",
            "floopy.toml:1: [retention]: ",
            "sums_days is 29, it must be at least decisions_days, which is 30",
        ),
        (
            "[retention]\ndecisions_days = 500",
            "floopy.toml:1: [retention]: ",
            "sums_days is 400",
        ),
        (
            "[[tenants]]\nid = \"a/b\"",
            "floopy.toml:2: tenants.id: ",
            "a/b",
        ),
        (
            "[[models]]\nprovider = \"x/y\"\nmodel = \"m\"",
            "floopy.toml:2: models.provider: ",
            "x/y",
        ),
        (
            "[[models]]\nprovider = \"x\"\nmodel = \"m\"\ninput_usd_per_mtok = -1.0",
            "floopy.toml:4: ",
            "-1",
        ),
        (
            "[learning]\nspeed = 3",
            "floopy.toml:2: learning.speed: ",
            "unknown field",
        ),
    ];
    for (text, place, detail) in cases {
        check(text, place, detail);
    }
}

fn check(text: &str, place: &str, detail: &str) {
    let message = error(text);
    assert!(message.starts_with(place), "{message}");
    assert!(message.contains(detail), "{message}");
}

#[test]
fn rates_and_budgets_have_their_bounds() {
    let cases = [
        (
            "[learning]\nlive_exploration = 0.06",
            "floopy.toml:2: learning.live_exploration: ",
            "from 0 to 0.05",
        ),
        (
            "[learning]\nquality_per_usd = -1.0",
            "floopy.toml:2: learning.quality_per_usd: ",
            "-1 is not allowed",
        ),
        (
            "[[tenants]]\nid = \"a\"\nshadow_budget_usd_per_day = -5.0",
            "floopy.toml:3: tenants.shadow_budget_usd_per_day: ",
            "-5 is not allowed",
        ),
    ];
    for (text, place, detail) in cases {
        check(text, place, detail);
    }
}

#[test]
fn an_empty_file_is_the_default_and_secrets_are_masked() {
    let config: Config = parse("", "floopy.toml").expect("valid");
    assert_eq!((config.refresh_ms, config.learning.shadow_rate), (250, 0.1));
    let config: Config = parse("token = \"s3cret\"", "floopy.toml").expect("valid");
    assert!(!format!("{config:?}").contains("s3cret"));
}
