//! One line of the input.

use floopy_shared::domain::{
    ids::CandidateKey,
    shape::{Signals, classify},
};
use serde_json::{Map, Value};

use super::Outcome;

/// The provider of models that are named without one.
const BARE_PROVIDER: &str = "replay";

/// A line, understood.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) prompt_id: String,
    pub(super) shape: String,
    pub(super) model: CandidateKey,
    pub(super) session: Option<String>,
    pub(super) outcome: Outcome,
}

/// Why a line is none.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum InvalidRow {
    #[error("it is not a JSON object: {0}")]
    NotAnObject(String),
    #[error("{field} is missing")]
    Missing { field: &'static str },
    #[error("{field} is {value}, it must be {rule}")]
    Value {
        field: &'static str,
        value: String,
        rule: &'static str,
    },
}

/// Characters of a wrong value that an error shows.
const SHOWN_CHARS: usize = 80;

fn wrong(field: &'static str, value: &Value, rule: &'static str) -> InvalidRow {
    let value = value.to_string().chars().take(SHOWN_CHARS).collect();
    InvalidRow::Value { field, value, rule }
}

impl Row {
    pub(super) fn parse(line: &str) -> Result<Self, InvalidRow> {
        let row: Map<String, Value> =
            serde_json::from_str(line).map_err(|e| InvalidRow::NotAnObject(e.to_string()))?;
        let prompt_id =
            name(&row, "prompt_id")?.ok_or(InvalidRow::Missing { field: "prompt_id" })?;
        let model = text(&row, "model")?.ok_or(InvalidRow::Missing { field: "model" })?;
        let score = number(&row, "score")?.ok_or(InvalidRow::Missing { field: "score" })?;
        if !(0.0..=1.0).contains(&score) {
            return Err(wrong("score", &row["score"], "a number from 0 to 1"));
        }
        let outcome = Outcome {
            score,
            cost_usd: not_negative(&row, "cost_usd")?,
            latency_s: not_negative(&row, "latency_s")?,
        };
        Ok(Self {
            prompt_id,
            shape: shape(&row)?,
            model: candidate(&row, model)?,
            session: name(&row, "session")?,
            outcome,
        })
    }
}

/// The task, or what the prompt's text is classified as.
fn shape(row: &Map<String, Value>) -> Result<String, InvalidRow> {
    if let Some(task) = text(row, "category")?.or(text(row, "task")?) {
        return Ok(task.to_owned());
    }
    let user_text = text(row, "prompt")?.ok_or(InvalidRow::Missing { field: "category" })?;
    let signals = Signals {
        user_text,
        ..Signals::default()
    };
    Ok(classify(&signals).as_str().to_owned())
}

fn candidate(row: &Map<String, Value>, model: &str) -> Result<CandidateKey, InvalidRow> {
    let parsed = if model.contains('/') {
        CandidateKey::parse(model)
    } else {
        CandidateKey::new(BARE_PROVIDER, model)
    };
    parsed.map_err(|_| {
        wrong(
            "model",
            &row["model"],
            "provider/model or a model's name, without spaces",
        )
    })
}

/// A field that is there and not null.
fn present<'a>(row: &'a Map<String, Value>, field: &str) -> Option<&'a Value> {
    row.get(field).filter(|value| !value.is_null())
}

fn text<'a>(
    row: &'a Map<String, Value>,
    field: &'static str,
) -> Result<Option<&'a str>, InvalidRow> {
    let Some(value) = present(row, field) else {
        return Ok(None);
    };
    match value.as_str() {
        Some(text) if !text.trim().is_empty() => Ok(Some(text)),
        Some(_) | None => Err(wrong(field, value, "a text that is not empty")),
    }
}

/// A text or an integer.
fn name(row: &Map<String, Value>, field: &'static str) -> Result<Option<String>, InvalidRow> {
    match present(row, field) {
        Some(value) if value.is_i64() || value.is_u64() => Ok(Some(value.to_string())),
        Some(_) | None => Ok(text(row, field)?.map(str::to_owned)),
    }
}

fn number(row: &Map<String, Value>, field: &'static str) -> Result<Option<f64>, InvalidRow> {
    let Some(value) = present(row, field) else {
        return Ok(None);
    };
    match value {
        // Checks come as true or false.
        Value::Bool(passed) => Ok(Some(f64::from(u8::from(*passed)))),
        Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) | Value::Null => {
            let number = value
                .as_f64()
                .ok_or_else(|| wrong(field, value, "a number"))?;
            Ok(Some(number))
        }
    }
}

fn not_negative(row: &Map<String, Value>, field: &'static str) -> Result<Option<f64>, InvalidRow> {
    let found = number(row, field)?;
    match found {
        Some(value) if value < 0.0 => Err(wrong(field, &row[field], "0 or more")),
        Some(_) | None => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(line: &str) -> String {
        Row::parse(line).expect_err("refused").to_string()
    }

    #[test]
    fn a_row_is_read_with_task_as_an_alias_and_bare_models() {
        let line = r#"{"prompt_id":7,"task":"math","model":"gpt-4o","score":true,"cost_usd":0.01,"x":[1]}"#;
        let row = Row::parse(line).expect("read");
        assert_eq!((row.prompt_id.as_str(), row.shape.as_str()), ("7", "math"));
        assert_eq!(row.model.as_str(), "replay/gpt-4o");
        assert_eq!((row.outcome.score, row.outcome.cost_usd), (1.0, Some(0.01)));
    }

    #[test]
    fn without_a_task_the_prompts_text_is_classified() {
        let line = r#"{"prompt_id":"a","prompt":"Write a haiku","model":"p/m","score":0.5}"#;
        assert_eq!(Row::parse(line).expect("read").shape, "creative");
    }

    #[test]
    fn errors_name_the_field_and_the_value() {
        let cases = [
            (
                r#"{"prompt_id":"a","task":"t","model":"m","score":1.5}"#,
                "score is 1.5, it must be a number from 0 to 1",
            ),
            (
                r#"{"prompt_id":"a","task":"t","model":"m","score":"good"}"#,
                "score is \"good\", it must be a number",
            ),
            (
                r#"{"prompt_id":"a","task":"t","model":"m"}"#,
                "score is missing",
            ),
            (
                r#"{"prompt_id":"a","model":"m","score":1}"#,
                "category is missing",
            ),
            (
                r#"{"prompt_id":"a","task":5,"model":"m","score":1}"#,
                "task is 5, it must be a text that is not empty",
            ),
            (
                r#"{"prompt_id":"a","task":"t","model":"a b","score":1}"#,
                "model is \"a b\", it must be provider/model",
            ),
            (
                r#"{"prompt_id":"a","task":"t","model":"m","score":1,"cost_usd":-1}"#,
                "cost_usd is -1, it must be 0 or more",
            ),
            ("[1]", "it is not a JSON object"),
        ];
        for (line, expected) in cases {
            assert!(
                refused(line).starts_with(expected),
                "{line}: {}",
                refused(line)
            );
        }
    }
}
