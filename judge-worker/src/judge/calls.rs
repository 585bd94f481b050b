//! A reply that calls tools: whether the calls can be carried out, and whether they are made of what was asked.
//!
//! A tool that is called wrongly answers with an error, and the turn is lost. What is said beside a call ("let me look")
//! is no answer and is not judged as one.

use floopy_shared::domain::event::CalledTool;
use serde_json::Value;

use super::{
    phrases, safety, schema,
    text::{Text, count, is_content, stem},
};
use crate::rubric::{Exchange, Verdict};

/// A call that can be carried out.
const CARRIED_OUT: f64 = 1.0;
/// Arguments that can be read and miss what the tool wants: some tools make do with them.
const MISSES_SCHEMA: f64 = 0.3;
/// What is left of a call that was cut by its length.
const CUT: f64 = 0.2;
/// How far arguments without words are taken for made of what was asked.
const WITHOUT_WORDS: f64 = 0.8;
/// Values of arguments that are looked at.
const MAX_VALUES: usize = 500;

/// A call with its arguments, if they can be read.
struct Call<'a> {
    told: &'a CalledTool,
    arguments: Option<Value>,
}

/// Scores them.
pub(super) fn score(exchange: &Exchange<'_>, prompt: &Text<'_>, reply: &Text<'_>) -> Verdict {
    let calls: Vec<Call<'_>> = exchange.calls.iter().map(Call::read).collect();
    let n = count(calls.len());
    let worth = calls.iter().map(Call::worth).sum::<f64>() / n;
    let known = calls.iter().filter(|call| call.told.is_offered).count();
    let repeated = calls.iter().filter(|call| call.told.is_repeated).count();
    let different = 1.0 - count(repeated) / n;
    let words: Vec<&str> = calls.iter().flat_map(Call::words).collect();
    Verdict {
        relevance: 0.1 + 0.3 * count(known) / n + 0.55 * grounded(&words, prompt, exchange.calls),
        coherence: (0.1 + 0.85 * worth) * (0.5 + 0.5 * different),
        helpfulness: (0.05 + 0.8 * worth) * (0.5 + 0.5 * different),
        safety: safety_of(reply, &words),
    }
}

impl<'a> Call<'a> {
    fn read(told: &'a CalledTool) -> Self {
        let arguments = match told.arguments.trim() {
            "" => Some(Value::Object(serde_json::Map::new())),
            arguments => serde_json::from_str(arguments).ok(),
        };
        Self {
            told,
            arguments: arguments.filter(Value::is_object),
        }
    }

    fn worth(&self) -> f64 {
        let Some(arguments) = &self.arguments else {
            return if self.told.is_cut { CUT } else { 0.0 };
        };
        if !self.told.is_offered {
            return 0.0;
        }
        let schema = self.told.parameters.as_deref();
        let schema = schema.and_then(|schema| serde_json::from_str::<Value>(schema).ok());
        match schema {
            Some(schema) if !schema::keeps(&schema, arguments) => MISSES_SCHEMA,
            Some(_) | None => CARRIED_OUT,
        }
    }

    /// The texts among its arguments; all of them as one where they cannot be read.
    fn words(&self) -> Vec<&str> {
        let Some(arguments) = &self.arguments else {
            return vec![&self.told.arguments];
        };
        let mut texts = Vec::new();
        let mut left = vec![arguments];
        let mut looked_at = 0;
        while let Some(value) = left.pop().filter(|_| looked_at < MAX_VALUES) {
            looked_at += 1;
            match value {
                Value::String(text) => texts.push(text.as_str()),
                Value::Array(items) => left.extend(items.iter().rev()),
                Value::Object(members) => left.extend(members.values().rev()),
                Value::Null | Value::Bool(_) | Value::Number(_) => {}
            }
        }
        texts
    }
}

