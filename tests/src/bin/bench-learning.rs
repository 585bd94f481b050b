//! Measures the goals of learning by replay: over real outcomes where there are any, else over made-up ones.
//!
//! Real outcomes are looked for in `$FLOOPY_ROUTING_DATA`, then in `../shared/data/routing`: `agentmix` (tasks
//! with different best models) and `mmlu_pro` (one model is best at everything), each as `NAME.jsonl.gz` with
//! `NAME.prior.json`. Nothing fails here: the table says what was met.
#![allow(clippy::expect_used, reason = "a benchmark that cannot run must stop")]

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use floopy_tests::{bench::report::say, process::binary};
use serde_json::Value;

/// Where outcomes come from, as arguments of `floopy replay`.
struct Source {
    name: &'static str,
    /// Tasks with different best models.
    mixed: Vec<String>,
    /// The same with the three models that lead the benchmarks.
    three: Vec<String>,
    /// One model is best at everything.
    control: Vec<String>,
}

/// Worlds of 24 tenants that every figure is taken over: their judges err differently.
const SEEDS: &str = "3";
/// Policies that the goals compare.
const POLICIES: &str = "floopy,track-and-stop";
/// Requests of each tenant in these runs.
const REQUESTS: u64 = 10_000;

fn main() {
    let source = real().unwrap_or_else(made_up);
    say(&format!("learning, by replay of {}", source.name));
    quality(&source);
    floor(&source);
    others(&source);
}

/// Percent of a share; points of quality.
const PERCENT: f64 = 100.0;

/// G1 to G4: what is gained, and what is not lost.
fn quality(source: &Source) {
    let donors = ["--donors", "50"];
    let (mixed, control) = (replay(&source.mixed, &[]), replay(&source.control, &[]));
    let gap = |report: &Value, at: u64| mark(report, "floopy", at, "gap_closed");
    let closed = gap(&mixed, REQUESTS);
    row(
        "G1 gap closed, last 1,000 of 10,000, %",
        closed,
        (PERCENT, Goal::AtLeast(50.0)),
    );
    row(
        "G2 regret, times below track-and-stop",
        ratio(&mixed),
        (1.0, Goal::AtLeast(2.0)),
    );
    let three = replay(&source.three, &[]);
    row(
        "G2 the same with three models",
        ratio(&three),
        (1.0, Goal::AtLeast(1.2)),
    );
    let closed = gap(&replay(&source.mixed, &donors), 100);
    row(
        "G3 gap closed, first 100, 50 donors, %",
        closed,
        (PERCENT, Goal::AtLeast(35.0)),
    );
    for (name, report) in [("mixed", &mixed), ("control", &control)] {
        let what = format!("G4 first 100 against the benchmark, {name}, points");
        row(&what, lead(report, 100), (PERCENT, Goal::AtLeast(-0.2)));
    }
    let what = "G4 control at 10,000 against the benchmark, points";
    row(
        what,
        lead(&control, REQUESTS),
        (PERCENT, Goal::AtLeast(-1.5)),
    );
    let pooled = lead(&replay(&source.control, &donors), REQUESTS);
    row(
        "G4 the same with 50 donors, points",
        pooled,
        (PERCENT, Goal::AtLeast(-0.3)),
    );
}

/// G5: what is saved while the quality is kept.
fn floor(source: &Source) {
    let report = replay(&source.mixed, &["--donors", "50", "--goal", "floor"]);
    let saved = |field: &str| saved(&report, field);
    let net = saved("saving_net_of_shadow");
    row(
        "G5 floor: saving net of shadow, 50 donors, %",
        net,
        (PERCENT, Goal::AtLeast(12.0)),
    );
    row(
        "G5 floor: quality ratio",
        saved("quality_ratio"),
        (1.0, Goal::AtLeast(1.0)),
    );
    let below = saved("below_5_percent");
    row(
        "G5 floor: requests > 5 % below, %",
        below,
        (PERCENT, Goal::AtMost(5.0)),
    );
    let below = saved("below_10_percent");
    row(
        "G5 floor: requests > 10 % below, %",
        below,
        (PERCENT, Goal::AtMost(1.0)),
    );
}

