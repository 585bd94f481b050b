//! What a stored reply says, to compare it with another one.

use serde_json::Value;

/// The text of a reply in any of the forms that are stored; `None`: it says nothing in words.
pub(super) fn text(body: &[u8]) -> Option<String> {
    let body = std::str::from_utf8(body).ok()?;
    let mut said = String::new();
    if body.trim_start().starts_with('{') {
        add(&serde_json::from_str(body).ok()?, &mut said);
    } else {
        let events = body.lines().filter_map(|line| line.strip_prefix("data:"));
        for event in events.filter_map(|event| serde_json::from_str(event.trim()).ok()) {
            add(&event, &mut said);
        }
    }
    (!said.trim().is_empty()).then_some(said)
}

/// A whole reply, or an event of one.
fn add(value: &Value, said: &mut String) {
    let choice = &value["choices"][0];
    let places = [
        &choice["message"]["content"],
        &choice["delta"]["content"],
        &value["delta"]["text"],
    ];
    let parts = value["content"].as_array().into_iter().flatten();
    let texts = places.into_iter().chain(parts.map(|part| &part["text"]));
    texts
        .filter_map(Value::as_str)
        .for_each(|text| said.push_str(text));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        for (body, expected) in [
            (
                r#"{"choices":[{"message":{"content":"Paris"}}]}"#,
                Some("Paris"),
            ),
            (
                r#"{"content":[{"type":"text","text":"Pa"},{"type":"text","text":"ris"}]}"#,
                Some("Paris"),
            ),
            (
                "data: {\"choices\":[{\"delta\":{\"content\":\"Pa\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"ris\"}}]}\n\ndata: [DONE]\n\n",
                Some("Paris"),
            ),
            (
                "event: content_block_delta\ndata: {\"delta\":{\"type\":\"text_delta\",\"text\":\"Paris\"}}\n\n",
                Some("Paris"),
            ),
            (r#"{"choices":[{"message":{"content":null}}]}"#, None),
            ("{", None),
        ] {
            assert_eq!(text(body.as_bytes()).as_deref(), expected, "{body}");
        }
    }
}
