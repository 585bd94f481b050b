//! The file that ships, what a file may not say, and that what is written reads back.

use proptest::prelude::*;

use super::*;
use crate::domain::ids::CandidateKey;

const SOURCES: &str = "[sources.a]\ntitle = \"A\"\ndate = \"2026-11\"\n";

#[test]
fn the_builtin_file_is_valid_and_written_as_it_would_be_written() {
    let file = match File::parse(BUILTIN, "models.toml") {
        Ok(file) => file,
        Err(errors) => {
            let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
            panic!("{}", told.join("\n"));
        }
    };
    let comment = BUILTIN
        .lines()
        .take_while(|line| line.starts_with('#'))
        .count();
    let without: Vec<&str> = BUILTIN.lines().skip(comment + 1).collect();
    assert_eq!(file.to_toml(), without.join("\n") + "\n");
    assert_eq!(builtin_catalog().models().len(), file.models.len());
}

#[test]
fn every_figure_of_the_builtin_file_has_a_source_with_a_date() {
    for model in &builtin().models {
        let figures = model.benchmarks.iter().map(|figure| figure.source.as_ref());
        for name in figures.chain([model.source.as_ref()]) {
            let source = name.and_then(|name| builtin().sources.get(name));
            assert!(source.is_some(), "{}", model.name());
        }
        let has_general = model.benchmarks.iter().any(|f| f.shape == GENERAL);
        assert_eq!(has_general, model.kind == Kind::Chat, "{}", model.name());
    }
}

#[test]
fn priors_by_kind_of_task_are_near_the_general_ones_and_say_what_they_rest_on() {
    let catalog = builtin_catalog();
    let opus = CandidateKey::new("anthropic", "claude-opus-4-5").expect("valid");
    let opus = catalog.get(&opus).expect("listed");
    for shape in ["code", "math", "tool_use", "long_context", "vision"] {
        let prior = opus.shape_prior(&format!("class:{shape}")).expect(shape);
        assert!((prior.value - opus.benchmark).abs() < 0.1, "{prior:?}");
        assert!(prior.source.contains("2026-02"), "{prior:?}");
    }
    let tools = |name: &str| {
        let key = CandidateKey::new("openai", name).expect("valid");
        let model = catalog.get(&key).expect("listed");
        model.shape_prior("class:tool_use").map(|prior| prior.value)
    };
    let best = opus.shape_prior("class:tool_use").map(|prior| prior.value);
    assert!(best > tools("gpt-5.2"), "0.775 against 0.631 of BFCL-V4");
    assert_eq!(tools("gpt-4o"), None, "nobody published one");
}

#[test]
fn a_test_that_too_few_models_share_makes_no_priors() {
    let figure = |shape: &str, test: &str, score: f64| Figure {
        shape: shape.into(),
        test: Some(test.into()),
        score,
        source: Some("a".into()),
        estimated: false,
    };
    let model = |n: u8, special: &str| {
        let score = f64::from(n) / 10.0;
        Entry {
            benchmarks: vec![
                figure("all", "G", score),
                figure("code", special, score / 2.0),
            ],
            ..Entry::named("p", &format!("m{n}"))
        }
    };
    let priors = |entries: &[Entry]| {
        let models = Models::of(entries).all(entries, &Sources::new());
        models.iter().filter(|m| !m.shape_priors.is_empty()).count()
    };
    let mut entries: Vec<Entry> = (1..=4).map(|n| model(n, "S")).collect();
    assert_eq!(priors(&entries), 0);
    // The same model at another provider says nothing new.
    entries.push(Entry {
        provider: "q".into(),
        ..model(4, "S")
    });
    assert_eq!(priors(&entries), 0);
    // Nor does a figure that nobody measured.
    let mut estimated = model(6, "S");
    estimated.benchmarks[0].estimated = true;
    entries.push(estimated);
    assert_eq!(priors(&entries), 0);
    entries.push(model(5, "S"));
    assert_eq!(
        priors(&entries),
        entries.len(),
        "the estimated one has its own result"
    );
}

/// A file that is wrong at one place: that line, that key, that value.
#[track_caller]
fn check(text: &str, expected: &str) {
    let text = format!("{SOURCES}{text}");
    let errors = File::parse(&text, "c.toml").expect_err(&text);
    let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert!(
        told.iter().any(|t| t.starts_with(expected)),
        "{expected:?} is not in {told:?}"
    );
}

#[test]
fn what_is_wrong_is_told_by_file_line_key_and_value() {
    let model = |lines: &str| format!("[[models]]\nprovider = \"p\"\nmodel = \"m\"\n{lines}\n");
    let sourced = |lines: &str| model(&format!("source = \"a\"\n{lines}"));
    check(
        &model("speed = 3"),
        "c.toml:7: models.speed: unknown field `speed`",
    );
    check(&model(""), "c.toml:4: models[0].source: is missing");
    check(
        &model("source = \"b\""),
        "c.toml:7: models[0].source: \"b\" is not declared",
    );
    check(
        &sourced("input_usd_per_mtok = -1"),
        "c.toml:8: models.input_usd_per_mtok: -1 is not allowed",
    );
    check(
        &sourced("input_usd_per_mtok = 1"),
        "c.toml:4: models[0].output_usd_per_mtok: is missing",
    );
    check(
        &sourced("context_tokens = 0"),
        "c.toml:8: models[0].context_tokens: 0 is not allowed",
    );
    check(
        &sourced("input = [\"smell\"]"),
        "c.toml:8: models.input: unknown variant `smell`",
    );
    check(
        &sourced("input = [\"text\", \"text\"]"),
        "c.toml:8: models[0].input: \"text\" is listed twice",
    );
    check(
        &sourced("deprecated_on = \"2026-02-30\""),
        "c.toml:8: models.deprecated_on: \"2026-02-30\" is no date",
    );
    check(
        &sourced("benchmark = 0.5"),
        "c.toml:8: models[0].benchmark: has no source",
    );
    check(
        &(sourced("") + &sourced("")),
        "c.toml:11: models[1].model: p/m is listed twice",
    );
    check(
        "[sources.b]\ntitle = \"B\"\n",
        "c.toml:4: [sources.b]: missing field `date`",
    );
    check(
        "[sources.b]\ntitle = \"B\"\ndate = \"last year\"\n",
        "c.toml:6: sources.b.date: \"last year\" is no date",
    );
    check("[source.b]\n", "c.toml:4: source: unknown key");
    check("[[models]\n", "c.toml:4: ");
}

