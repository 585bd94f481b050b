//! What a tool says, as a text for the model.

use serde_json::Value;

/// Of what one call of a tool says, in bytes.
const MAX_TEXT: usize = 64 << 10;

/// The text of a result, and whether it says that the tool failed.
pub(super) fn text(result: &Value) -> (String, bool) {
    let parts = result["content"].as_array();
    let parts = parts.map(Vec::as_slice).unwrap_or_default();
    let mut text = String::new();
    for part in parts {
        if !text.is_empty() {
            text.push('\n');
        }
        add(&mut text, part);
    }
    if text.is_empty() && !result["structuredContent"].is_null() {
        text = result["structuredContent"].to_string();
    }
    let is_error = result["isError"].as_bool().unwrap_or_default();
    (cut(text), is_error)
}

fn add(text: &mut String, part: &Value) {
    match part["type"].as_str().unwrap_or_default() {
        "text" => text.push_str(part["text"].as_str().unwrap_or_default()),
        "resource" if part["resource"]["text"].is_string() => {
            text.push_str(part["resource"]["text"].as_str().unwrap_or_default());
        }
        "resource_link" => text.push_str(part["uri"].as_str().unwrap_or_default()),
        kind => {
            let kind: String = kind.chars().take(40).collect();
            text.push_str(&format!("[{kind:?} is left out: it is not a text]"));
        }
    }
}

fn cut(mut text: String) -> String {
    if text.len() <= MAX_TEXT {
        return text;
    }
    let length = text.len();
    let mut end = MAX_TEXT;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text.push_str(&format!("\n[cut: {end} of {length} bytes]"));
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_told_and_what_is_none_is_named() {
        for (result, expected) in [
            (
                json!({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}),
                ("a\nb", false),
            ),
            (
                json!({"content": [{"type": "text", "text": "no"}], "isError": true}),
                ("no", true),
            ),
            (
                json!({"content": [], "structuredContent": {"x": 1}}),
                ("{\"x\":1}", false),
            ),
            (
                json!({"content": [{"type": "image", "data": "AAAA"}]}),
                ("[\"image\" is left out: it is not a text]", false),
            ),
            (
                json!({"content": [{"type": "resource", "resource": {"text": "r"}}]}),
                ("r", false),
            ),
            (json!({}), ("", false)),
            (json!("x"), ("", false)),
        ] {
            let (found, is_error) = text(&result);
            assert_eq!((found.as_str(), is_error), expected, "{result}");
        }
    }

    #[test]
    fn what_is_too_long_is_cut_between_characters_and_says_so() {
        let long = "é".repeat(MAX_TEXT);
        let (found, _) = text(&json!({"content": [{"type": "text", "text": long}]}));
        assert!(found.len() < MAX_TEXT + 60, "{}", found.len());
        assert!(
            found.ends_with("[cut: 65536 of 131072 bytes]"),
            "{}",
            &found[found.len() - 40..]
        );
    }
}