/// G7, G9, G11: drift, confidence, exploration.
fn others(source: &Source) {
    let drift = replay(&source.mixed, &["--drift", "5000:auto:0.2"]);
    let what = "G7 drop of 20 %: platform requests until noticed";
    row(what, noticed(&drift), (1.0, Goal::AtMost(2_000.0)));
    let mixed = replay(&source.mixed, &[]);
    let what = "G9 expected calibration error of confidence";
    row(what, calibration(&mixed), (1.0, Goal::AtMost(0.10)));
    let spent = mark(&mixed, "floopy", REQUESTS, "shadow_spend");
    row(
        "G11 shadow calls, % of spend",
        spent,
        (PERCENT, Goal::AtMost(10.0)),
    );
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
        name: "real outcomes: agentmix, and mmlu_pro as the control",
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
        name: "made-up outcomes (no real ones in $FLOOPY_ROUTING_DATA)",
        mixed: of("agents"),
        three: of("three"),
        control: of("nogain"),
    }
}

fn replay(from: &[String], more: &[&str]) -> Value {
    let mut command = Command::new(binary("floopy"));
    command.arg("replay").args(from).args(more);
    command.args(["--policies", POLICIES, "--seeds", SEEDS, "--json", "-"]);
    let output = command.output().expect("floopy runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "floopy replay failed: {errors}");
    serde_json::from_slice(&output.stdout).expect("a report")
}

/// A mean and half the width of its interval.
type Measured = Option<(f64, f64)>;

fn interval(value: &Value) -> Measured {
    Some((value["mean"].as_f64()?, value["half_width"].as_f64()?))
}

fn find(list: &Value, matches: impl Fn(&Value) -> bool) -> Option<&Value> {
    list.as_array()?.iter().find(|item| matches(item))
}

fn mark(report: &Value, policy: &str, at: u64, field: &str) -> Measured {
    let policy = find(&report["policies"], |p| p["policy"] == policy)?;
    interval(&find(&policy["marks"], |mark| mark["requests"] == at)?[field])
}

fn ratio(report: &Value) -> Measured {
    interval(
        &find(&report["verdicts"], |verdict| {
            verdict["against"] == "track-and-stop"
        })?["regret_ratio"],
    )
}

/// Floopy's mean quality less that of the best benchmark. The interval is that of Floopy alone where the two
/// are not compared tenant by tenant.
fn lead(report: &Value, at: u64) -> Measured {
    if at == REQUESTS {
        return interval(
            &find(&report["verdicts"], |v| v["against"] == "best by benchmark")?["quality"],
        );
    }
    let (floopy, _) = mark(report, "floopy", at, "quality")?;
    let (benchmark, _) = mark(report, "best by benchmark", at, "quality")?;
    Some((floopy - benchmark, 0.0))
}

fn saved(report: &Value, field: &str) -> Measured {
    interval(
        &find(&report["floor"], |f| {
            f["policy"] == "floopy" && f["to"] == REQUESTS
        })?[field],
    )
}

/// Requests of all tenants from the drift to the median tenant's alarm.
fn noticed(report: &Value) -> Measured {
    let drift = find(&report["drift"], |d| d["policy"] == "floopy")?;
    let delay = drift["detection"]["median_delay"].as_f64()?;
    Some((delay * report["tenants"].as_f64()?, 0.0))
}

fn calibration(report: &Value) -> Measured {
    let found = find(&report["calibration"], |c| c["policy"] == "floopy")?;
    Some((found["error"].as_f64()?, 0.0))
}

/// What a figure is to be.
enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

fn row(what: &str, measured: Measured, (scale, goal): (f64, Goal)) {
    let (sign, limit) = match goal {
        Goal::AtLeast(limit) => (">=", limit),
        Goal::AtMost(limit) => ("<=", limit),
    };
    let Some((mean, half_width)) = measured else {
        say(&format!(
            "  {what:<52} goal {sign} {limit:>6}   not measured"
        ));
        return;
    };
    let (mean, half_width) = (mean * scale, half_width * scale);
    let is_met = match goal {
        Goal::AtLeast(limit) => mean >= limit,
        Goal::AtMost(limit) => mean <= limit,
    };
    let verdict = if is_met { "met" } else { "MISSED" };
    let spread = if half_width > 0.0 {
        format!("±{half_width:.2}")
    } else {
        String::new()
    };
    say(&format!(
        "  {what:<52} goal {sign} {limit:>6}   {mean:>9.2} {spread:<8} {verdict}"
    ));
}