#[test]
fn what_is_wrong_with_a_figure_is_told_where_it_stands() {
    let figure = |line: &str| {
        format!(
            "[[models]]\nprovider = \"p\"\nmodel = \"m\"\nsource = \"a\"\nbenchmarks = [\n  {{ {line} }},\n]\n"
        )
    };
    check(
        &figure("shape = \"song\", test = \"T\", score = 0.5, source = \"a\""),
        "c.toml:9: models[0].benchmarks[0].shape: \"song\" is no kind of task",
    );
    check(
        &figure("shape = \"code\", test = \"T\", score = 63.1, source = \"a\""),
        "c.toml:9: models[0].benchmarks[0].score: 63.1 is not allowed",
    );
    check(
        &figure("shape = \"code\", score = 0.5, source = \"a\""),
        "c.toml:9: models[0].benchmarks[0].test: is missing",
    );
    check(
        &figure("shape = \"code\", test = \"T\", score = 0.5"),
        "c.toml:9: models[0].benchmarks[0].source: is missing",
    );
}

#[test]
fn every_problem_is_told_at_once() {
    let text = "[[models]]\nprovider = \"p\"\nmodel = 3\n[[models]]\nprovider = \"p/q\"\nmodel = \"m\"\n[other]\n";
    let errors = File::parse(text, "c.toml").expect_err("wrong");
    let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 3, "{told:?}");
}

fn name() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9._:@-]{1,12}"
}

fn usd() -> impl Strategy<Value = Option<Usd>> {
    prop::option::of(
        (0..10_000_000_000u64).prop_map(|micro| Usd::from_micro(micro).expect("small")),
    )
}

fn figure() -> impl Strategy<Value = Figure> {
    let shape = prop::sample::select(vec!["code", "math", "chat", "tool_use"]);
    (shape, name(), 0.0..=1.0f64, any::<bool>()).prop_map(|(shape, test, score, estimated)| {
        Figure {
            shape: shape.into(),
            test: Some(test),
            score,
            source: Some("a".into()),
            estimated,
        }
    })
}

prop_compose! {
    fn entry()(
        model in "[a-z]{1,3}/?[a-zA-Z0-9.:-]{1,9}",
        embeds in any::<bool>(),
        context_tokens in prop::option::of(1..=9_000_000u64),
        (image, vision, tools, json_schema, reasoning) in any::<(bool, bool, bool, bool, bool)>(),
        prices in prop::option::of((0..9_000_000_000u64, 0..9_000_000_000u64)),
        (cached, write) in (usd(), usd()),
        figure in prop::option::of(figure()),
    ) -> Entry {
        let usd = |micro: u64| Usd::from_micro(micro).expect("small");
        Entry {
            kind: if embeds { Kind::Embedding } else { Kind::Chat },
            context_tokens,
            input: if image { vec![Modality::Text, Modality::Image] } else { Vec::new() },
            vision, tools, json_schema, reasoning,
            deprecated_on: reasoning.then(|| Date::parse("2027-01-31").expect("a date")),
            input_usd_per_mtok: prices.map(|p| usd(p.0)),
            output_usd_per_mtok: prices.map(|p| usd(p.1)),
            cached_input_usd_per_mtok: prices.and(cached),
            cache_write_usd_per_mtok: prices.and(write),
            source: Some("a".into()),
            benchmarks: figure.into_iter().collect(),
            ..Entry::named("p", &model)
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_reads_back(entries in prop::collection::btree_map(name(), entry(), 0..6), title in "\\PC{0,20}[\"\\\\\n\t\u{1}]?") {
        let source = Source {
            title,
            url: None,
            date: Date::parse("2026-11").expect("a date"),
            licence: Some("MIT".into()),
            series: None,
        };
        let mut file = File {
            sources: Sources::from([("a".to_owned(), source)]),
            models: Vec::new(),
        };
        for (name, entry) in entries {
            file.models.push(Entry { provider: name, ..entry });
        }
        let text = file.to_toml();
        let read = File::parse(&text, "c.toml");
        prop_assert!(read.is_ok(), "{text}\n{read:?}");
        prop_assert_eq!(read.unwrap_or_default(), file);
    }
}

#[test]
fn the_example_of_the_documentation_is_valid() {
    let page = include_str!("../../../docs/catalog.md");
    let example = page.split("```toml\n").nth(1).expect("an example");
    let example = example.split("```").next().expect("its end");
    let file = File::parse(example, "docs/catalog.md").expect("valid");
    let [model] = file.models.as_slice() else {
        panic!("{file:?}")
    };
    let is_unset = model.facts().iter().any(|(_, value)| value.is_none());
    assert!(!is_unset, "every key is shown: {model:?}");
}
