//! What a newer edition changes, and what it leaves alone.

use super::*;

fn file(edition: &str, date: &str, models: &str) -> File {
    let sources = format!(
        "[sources.{edition}]\ntitle = \"Map\"\ndate = \"{date}\"\nseries = \"map\"\n\
         [sources.me]\ntitle = \"Me\"\ndate = \"2026-01\"\n"
    );
    File::parse(&(sources + models), "c.toml").expect("valid")
}

fn model(name: &str, price: &str, source: &str, more: &str) -> String {
    format!(
        "[[models]]\nprovider = \"p\"\nmodel = \"{name}\"\ninput_usd_per_mtok = {price}\n\
         output_usd_per_mtok = {price}\nsource = \"{source}\"\n{more}\n"
    )
}

fn merged(own: &File, newer: &File, options: Options) -> (File, Changes) {
    merge(own, newer, options).expect("no conflict")
}

const FIGURES: &str =
    "benchmarks = [{ shape = \"all\", test = \"T\", score = 0.5, source = \"me\" }]";

#[test]
fn a_newer_edition_changes_its_own_facts_and_no_figures() {
    let own = file("old", "2026-10", &model("a", "1", "old", FIGURES));
    let newer = file(
        "new",
        "2026-11",
        &model("a", "2", "new", "context_tokens = 9"),
    );
    let (result, changes) = merged(&own, &newer, Options::default());
    let [(name, changed)] = changes.changed.as_slice() else {
        panic!("{changes:?}")
    };
    assert_eq!(name, "p/a");
    let told: Vec<_> = changed
        .iter()
        .map(|c| (c.key, c.from.as_deref(), c.to.as_deref()))
        .collect();
    let expected = [
        ("context_tokens", None, Some("9")),
        ("input_usd_per_mtok", Some("1"), Some("2")),
        ("output_usd_per_mtok", Some("1"), Some("2")),
    ];
    assert_eq!(told, expected);
    assert_eq!(result.models[0].benchmarks, own.models[0].benchmarks);
    let sources: Vec<&String> = result.sources.keys().collect();
    assert_eq!(
        sources,
        ["me", "new"],
        "the old edition is nobody's source now"
    );
}

#[test]
fn what_was_written_by_hand_or_is_newer_stays() {
    let own = file(
        "old",
        "2026-12",
        &(model("a", "1", "me", "") + &model("b", "1", "old", "")),
    );
    let newer = file(
        "new",
        "2026-11",
        &(model("a", "2", "new", "") + &model("b", "2", "new", "")),
    );
    let (result, changes) = merged(&own, &newer, Options::default());
    assert_eq!(result, own);
    assert_eq!(changes.kept, ["p/a", "p/b"]);
}

#[test]
fn prices_of_another_source_stay_while_the_other_facts_change() {
    let own = file(
        "old",
        "2026-10",
        &model("a", "1", "old", "prices_source = \"me\""),
    );
    let newer = file(
        "new",
        "2026-11",
        &model("a", "2", "new", "context_tokens = 9"),
    );
    let (result, _) = merged(&own, &newer, Options::default());
    let model = &result.models[0];
    assert_eq!(
        model.input_usd_per_mtok.map(|usd| usd.micro()),
        Some(1_000_000)
    );
    assert_eq!(
        (model.context_tokens, model.prices_source.as_deref()),
        (Some(9), Some("me"))
    );
}

#[test]
fn models_come_and_go_only_when_asked_to() {
    let own = file(
        "old",
        "2026-10",
        &(model("a", "1", "old", "") + &model("mine", "1", "me", "")),
    );
    let newer = file("new", "2026-11", &model("b", "2", "new", ""));
    let (result, changes) = merged(&own, &newer, Options::default());
    assert_eq!(result, own);
    assert_eq!(
        (changes.offered, changes.gone),
        (vec!["p/b".to_owned()], vec!["p/a".to_owned()])
    );
    let all = Options {
        add: true,
        remove: true,
    };
    let (result, changes) = merged(&own, &newer, all);
    let names: Vec<String> = result.models.iter().map(Entry::name).collect();
    assert_eq!(names, ["p/mine", "p/b"]);
    assert_eq!(
        (changes.added, changes.removed),
        (vec!["p/b".to_owned()], vec!["p/a".to_owned()])
    );
}

#[test]
fn merging_the_same_twice_changes_nothing() {
    let own = file("old", "2026-10", &model("a", "1", "old", FIGURES));
    let newer = file("new", "2026-11", &model("a", "2", "new", ""));
    let (once, _) = merged(&own, &newer, Options::default());
    let (twice, changes) = merged(&once, &newer, Options::default());
    assert_eq!(twice, once);
    assert_eq!(changes, Changes::default());
}

#[test]
fn one_name_for_two_sources_is_refused() {
    let own = file("map", "2026-10", &model("a", "1", "map", ""));
    let newer = file("map", "2026-11", &model("a", "2", "map", ""));
    let told = merge(&own, &newer, Options::default()).expect_err("two editions");
    assert!(
        told.to_string()
            .starts_with("sources.map is declared differently")
    );
}
