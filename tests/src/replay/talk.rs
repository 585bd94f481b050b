//! What every API's conversation comes to, and what is said next in it.

/// What is said to words without tools. Not ASCII, so that cut bytes cut characters.
pub(super) const TEXT: &str = "Grüße aus Łódź ☀";
/// The two calls in parallel, by their argument.
pub(super) const CITIES: [&str; 2] = ["Paris", "Oslo"];
/// Their ids, in the form of Mistral's, which is the narrowest: nine letters or digits.
pub(super) const IDS: [&str; 2] = ["callParis", "call0Oslo"];
pub(super) const TOOL: &str = "get_weather";

/// Of every reply: what was not and what was read from the cache, and what was written.
pub(super) const FRESH_TOKENS: u32 = 20;
pub(super) const CACHED_TOKENS: u32 = 10;
pub(super) const OUTPUT_TOKENS: u32 = 7;
pub(super) const INPUT_TOKENS: u32 = FRESH_TOKENS + CACHED_TOKENS;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    pub id: String,
    pub name: String,
    pub city: String,
}

impl Call {
    pub(super) fn new(id: &str, name: &str, arguments: &serde_json::Value) -> Result<Self, String> {
        let city = arguments["city"].as_str();
        let city = city.ok_or_else(|| format!("the call {id} lost its city: {arguments}"))?;
        Ok(Self {
            id: id.to_owned(),
            name: name.to_owned(),
            city: city.to_owned(),
        })
    }

    /// Where the API has the arguments in a string.
    pub(super) fn parse(id: &str, name: &str, arguments: &str) -> Result<Self, String> {
        let value = serde_json::from_str(arguments);
        Self::new(id, name, &value.map_err(|e| format!("{arguments}: {e}"))?)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Turn {
    /// Words of the user.
    User,
    /// The model's, with its calls, if it made any.
    Model(Vec<Call>),
    /// A call's id and its result.
    Result(String, String),
}

/// What a call is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Say {
    Words(String),
    Calls,
}

/// A request, as far as the reply depends on it.
#[derive(Debug)]
pub(super) struct Asked {
    /// Where the body says it and not the address.
    pub model: Option<String>,
    pub stream: Option<bool>,
    /// Whether a stream should tell its usage.
    pub usage: bool,
    pub say: Say,
    /// Whether a thought comes first.
    pub thought: bool,
    /// The stop sequence at which the words end.
    pub stopped: Option<&'static str>,
}

impl Asked {
    /// Without the model and the stream, which stand in the address.
    pub(super) fn new(say: Say) -> Self {
        Self {
            model: None,
            stream: None,
            usage: true,
            say,
            thought: false,
            stopped: None,
        }
    }
}

/// What is said next, or what is wrong with the conversation: every call has its result right after it, and
/// there is no other.
pub(super) fn next(turns: &[Turn], has_tools: bool) -> Result<Say, String> {
    let mut open: Vec<Call> = Vec::new();
    let mut results: Vec<(&Call, &str)> = Vec::new();
    let mut calls: &[Call] = &[];
    for turn in turns {
        match turn {
            Turn::Result(id, text) => {
                open.iter()
                    .position(|call| call.id == *id)
                    .map(|at| open.remove(at))
                    .ok_or_else(|| format!("a result of {id:?}, which was not called"))?;
                let call = calls.iter().find(|call| call.id == *id);
                results.extend(call.map(|call| (call, text.as_str())));
            }
            Turn::User | Turn::Model(_) if !open.is_empty() => {
                return Err(format!("no result of {open:?}"));
            }
            Turn::User => results.clear(),
            Turn::Model(made) => {
                results.clear();
                calls = made;
                open = made.clone();
            }
        }
    }
    match turns.last() {
        Some(Turn::Result(..)) if open.is_empty() => Ok(Say::Words(told(calls, &results))),
        Some(Turn::Result(..)) => Err(format!("no result of {open:?}")),
        Some(Turn::User) if has_tools => Ok(Say::Calls),
        Some(Turn::User) => Ok(Say::Words(TEXT.to_owned())),
        Some(Turn::Model(_)) | None => Err("the last word is not the user's".to_owned()),
    }
}

/// Each city with what was said of it, in the order of the calls.
fn told(calls: &[Call], results: &[(&Call, &str)]) -> String {
    let of = |call: &Call| {
        let found = results.iter().find(|(of, _)| of.id == call.id);
        let text = found.map_or("", |(_, text)| text);
        format!("{}: {text}", call.city)
    };
    calls.iter().map(of).collect::<Vec<_>>().join("; ")
}

/// A call's arguments as the model writes them, cut in the middle of the name and of the value.
pub(super) fn argument_pieces(city: &str) -> [String; 3] {
    let (head, tail) = city.split_at(2);
    [
        "{\"ci".to_owned(),
        format!("ty\": \"{head}"),
        format!("{tail}\"}}"),
    ]
}

pub(super) fn arguments(city: &str) -> String {
    argument_pieces(city).concat()
}

/// Words in two pieces.
pub(super) fn pieces(words: &str) -> [&str; 2] {
    let middle = words.chars().count() / 2;
    let (at, _) = words.char_indices().nth(middle).unwrap_or_default();
    let (head, tail) = words.split_at(at);
    [head, tail]
}

/// Server-sent events with names.
pub(super) fn named(events: &[(&str, serde_json::Value)]) -> String {
    let events = events.iter();
    events
        .map(|(name, data)| format!("event: {name}\ndata: {data}\n\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(id: &str, city: &str) -> Call {
        Call::parse(id, TOOL, &arguments(city)).unwrap()
    }

    fn result(id: &str, text: &str) -> Turn {
        Turn::Result(id.to_owned(), text.to_owned())
    }

    #[test]
    fn results_are_told_by_the_city_of_their_call() {
        let calls = Turn::Model(vec![call("a", "Paris"), call("b", "Oslo")]);
        let turns = [Turn::User, calls, result("b", "cold"), result("a", "warm")];
        let expected = Say::Words("Paris: warm; Oslo: cold".to_owned());
        assert_eq!(next(&turns, true), Ok(expected));
    }

    #[test]
    fn a_result_that_is_missing_or_of_another_call_is_refused() {
        let calls = || Turn::Model(vec![call("a", "Paris"), call("b", "Oslo")]);
        for turns in [
            vec![Turn::User, calls(), result("a", "warm")],
            vec![Turn::User, calls(), result("a", "warm"), Turn::User],
            vec![Turn::User, calls(), result("c", "warm")],
            vec![Turn::User, result("a", "warm")],
            vec![Turn::User, calls(), result("a", "1"), result("a", "2")],
            vec![],
        ] {
            assert!(next(&turns, true).is_err(), "{turns:?}");
        }
    }
}
