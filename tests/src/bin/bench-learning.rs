//! Measures what learning gains, by replay: over made-up outcomes that everybody has, and over real ones where there are
//! any. `--write` writes the tables to `docs/results.md`.
//!
//! Real outcomes are looked for in `$FLOOPY_ROUTING_DATA`, then in `../shared/data/routing`: `agentmix` (tasks
//! with different best models) and `mmlu_pro` (one model is best at everything), each as `NAME.jsonl.gz` with
//! `NAME.prior.json`. Nothing fails here: the tables say what was met.
#![allow(clippy::expect_used, reason = "a benchmark that cannot run must stop")]

use std::path::{Path, PathBuf};

use floopy_tests::bench::{
    machine,
    replayed::{Measured, REQUESTS, Replayed, SEEDS},
    report::{Report, say},
};

const FILE: &str = "docs/results.md";

/// Where outcomes come from, as arguments of `floopy replay`.
struct Source {
    title: &'static str,
    /// What they are.
    what: &'static str,
    /// Tasks with different best models.
    mixed: Vec<String>,
    /// The same with the three models that lead the benchmarks.
    three: Vec<String>,
    /// One model is best at everything.
    control: Vec<String>,
}

/// With every policy.
struct All {
    mixed: Replayed,
    control: Replayed,
}

/// Policies that the goals compare.
const COMPARED: [&str; 2] = ["--policies", "floopy,track-and-stop"];

fn main() {
    let writes = std::env::args().any(|arg| arg == "--write");
    let mut report = Report::default();
    report.text("# What learning gains");
    report.text(&format!(
        "Measured by `make bench-learning ARGS=--write` at commit {}, by `floopy replay`: the learner and the router that \
         serve are shown the outcomes of simulated users, {SEEDS} worlds of 24 tenants with {REQUESTS} requests each. ± is half \
         of the 95 % interval over tenants. Regret is what was lost, in replies of full quality, against whoever knows the \
         best model for each kind of task; the gap is what lies between the model that leads the benchmarks and that, \
         over the last tenth of the requests. Sessions are rated one in five, the judge errs on one reply in five. \
         [How it learns](learning.md) says what is done, and `floopy replay outcomes.jsonl.gz` does the same with \
         outcomes of yours.",
        machine::commit(),
    ));
    for source in [real(), Some(made_up())].into_iter().flatten() {
        report.text(&format!("## {}", source.title));
        report.text(source.what);
        let all = All {
            mixed: Replayed::run(&source.mixed, &[]),
            control: Replayed::run(&source.control, &[]),
        };
        policies(&mut report, &all);
        goals(&mut report, &source, &all);
    }
    if writes {
        let path = report.write(FILE).expect("written");
        say(&format!("written to {}", path.display()));
    }
}

/// Percent of a share; points of quality.
const PERCENT: f64 = 100.0;

/// Every way of choosing beside the others.
fn policies(report: &mut Report, found: &All) {
    for (title, all) in [
        ("Tasks with different best models", &found.mixed),
        ("One model is best at everything", &found.control),
    ] {
        let (models, shapes, prompts) = all.size();
        report.text(&format!(
            "{title}: {models} models, {shapes} kinds of tasks, {prompts} prompts that all of them answered."
        ));
        let row = |policy: &&str| {
            let at = |field: &str, scale: f64, decimals: usize| {
                shown(all.mark(policy, REQUESTS, field), scale, decimals)
            };
            let name = if *policy == "floopy" {
                "**Floopy**"
            } else {
                policy
            };
            vec![
                name.to_owned(),
                at("regret", 1.0, 0),
                at("gap_closed", PERCENT, 1),
                at("quality", 1.0, 3),
                at("cost_per_1k", 1.0, 2),
            ]
        };
        let rows: Vec<Vec<String>> = all.policies().iter().map(row).collect();
        let columns = ["", "regret", "gap closed, %", "quality", "USD per 1,000"];
        report.table(&columns, &rows);
    }
}

/// What is to be reached, and what was.
fn goals(report: &mut Report, source: &Source, all: &All) {
    let mut rows = Vec::new();
    quality(&mut rows, source, all);
    floor(&mut rows, source);
    others(&mut rows, source, &all.mixed);
    report.text("What it is held to:");
    report.table(&["goal", "wanted", "measured", ""], &rows);
}

/// What is gained, and what is not lost.
fn quality(rows: &mut Vec<Vec<String>>, source: &Source, All { mixed, control }: &All) {
    let donors = ["--donors", "50"];
    let closed = mixed.mark("floopy", REQUESTS, "gap_closed");
    let what = "gap closed, last 1,000 of 10,000, %";
    rows.push(row(what, closed, (PERCENT, Goal::AtLeast(50.0))));
    let what = "regret, times below track-and-stop";
    rows.push(row(what, mixed.ratio(), (1.0, Goal::AtLeast(2.0))));
    let three = replay(&source.three, &[]);
    let what = "the same with three models";
    rows.push(row(what, three.ratio(), (1.0, Goal::AtLeast(1.2))));
    let pooled = replay(&source.mixed, &donors);
    let closed = pooled.mark("floopy", 100, "gap_closed");
    let what = "gap closed, first 100 of a new tenant, 50 others before it, %";
    rows.push(row(what, closed, (PERCENT, Goal::AtLeast(35.0))));
    for (name, replayed) in [
        ("different best models", mixed),
        ("one best model", control),
    ] {
        let what = format!("first 100 against the benchmarks' best, {name}, points");
        let lead = replayed.lead(100);
        rows.push(row(&what, lead, (PERCENT, Goal::AtLeast(-0.2))));
    }
    let what = "one best model, at 10,000 against the benchmarks' best, points";
    let lead = control.lead(REQUESTS);
    rows.push(row(what, lead, (PERCENT, Goal::AtLeast(-1.5))));
    let pooled = replay(&source.control, &donors).lead(REQUESTS);
    let what = "the same, 50 others before it, points";
    rows.push(row(what, pooled, (PERCENT, Goal::AtLeast(-0.3))));
}

