//! What servers answer, read without trust.

use serde_json::{Value, json};

use super::{Failure, Tool};

/// Of a tool's description, in characters: models pay for each.
const MAX_DESCRIPTION: usize = 4_096;
/// Of the schema of its arguments.
const MAX_SCHEMA_BYTES: usize = 32 << 10;
/// Of what a server says of an error, in characters.
const MAX_PROBLEM: usize = 500;

/// The tools of one page. Those that no model could be told of are left out.
pub(super) fn tools(result: &Value) -> Result<Vec<Tool>, Failure> {
    let listed = result["tools"].as_array();
    let listed = listed.ok_or_else(|| Failure::told("its answer has no list of tools"))?;
    Ok(listed.iter().filter_map(tool).collect())
}

fn tool(listed: &Value) -> Option<Tool> {
    let name = listed["name"].as_str().filter(|name| !name.is_empty())?;
    let schema = Some(&listed["inputSchema"]).filter(|schema| schema.is_object());
    let none = || json!({"type": "object", "properties": {}});
    let schema = schema.cloned().unwrap_or_else(none);
    if name.chars().count() > floopy_shared::domain::mcp::MAX_NAME
        || schema.to_string().len() > MAX_SCHEMA_BYTES
    {
        return None;
    }
    let description = listed["description"].as_str();
    Some(Tool {
        name: name.to_owned(),
        description: description.map(|text| text.chars().take(MAX_DESCRIPTION).collect()),
        schema,
    })
}

/// An error of the protocol, as a model can be told.
pub(super) fn problem(error: &Value) -> String {
    let message = error["message"].as_str().unwrap_or("without saying why");
    let clean = message
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MAX_PROBLEM);
    format!(
        "it answered with error {}: {}",
        error["code"].as_i64().unwrap_or_default(),
        clean.collect::<String>()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_are_taken_as_far_as_models_can_be_told_of_them() {
        let long = "x".repeat(MAX_DESCRIPTION + 1);
        let listed = json!({"tools": [
            {"name": "a", "description": long, "inputSchema": {"type": "object"}},
            {"name": "b"},
            {"name": ""}, {"name": 7}, "x", null,
            {"name": "huge", "inputSchema": {"x": "y".repeat(MAX_SCHEMA_BYTES)}},
            {"name": "n".repeat(200)},
        ]});
        let found = tools(&listed).expect("a list");
        let names: Vec<&str> = found.iter().map(|tool| tool.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        let description = found[0].description.as_deref().expect("there");
        assert_eq!(description.len(), MAX_DESCRIPTION);
        assert_eq!(found[1].schema["type"], "object");
        for bad in [json!({}), json!({"tools": {}}), json!(null)] {
            assert!(tools(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_error_is_told_in_one_line() {
        let said = problem(&json!({"code": -32602, "message": "no\nsuch"}));
        assert_eq!(said, "it answered with error -32602: no such");
        assert!(problem(&json!(7)).ends_with("without saying why"));
    }
}
