//! How a run is to be carried out, as it is written in JSON.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

/// Calls of a run under way at a time, unless told, and at most.
const CONCURRENCY: (u32, u32) = (4, 8);
/// Longest name of a rule that is looked for.
const MAX_RULE_BYTES: usize = 200;

/// How a run is to be carried out. What is absent is not sent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RunConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seed: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) response_format: Option<Map<String, Value>>,
    /// Calls under way at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) concurrency: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_cost_micro_usd: Option<u64>,
    /// The name of the routing rule that `auto` follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rule: Option<String>,
    /// The project that the calls are counted for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) project_id: Option<Uuid>,
}

impl RunConfig {
    /// What is wrong, as the name of a field and a sentence.
    pub(crate) fn problem(&self) -> Option<(&'static str, String)> {
        let unit = |name, value: Option<f64>, most: f64| {
            let wrong = value.filter(|value| !(0.0..=most).contains(value))?;
            Some((name, format!("is {wrong}, it must be from 0 to {most}")))
        };
        let at_least_one = |name, value: Option<u64>| {
            (value == Some(0)).then(|| (name, "is 0, it must be at least 1".to_owned()))
        };
        let concurrency = self
            .concurrency
            .filter(|value| !(1..=CONCURRENCY.1).contains(value));
        let concurrency = concurrency.map(|value| {
            let most = CONCURRENCY.1;
            let why = format!("is {value}, it must be an integer from 1 to {most}");
            ("concurrency", why)
        });
        let is_name = |rule: &String| (1..=MAX_RULE_BYTES).contains(&rule.trim().len());
        let rule = self
            .rule
            .as_ref()
            .filter(|rule| !is_name(rule))
            .map(|rule| {
                let bytes = rule.len();
                let why =
                    format!("has {bytes} bytes, the name of a rule has 1 to {MAX_RULE_BYTES}");
                ("rule", why)
            });
        unit("temperature", self.temperature, 2.0)
            .or_else(|| unit("top_p", self.top_p, 1.0))
            .or_else(|| at_least_one("max_tokens", self.max_tokens.map(u64::from)))
            .or_else(|| at_least_one("max_cost_micro_usd", self.max_cost_micro_usd))
            .or(concurrency)
            .or(rule)
    }

    /// Calls under way at a time.
    pub(crate) fn at_once(&self) -> usize {
        let asked = self.concurrency.unwrap_or(CONCURRENCY.0);
        asked.clamp(1, CONCURRENCY.1) as usize
    }

    /// The fields of a call's body.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&'static str, Value)> {
        let fields = [
            ("temperature", self.temperature.map(Value::from)),
            ("top_p", self.top_p.map(Value::from)),
            ("max_tokens", self.max_tokens.map(Value::from)),
            ("seed", self.seed.map(Value::from)),
            (
                "response_format",
                self.response_format.clone().map(Value::from),
            ),
        ];
        let given = |(name, value): (&'static str, Option<Value>)| Some((name, value?));
        fields.into_iter().filter_map(given)
    }
}