/// What is saved while the quality is kept.
fn floor(rows: &mut Vec<Vec<String>>, source: &Source) {
    let replayed = replay(&source.mixed, &["--donors", "50", "--goal", "floor"]);
    for (what, field, scale, goal) in [
        (
            "floor of 0.95: saving net of the shadow, 50 others before it, %",
            "saving_net_of_shadow",
            PERCENT,
            Goal::AtLeast(12.0),
        ),
        (
            "floor: quality against the benchmarks' best",
            "quality_ratio",
            1.0,
            Goal::AtLeast(1.0),
        ),
        (
            "floor: requests more than 5 % below, %",
            "below_5_percent",
            PERCENT,
            Goal::AtMost(5.0),
        ),
        (
            "floor: requests more than 10 % below, %",
            "below_10_percent",
            PERCENT,
            Goal::AtMost(1.0),
        ),
    ] {
        rows.push(row(what, replayed.saved(field), (scale, goal)));
    }
}

/// Drift, confidence, exploration.
fn others(rows: &mut Vec<Vec<String>>, source: &Source, mixed: &Replayed) {
    let drift = replay(&source.mixed, &["--drift", "5000:auto:0.2"]);
    let what = "requests of all tenants until a drop of 20 % is noticed";
    rows.push(row(what, drift.noticed(), (1.0, Goal::AtMost(2_000.0))));
    let what = "expected calibration error of the confidence";
    rows.push(row(what, mixed.calibration(), (1.0, Goal::AtMost(0.10))));
    let spent = mixed.mark("floopy", REQUESTS, "shadow_spend");
    let what = "calls in the shadow, % of what is spent";
    rows.push(row(what, spent, (PERCENT, Goal::AtMost(10.0))));
}

fn replay(from: &[String], more: &[&str]) -> Replayed {
    Replayed::run(from, &[&COMPARED, more].concat())
}

/// Outcomes of real models, if they are there.
fn real() -> Option<Source> {
    let given = std::env::var_os("FLOOPY_ROUTING_DATA").map(PathBuf::from);
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/routing");
    let dir = given.or_else(|| beside.is_dir().then_some(beside))?;
    let of = |name: &str| outcomes(&dir, name);
    let (mixed, control) = (of("agentmix")?, of("mmlu_pro")?);
    let three = [mixed.clone(), vec!["--top".into(), "3".into()]].concat();
    Some(Source {
        title: "Outcomes of real models",
        what: "Published results of models, prompt by prompt, with what they cost. Different best models: function \
               calling (BFCL), maths and code (ZeroEval). One best model: MMLU-Pro. They are not part of this repository.",
        mixed,
        three,
        control,
    })
}

fn outcomes(dir: &Path, name: &str) -> Option<Vec<String>> {
    let (rows, priors) = (
        dir.join(format!("{name}.jsonl.gz")),
        dir.join(format!("{name}.prior.json")),
    );
    let text = |path: &Path| path.display().to_string();
    (rows.is_file() && priors.is_file())
        .then(|| vec![text(&rows), "--priors".into(), text(&priors)])
}

fn made_up() -> Source {
    let of = |world: &str| vec!["--synthetic".to_owned(), world.to_owned()];
    Source {
        title: "Made-up outcomes",
        what: "The worlds of `floopy replay --synthetic`, which everybody can run again.",
        mixed: of("agents"),
        three: of("three"),
        control: of("nogain"),
    }
}

/// What a figure is to be.
#[derive(Clone, Copy)]
enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

fn row(what: &str, measured: Measured, (scale, goal): (f64, Goal)) -> Vec<String> {
    let (sign, limit) = match goal {
        Goal::AtLeast(limit) => ("at least", limit),
        Goal::AtMost(limit) => ("at most", limit),
    };
    let is_met = measured.map(|(mean, _)| match goal {
        Goal::AtLeast(limit) => mean * scale >= limit,
        Goal::AtMost(limit) => mean * scale <= limit,
    });
    let verdict = match is_met {
        Some(true) => "met",
        Some(false) => "MISSED",
        None => "not measured",
    };
    let wanted = format!("{sign} {limit}");
    vec![
        what.to_owned(),
        wanted,
        shown(measured, scale, 2),
        verdict.to_owned(),
    ]
}

fn shown(measured: Measured, scale: f64, decimals: usize) -> String {
    let Some((mean, half_width)) = measured else {
        return "–".to_owned();
    };
    let mean = format!("{:.decimals$}", mean * scale);
    if half_width > 0.0 {
        format!("{mean} ± {:.decimals$}", half_width * scale)
    } else {
        mean
    }
}
