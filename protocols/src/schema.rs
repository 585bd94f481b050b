//! What is done to JSON schemas on the way to those who take them barer than OpenAI does.

use crate::json::Json;

/// The schema with a description, for APIs that have no other place for one. `None` where it has one already.
pub(crate) fn described(schema: &Json, description: &str) -> Option<Json> {
    let mut object = schema.object("schema").ok()?;
    if object.take("description").is_some() {
        return None;
    }
    let has_more = !object.rest().is_empty();
    let fields = schema.text().strip_prefix('{')?;
    let text = serde_json::to_string(description).ok()?;
    let comma = if has_more { "," } else { "" };
    Json::parse(&format!("{{\"description\":{text}{comma}{fields}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_stands_in_the_schema() {
        let of = |schema: &str| {
            let schema = Json::parse(schema).expect("JSON");
            described(&schema, "a \"city\"").map(|json| json.text().to_owned())
        };
        assert_eq!(
            of(r#"{"type": "object"}"#).as_deref(),
            Some(r#"{"description":"a \"city\"","type": "object"}"#)
        );
        assert_eq!(of("{}").as_deref(), Some(r#"{"description":"a \"city\""}"#));
        assert_eq!(of(r#"{"description":"mine"}"#), None);
    }
}
