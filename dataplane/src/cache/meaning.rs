//! What a call asks, apart from everything else about it: so that the same question in other words can be found.

use std::{borrow::Cow, ops::Range, sync::Arc};

use floopy_semantic::{
    embed::{Vector, model},
    verify::{Difference, Reading, verify},
};
use floopy_shared::domain::cache::CacheKey;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::key::{Asked, Form};
use crate::call::Endpoint;

/// Messages of the user that may be in other words, at most.
const MAX_QUESTIONS: usize = 8;

/// What is asked, and among what it is looked for.
#[derive(Debug, Clone)]
pub(crate) struct Meaning {
    /// Everything about the call but the questions: the tenant, model, parameters, system prompt, the messages around
    /// them and what else makes a key.
    pub(super) scope: CacheKey,
    /// The last one last.
    pub(super) questions: Arc<[String]>,
    /// Of the last one.
    pub(super) vector: Vector,
    /// Earlier messages may be in other words as well.
    pub(super) is_advanced: bool,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    messages: Vec<Message<'a>>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
}

/// A part of a message, where it says nothing but text.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TextPart {
    #[serde(rename = "type")]
    kind: String,
    text: String,
}

impl Meaning {
    /// `None`: it asks nothing that may be compared.
    pub(crate) fn of(asked: &Asked<'_>, advanced: bool) -> Option<Self> {
        match asked.call.endpoint() {
            Endpoint::Chat | Endpoint::Messages => {}
            Endpoint::Responses | Endpoint::CountTokens | Endpoint::Embeddings => return None,
        }
        let body = asked.call.body();
        let read: Body<'_> = serde_json::from_slice(body).ok()?;
        let is_question = |message: &&Message<'_>| message.role == "user";
        read.messages.last().filter(is_question)?;
        let count = read.messages.iter().filter(is_question).count();
        let is_advanced = advanced && count > 1;
        let skipped = if is_advanced { 0 } else { count - 1 };
        if count - skipped > MAX_QUESTIONS {
            return None;
        }
        let contents = read.messages.iter().filter(is_question).skip(skipped);
        let contents: Option<Vec<&RawValue>> = contents.map(|message| message.content).collect();
        let contents = contents?;
        let questions: Option<Vec<String>> = contents.iter().map(|content| text(content)).collect();
        let questions = questions?;
        if questions
            .iter()
            .any(|question| Reading::of(question).is_none())
        {
            return None;
        }
        let spans = contents.iter().map(|content| span(content, body));
        let mut form = Form::with(asked, &without(body, spans))?;
        let kind: &'static [u8] = if is_advanced {
            b"advanced"
        } else {
            b"semantic"
        };
        form.parts.push(("meaning", Some(Cow::Borrowed(kind))));
        Some(Self {
            scope: form.key(),
            vector: model().vector(questions.last()?),
            questions: questions.into(),
            is_advanced,
        })
    }

    pub(crate) fn is_advanced(&self) -> bool {
        self.is_advanced
    }

    /// One that asked the same among the same, in these words.
    pub(super) fn in_words(&self, questions: Vec<String>) -> Option<Self> {
        Some(Self {
            vector: model().vector(questions.last()?),
            questions: questions.into(),
            ..self.clone()
        })
    }

    /// One of a test.
    #[cfg(test)]
    pub(super) fn asking(scope: CacheKey, questions: Vec<String>) -> Self {
        let last = questions.last().map_or("", String::as_str);
        Self {
            scope,
            vector: model().vector(last),
            questions: questions.into(),
            is_advanced: false,
        }
    }

    /// What it takes to keep it.
    pub(super) fn weight(&self) -> usize {
        let text = self.questions.iter().map(|question| question.len() + 24);
        text.sum::<usize>() + 256
    }
}

/// Questions as they are compared, word by word.
pub(super) struct Words(Vec<Option<Reading>>);

impl Words {
    pub(super) fn of(questions: &[String]) -> Self {
        Self(questions.iter().map(|q| Reading::of(q)).collect())
    }

    /// What sets these apart.
    pub(super) fn compare(&self, questions: &[String]) -> Result<(), Difference> {
        let Self(own) = self;
        if questions.len() != own.len() {
            return Err(Difference::Length);
        }
        let theirs = questions.iter().map(|question| Reading::of(question));
        own.iter()
            .zip(theirs)
            .try_for_each(|(ours, theirs)| match (ours, theirs) {
                (Some(ours), Some(theirs)) => verify(ours, &theirs),
                (Some(_) | None, _) => Err(Difference::Words),
            })
    }
}

