//! OpenAI's form, which callers speak (<https://platform.openai.com/docs/api-reference/embeddings>).

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;

use super::{EmbeddingReply, EmbeddingRequest, Encoding, Input, Vector};
use crate::{
    error::Invalid,
    json::{Item, Json, Object},
};

const INPUT: &str = "a text or an array of texts, or of token numbers, or of arrays of them";

pub fn read_request(body: &[u8]) -> Result<EmbeddingRequest, Invalid> {
    let mut top = Object::top(body)?;
    let raw = top
        .take("input")
        .ok_or_else(|| top.missing("input", INPUT))?;
    let at = top.at_of("input");
    let encoding = top.string("encoding_format")?;
    let encoding = match encoding.as_deref() {
        None | Some("float") => Encoding::Float,
        Some("base64") => Encoding::Base64,
        Some(other) => {
            let at = top.at_of("encoding_format");
            return Err(Invalid::shown(&at, other, "float or base64"));
        }
    };
    Ok(EmbeddingRequest {
        model: top.required_string("model")?,
        inputs: inputs(&Item { raw, at })?,
        dimensions: top.u64("dimensions")?,
        encoding,
        user: top.string("user")?,
        rest: top.rest(),
    })
}

/// One text, texts, the tokens of one input, or of several.
fn inputs(input: &Item<'_>) -> Result<Vec<Input>, Invalid> {
    if input.is_string() {
        return Ok(vec![Input::Text(input.string()?)]);
    }
    let wrong = |item: &Item<'_>| Invalid::wrong(&item.at, item.raw.get(), INPUT);
    let items: Vec<&serde_json::value::RawValue> =
        serde_json::from_str(input.raw.get()).map_err(|_| wrong(input))?;
    let first = items.first().ok_or_else(|| wrong(input))?;
    let is_one = first.get().starts_with(|c: char| c.is_ascii_digit());
    if is_one {
        let tokens = serde_json::from_str(input.raw.get()).map_err(|_| wrong(input))?;
        return Ok(vec![Input::Tokens(tokens)]);
    }
    let are_texts = first.get().starts_with('"');
    let items = items.into_iter().enumerate();
    items
        .map(|(index, raw)| {
            let at = format!("{}[{index}]", input.at);
            let item = Item { raw, at };
            if are_texts {
                return Ok(Input::Text(item.string()?));
            }
            let tokens = serde_json::from_str(raw.get());
            tokens.map(Input::Tokens).map_err(|_| wrong(&item))
        })
        .collect()
}

#[derive(Serialize)]
struct WireReply<'a> {
    object: &'static str,
    data: Vec<Embedding<'a>>,
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<WireUsage>,
}

#[derive(Serialize)]
struct Embedding<'a> {
    object: &'static str,
    index: usize,
    embedding: Written<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Written<'a> {
    Float(&'a Json),
    Base64(String),
}

#[derive(Serialize)]
struct WireUsage {
    prompt_tokens: u64,
    total_tokens: u64,
}

/// Writes a reply for a caller. It tells of its cost where the provider did.
pub fn write_reply(reply: &EmbeddingReply, encoding: Encoding) -> Vec<u8> {
    let data = reply.vectors.iter().enumerate();
    let data = data.map(|(index, vector)| Embedding {
        object: "embedding",
        index,
        embedding: match encoding {
            Encoding::Float => Written::Float(&vector.0),
            Encoding::Base64 => Written::Base64(base64(vector)),
        },
    });
    let wire = WireReply {
        object: "list",
        data: data.collect(),
        model: &reply.model,
        usage: reply.usage.map(|usage| WireUsage {
            prompt_tokens: usage.input,
            total_tokens: usage.input,
        }),
    };
    serde_json::to_vec(&wire).unwrap_or_default()
}

fn base64(vector: &Vector) -> String {
    let values = vector.values().unwrap_or_default();
    let bytes: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn inputs_of(input: &str) -> Result<Vec<Input>, String> {
        let body = format!(r#"{{"model":"m","input":{input}}}"#);
        let request = read_request(body.as_bytes()).map_err(|e| e.to_string())?;
        Ok(request.inputs)
    }

    #[test]
    fn an_input_is_texts_or_tokens() {
        let text = |text: &str| Input::Text(text.into());
        for (input, expected) in [
            (r#""a""#, vec![text("a")]),
            (r#"["a","b"]"#, vec![text("a"), text("b")]),
            ("[1,2]", vec![Input::Tokens(vec![1, 2])]),
            (
                "[[1,2],[3]]",
                vec![Input::Tokens(vec![1, 2]), Input::Tokens(vec![3])],
            ),
        ] {
            assert_eq!(inputs_of(input), Ok(expected));
        }
        for (bad, field) in [
            ("[]", "input is an array"),
            ("5", "input is the number 5"),
            ("{}", "input is an object"),
            (r#"["a",5]"#, "input[1] is the number 5"),
            (r#"[5,"a"]"#, "input is an array"),
            (r#"[[5],"a"]"#, "input[1] is a string"),
            ("[-1]", "input[0] is the number -1"),
            ("[1.5]", "input is an array"),
        ] {
            let error = inputs_of(bad).expect_err(bad);
            assert!(error.starts_with(field), "{bad}: {error}");
        }
    }

    #[test]
    fn what_a_request_lacks_or_has_wrong_is_named() {
        for (body, expected) in [
            ("{}", "input is missing"),
            (r#"{"input":"a"}"#, "model is missing"),
            (
                r#"{"input":"a","model":"m","encoding_format":"hex"}"#,
                "encoding_format is \"hex\"",
            ),
            (
                r#"{"input":"a","model":"m","dimensions":"8"}"#,
                "dimensions is a string",
            ),
        ] {
            let error = read_request(body.as_bytes()).expect_err(body).to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    proptest! {
        #[test]
        fn base64_holds_the_floats_that_stand_in_the_array(values in prop::collection::vec(-10f32..10f32, 1..20)) {
            let text = serde_json::to_string(&values).expect("JSON");
            let vector = Vector(Json::parse(&text).expect("JSON"));
            let bytes = STANDARD.decode(base64(&vector)).expect("base64");
            let read: Vec<f32> = bytes
                .chunks_exact(4)
                .map(|four| f32::from_le_bytes(four.try_into().expect("four")))
                .collect();
            prop_assert_eq!(read, values);
        }
    }
}
