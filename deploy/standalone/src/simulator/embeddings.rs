//! `POST /v1/embeddings`: unit vectors that are a function of the input.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::Response;
use serde_json::{Value, json};

use super::{
    draw::Draw,
    ledger::Ledger,
    request::EmbeddingsRequest,
    respond::{Body, Refusal, json_response},
    tokens,
};

/// The one embedding model.
pub(super) const MODEL: &str = "sim-embed";

/// Length of a vector where the caller asks for none.
const DIMENSIONS: usize = 256;

/// Longest vector, most inputs.
const MAX_DIMENSIONS: usize = 4_096;
const MAX_INPUTS: usize = 2_048;

pub(super) fn embed(ledger: &Ledger, body: &[u8]) -> Result<Response<Body>, Refusal> {
    let request: EmbeddingsRequest = serde_json::from_slice(body)
        .map_err(|e| Refusal::Invalid(format!("the body is not valid: {e}")))?;
    if request.model != MODEL {
        return Err(Refusal::UnknownModel(request.model));
    }
    let dimensions = request.dimensions.unwrap_or(DIMENSIONS);
    if !(1..=MAX_DIMENSIONS).contains(&dimensions) {
        return Err(Refusal::Invalid(format!(
            "dimensions is {dimensions}, allowed: 1 to {MAX_DIMENSIONS}"
        )));
    }
    let base64 = match request.encoding_format.as_deref() {
        None | Some("float") => false,
        Some("base64") => true,
        Some(other) => {
            return Err(Refusal::Invalid(format!(
                "encoding_format is {other:?}, allowed: float, base64"
            )));
        }
    };
    let inputs = inputs(&request.input)?;
    let data: Vec<Value> = inputs
        .iter()
        .enumerate()
        .map(|(index, input)| {
            json!({ "object": "embedding", "index": index, "embedding": encode(&vector(input, dimensions), base64) })
        })
        .collect();
    let used: u64 = inputs.iter().map(|input| tokens(input)).sum();
    ledger.record_embedding(used);
    let usage = json!({ "prompt_tokens": used, "total_tokens": used });
    Ok(json_response(
        &json!({ "object": "list", "data": data, "model": MODEL, "usage": usage }),
    ))
}

/// A text, a list of texts, a list of token ids, or a list of those.
fn inputs(input: &Value) -> Result<Vec<String>, Refusal> {
    let invalid =
        || Refusal::Invalid("input must be a string, or an array of strings or token ids".into());
    let inputs = match input {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_number) => {
            vec![input.to_string()]
        }
        Value::Array(items) => items
            .iter()
            .map(|item| match item {
                Value::String(text) => Ok(text.clone()),
                Value::Array(ids) if ids.iter().all(Value::is_number) => Ok(item.to_string()),
                Value::Array(_)
                | Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::Object(_) => Err(invalid()),
            })
            .collect::<Result<_, _>>()?,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => return Err(invalid()),
    };
    if inputs.is_empty() || inputs.len() > MAX_INPUTS {
        return Err(invalid());
    }
    Ok(inputs)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "embeddings are single precision"
)]
fn vector(input: &str, dimensions: usize) -> Vec<f32> {
    let mut draw = Draw::new(0, &["embedding", input]);
    let raw: Vec<f64> = (0..dimensions).map(|_| draw.normal()).collect();
    let norm = raw
        .iter()
        .map(|x| x * x)
        .sum::<f64>()
        .sqrt()
        .max(f64::MIN_POSITIVE);
    raw.iter().map(|x| (x / norm) as f32).collect()
}

fn encode(vector: &[f32], base64: bool) -> Value {
    if !base64 {
        return json!(vector);
    }
    let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
    Value::String(STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_encodings_carry_the_same_unit_vector() {
        let vector = vector("hello", 64);
        let norm: f32 = vector.iter().map(|x| x * x).sum();
        assert!((norm - 1.0).abs() < 1e-5);
        let encoded = encode(&vector, true);
        let bytes = STANDARD
            .decode(encoded.as_str().expect("text"))
            .expect("base64");
        let decoded: Vec<f32> = bytes
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        assert_eq!(decoded, vector);
    }

    #[test]
    fn every_form_of_input_is_read_and_others_are_refused() {
        let count = |value: Value| inputs(&value).map(|inputs| inputs.len()).ok();
        assert_eq!(count(json!("a")), Some(1));
        assert_eq!(count(json!(["a", "b"])), Some(2));
        assert_eq!(count(json!([1, 2, 3])), Some(1));
        assert_eq!(count(json!([[1, 2], [3]])), Some(2));
        for bad in [json!([]), json!(null), json!({ "a": 1 }), json!([null])] {
            assert_eq!(count(bad), None);
        }
    }
}