fn text(content: &RawValue) -> Option<String> {
    if let Ok(text) = serde_json::from_str::<String>(content.get()) {
        return Some(text);
    }
    let parts: Vec<TextPart> = serde_json::from_str(content.get()).ok()?;
    let [part] = <[TextPart; 1]>::try_from(parts).ok()?;
    (part.kind == "text").then_some(part.text)
}

/// Where a value that was borrowed from the body lies.
fn span(value: &RawValue, body: &[u8]) -> Range<usize> {
    let start = value.get().as_ptr() as usize - body.as_ptr() as usize;
    start..start + value.get().len()
}

/// The body with `null` in the place of these values.
fn without(body: &[u8], spans: impl Iterator<Item = Range<usize>>) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut at = 0;
    for span in spans {
        out.extend_from_slice(&body[at..span.start]);
        out.extend_from_slice(b"null");
        at = span.end;
    }
    out.extend_from_slice(&body[at..]);
    out
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use floopy_shared::domain::{cache::Caching, ids::TenantId};
    use http::HeaderMap;
    use serde_json::{Value, json};

    use super::*;
    use crate::{cache::wish, call::Call};

    fn meaning(body: &Value, advanced: bool) -> Option<Meaning> {
        let caching = Caching {
            enabled: true,
            ..Caching::default()
        };
        let headers = HeaderMap::new();
        let wish = wish(&headers, &caching).expect("valid").expect("on");
        let call =
            Call::parse(Bytes::from(body.to_string()), Endpoint::Chat, None).expect("a call");
        let tenant = TenantId::new("acme").expect("valid");
        let asked = Asked {
            tenant: &tenant,
            call: &call,
            headers: &headers,
            rule: None,
            wish: &wish,
        };
        Meaning::of(&asked, advanced)
    }

    fn asking(messages: &Value) -> Value {
        json!({"model": "m", "temperature": 0, "messages": messages})
    }

    fn scope(body: &Value, advanced: bool) -> CacheKey {
        meaning(body, advanced).expect("has one").scope
    }

    #[test]
    fn only_the_last_message_may_be_in_other_words() {
        let body = |first: &str, last: &str| {
            asking(
                &json!([{"role": "system", "content": "s"}, {"role": "user", "content": first},
                {"role": "assistant", "content": "a"}, {"role": "user", "content": last}]),
            )
        };
        let own = scope(&body("one", "two"), false);
        assert_eq!(scope(&body("one", "three"), false), own);
        assert_ne!(scope(&body("other", "two"), false), own);
        assert_eq!(
            scope(&body("other", "three"), true),
            scope(&body("one", "two"), true)
        );
        assert_ne!(scope(&body("one", "two"), true), own);
    }

    #[test]
    fn everything_else_makes_another_scope() {
        let plain = asking(&json!([{"role": "user", "content": "one"}]));
        let own = scope(&plain, true);
        let mut others = vec![
            asking(
                &json!([{"role": "system", "content": "s"}, {"role": "user", "content": "one"}]),
            ),
            asking(&json!([{"role": "user", "content": "one", "name": "n"}])),
            asking(
                &json!([{"role": "user", "content": "one"}, {"role": "assistant", "content": "a"},
                {"role": "user", "content": "one"}]),
            ),
        ];
        for (key, value) in [
            ("model", json!("n")),
            ("temperature", json!(1)),
            ("max_tokens", json!(5)),
            ("stream", json!(true)),
            ("response_format", json!({"type": "json_object"})),
        ] {
            let mut other = plain.clone();
            other[key] = value;
            others.push(other);
        }
        for other in others {
            assert_ne!(scope(&other, true), own, "{other}");
        }
    }

    #[test]
    fn what_is_no_plain_question_has_none() {
        let image = json!([{"type": "text", "text": "what is it"}, {"type": "image_url", "image_url": {"url": "data:,"}}]);
        for messages in [
            json!([{"role": "user", "content": image}]),
            json!([{"role": "user", "content": "one"}, {"role": "assistant", "content": "a"}]),
            json!([{"role": "user", "content": "?!"}]),
            json!([{"role": "user", "content": "long ".repeat(400)}]),
        ] {
            assert!(meaning(&asking(&messages), false).is_none(), "{messages}");
        }
        let part = json!([{"role": "user", "content": [{"type": "text", "text": "one"}]}]);
        let found = meaning(&asking(&part), false).expect("has one");
        assert_eq!(*found.questions, ["one".to_owned()]);
    }
}
