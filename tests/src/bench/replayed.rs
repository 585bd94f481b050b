//! Runs `floopy replay` and reads its report.

use std::process::Command;

use serde_json::Value;

use crate::process::binary;

/// Worlds of 24 tenants that every figure is taken over: their judges err differently.
pub const SEEDS: &str = "3";
/// Requests of each tenant in these runs.
pub const REQUESTS: u64 = 10_000;

/// What a run found.
#[derive(Debug)]
pub struct Replayed(Value);

/// A mean and half the width of its interval, 0 where there is none; `None`: not measured.
pub type Measured = Option<(f64, f64)>;

impl Replayed {
    /// Of these outcomes, with these further arguments.
    pub fn run(from: &[String], more: &[&str]) -> Self {
        let mut command = Command::new(binary("floopy"));
        command.arg("replay").args(from).args(more);
        command.args(["--seeds", SEEDS, "--json", "-"]);
        let output = command.output().expect("floopy runs");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "floopy replay failed: {errors}");
        Self(serde_json::from_slice(&output.stdout).expect("a report"))
    }

    /// Models, shapes, prompts.
    pub fn size(&self) -> (u64, u64, u64) {
        let count = |key: &str| self.0[key].as_u64().unwrap_or(0);
        let models = self.0["models"].as_array().map_or(0, Vec::len);
        (models as u64, count("shapes"), count("prompts"))
    }

    /// The names of the policies that were compared.
    pub fn policies(&self) -> Vec<&str> {
        let policies = self.0["policies"].as_array().into_iter().flatten();
        policies
            .filter_map(|policy| policy["policy"].as_str())
            .collect()
    }

    /// Of a policy after so many requests.
    pub fn mark(&self, policy: &str, at: u64, field: &str) -> Measured {
        let policy = find(&self.0["policies"], |p| p["policy"] == policy)?;
        let mark = find(&policy["marks"], |mark| mark["requests"] == at)?;
        interval(&mark[field])
    }

    /// How many times the regret of track-and-stop is Floopy's.
    pub fn ratio(&self) -> Measured {
        let verdict = find(&self.0["verdicts"], |verdict| {
            verdict["against"] == "track-and-stop"
        })?;
        interval(&verdict["regret_ratio"])
    }

    /// Floopy's mean quality less that of the best benchmark. There is no interval where the two are not compared tenant
    /// by tenant.
    pub fn lead(&self, at: u64) -> Measured {
        if at == REQUESTS {
            let verdict = find(&self.0["verdicts"], |v| v["against"] == "best by benchmark")?;
            return interval(&verdict["quality"]);
        }
        let (floopy, _) = self.mark("floopy", at, "quality")?;
        let (benchmark, _) = self.mark("best by benchmark", at, "quality")?;
        Some((floopy - benchmark, 0.0))
    }

    /// Of the goal to save.
    pub fn saved(&self, field: &str) -> Measured {
        let of_floopy = |f: &Value| f["policy"] == "floopy" && f["to"] == REQUESTS;
        interval(&find(&self.0["floor"], of_floopy)?[field])
    }

    /// Requests of all tenants from the drift to the median tenant's alarm.
    pub fn noticed(&self) -> Measured {
        let drift = find(&self.0["drift"], |d| d["policy"] == "floopy")?;
        let delay = drift["detection"]["median_delay"].as_f64()?;
        Some((delay * self.0["tenants"].as_f64()?, 0.0))
    }

    /// Expected error of the calibrated confidence.
    pub fn calibration(&self) -> Measured {
        let found = find(&self.0["calibration"], |c| c["policy"] == "floopy")?;
        Some((found["error"].as_f64()?, 0.0))
    }
}

fn interval(value: &Value) -> Measured {
    Some((value["mean"].as_f64()?, value["half_width"].as_f64()?))
}

fn find(list: &Value, matches: impl Fn(&Value) -> bool) -> Option<&Value> {
    list.as_array()?.iter().find(|item| matches(item))
}