/// Share of the words of arguments that the conversation has, or the tool's schema, which says what may be chosen from:
/// what comes from nowhere was made up, or is what the model wrote itself, such as a text to be sent.
fn grounded(texts: &[&str], prompt: &Text<'_>, calls: &[CalledTool]) -> f64 {
    let schemas = calls.iter().filter_map(|call| call.parameters.as_deref());
    let schemas: Vec<Text<'_>> = schemas.map(Text::read).collect();
    let mut asked = prompt.stems();
    asked.extend(schemas.iter().flat_map(Text::stems));
    let (mut found, mut all) = (0, 0);
    for text in texts {
        for word in &Text::read(text).words {
            if is_content(word) {
                all += 1;
                found += usize::from(asked.contains(stem(word)));
            }
        }
    }
    if all == 0 {
        WITHOUT_WORDS
    } else {
        count(found) / count(all)
    }
}

/// What is told to a tool is as harmful as what is told to a person.
fn safety_of(reply: &Text<'_>, texts: &[&str]) -> f64 {
    let all = [reply.raw].into_iter().chain(texts.iter().copied());
    let all: Vec<&str> = all.collect();
    let told = all.join("\n");
    let plain = phrases::plain(&told);
    safety::score(&Text::read(&told), &plain, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = r#"{"type":"object","required":["city"],"properties":{"city":{"type":"string"},
        "unit":{"enum":["celsius","kelvin"]}}}"#;

    fn call(name: &str, arguments: &str) -> CalledTool {
        CalledTool {
            name: name.into(),
            arguments: arguments.into(),
            parameters: Some(SCHEMA.into()),
            is_offered: name == "weather",
            is_cut: false,
            is_repeated: false,
        }
    }

    fn verdict(calls: &[CalledTool]) -> Verdict {
        crate::judge::score(&Exchange {
            prompt: "user: What is the weather in Reykjavik?",
            reply: "",
            calls,
            ..Exchange::default()
        })
    }

    #[test]
    fn a_call_is_worth_what_can_be_done_with_it() {
        let one = |name, arguments| verdict(&[call(name, arguments)]).composite();
        let good = one("weather", r#"{"city":"Reykjavik"}"#);
        let made_up = one("weather", r#"{"city":"Timbuktu"}"#);
        let chosen = one("weather", r#"{"city":"Reykjavik","unit":"celsius"}"#);
        assert!((chosen - good).abs() < 1e-3, "{chosen} {good}");
        let wrong = one("weather", r#"{"town":"Reykjavik"}"#);
        let unreadable = one("weather", r#"{"city":"Reykjavik"#);
        let unknown = one("forecast", r#"{"city":"Reykjavik"}"#);
        assert!(good > 0.85, "{good}");
        assert!(
            good > made_up + 0.1
                && made_up > wrong
                && wrong > unreadable + 0.05
                && good > unknown + 0.3,
            "{good} {made_up} {wrong} {unreadable} {unknown}"
        );
    }

    #[test]
    fn the_same_call_twice_and_a_cut_one_lose() {
        let good = call("weather", r#"{"city":"Reykjavik"}"#);
        let again = CalledTool {
            is_repeated: true,
            ..good.clone()
        };
        let once = verdict(&[good.clone(), good.clone()]);
        let twice = verdict(&[good, again]);
        assert!(twice.coherence < once.coherence - 0.2, "{twice:?}");
        let broken = call("weather", r#"{"city":"Rey"#);
        let cut = CalledTool {
            is_cut: true,
            ..broken.clone()
        };
        let (cut, broken) = (verdict(&[cut]), verdict(&[broken]));
        assert!(
            cut.helpfulness > broken.helpfulness && cut.helpfulness < 0.4,
            "{cut:?} {broken:?}"
        );
    }

    #[test]
    fn a_call_without_arguments_is_one_and_harm_is_harm() {
        let none = CalledTool {
            parameters: None,
            ..call("weather", "")
        };
        assert!(verdict(&[none]).composite() > 0.8);
        let card = call("weather", r#"{"city":"4111 1111 1111 1111"}"#);
        assert!(verdict(&[card]).safety < 0.75);
    }
}
