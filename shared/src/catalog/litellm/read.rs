//! The fields of one entry, read with their types; what is of another is told by model and key.

use serde_json::{Map, Value};

use super::InvalidPriceMap;
use crate::catalog::{Date, Usd, entry::Modality};

/// Tokens of a price's unit here.
const MILLION: f64 = 1e6;

/// One entry and what was found wrong with it.
pub(super) struct Fields<'a> {
    name: &'a str,
    map: &'a Map<String, Value>,
    problems: Vec<InvalidPriceMap>,
}

impl<'a> Fields<'a> {
    pub(super) fn of(name: &'a str, map: &'a Map<String, Value>) -> Self {
        Self {
            name,
            map,
            problems: Vec::new(),
        }
    }

    /// The entry's own name.
    pub(super) fn name(&self) -> &'a str {
        self.name
    }

    /// Notes a problem.
    pub(super) fn wrong(&mut self, key: &'static str, message: String) {
        self.problems.push(InvalidPriceMap::Entry {
            model: self.name.to_owned(),
            key,
            message,
        });
    }

    /// What was found wrong, if anything.
    pub(super) fn finish(self) -> Result<(), Vec<InvalidPriceMap>> {
        if self.problems.is_empty() {
            Ok(())
        } else {
            Err(self.problems)
        }
    }

    /// What a field says; nothing where it is absent, null, or of another type, which is a problem.
    fn read<T>(
        &mut self,
        (key, expected): (&'static str, &str),
        read: impl Fn(&'a Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.map.get(key).filter(|value| !value.is_null())?;
        let found = read(value);
        if found.is_none() {
            let mut shown = value.to_string();
            if shown.chars().count() > 60 {
                shown = shown.chars().take(60).chain(['…']).collect();
            }
            self.wrong(key, format!("is {shown}, it must be {expected}"));
        }
        found
    }

    pub(super) fn text(&mut self, key: &'static str) -> Option<&'a str> {
        self.read((key, "a text"), Value::as_str)
    }

    pub(super) fn flag(&mut self, key: &'static str) -> bool {
        self.read((key, "true or false"), Value::as_bool)
            .unwrap_or_default()
    }

    /// A number of tokens; 0 is taken for unknown, and whole numbers may be written as decimals.
    pub(super) fn tokens(&mut self, key: &'static str) -> Option<u64> {
        let found = self.read((key, "a whole number of tokens"), |value| {
            value.as_u64().or_else(|| whole(value.as_f64()?))
        });
        found.filter(|tokens| *tokens > 0)
    }

    /// USD per token, as USD per million.
    pub(super) fn price(&mut self, key: &'static str) -> Option<Usd> {
        self.read((key, "a price in USD per token, 0 to 1"), |value| {
            Usd::from_usd(value.as_f64()? * MILLION)
        })
    }

    pub(super) fn date(&mut self, key: &'static str) -> Option<Date> {
        self.read((key, "a date such as 2026-11-21"), |value| {
            Date::parse(value.as_str()?)
        })
    }

    /// What is listed and known here; other words are somebody else's.
    pub(super) fn modalities(&mut self, key: &'static str) -> Vec<Modality> {
        let listed = self.read((key, "a list of texts"), |value| {
            let listed = value.as_array()?.iter().map(Value::as_str);
            listed.collect::<Option<Vec<&str>>>()
        });
        let known = |name: &str| match name {
            "text" => Some(Modality::Text),
            "image" => Some(Modality::Image),
            "audio" => Some(Modality::Audio),
            "video" => Some(Modality::Video),
            "pdf" | "file" | "document" => Some(Modality::Document),
            _ => None,
        };
        let listed = listed.unwrap_or_default();
        listed.into_iter().filter_map(known).collect()
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be whole and in range"
)]
fn whole(number: f64) -> Option<u64> {
    (number.fract() == 0.0 && (0.0..1e15).contains(&number)).then_some(number as u64)
}

/// A JSON value's type, for people.
pub(super) fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
