//! Answers as tables: for each column where its value is found, and how it is shown.

use serde_json::Value;

use crate::catalog::table::{Side, table};

/// A column: its head, the JSON pointer of its value, its side.
pub(super) type Column = (&'static str, &'static str, Side);

/// Longest text of a cell.
const MAX_CELL: usize = 48;

/// A row for each item.
pub(super) fn of(items: &[Value], columns: &[Column]) -> String {
    let heads: Vec<(&str, Side)> = columns
        .iter()
        .map(|(head, _, side)| (*head, *side))
        .collect();
    let row = |item: &Value| {
        let cell = |(_, pointer, _): &Column| cell(item.pointer(pointer));
        columns.iter().map(cell).collect()
    };
    table(&heads, &items.iter().map(row).collect::<Vec<_>>())
}

/// What is not there is a dash; what is no plain value is JSON.
fn cell(value: Option<&Value>) -> String {
    let text = match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(yes)) => (if *yes { "yes" } else { "no" }).to_owned(),
        Some(Value::Number(number)) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) => format!("{float:.3}"),
            None => number.to_string(),
        },
        Some(Value::Array(items)) if items.is_empty() => "-".to_owned(),
        Some(Value::Array(items)) if items.iter().all(Value::is_string) => {
            let names: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            names.join(", ")
        }
        Some(other @ (Value::Array(_) | Value::Object(_))) => other.to_string(),
    };
    // Control characters would move the terminal's cursor.
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    if text.chars().count() <= MAX_CELL {
        return text;
    }
    let kept: String = text.chars().take(MAX_CELL - 1).collect();
    kept + "…"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_shown_plainly_and_nothing_moves_the_cursor() {
        let items = [
            json!({"name": "a\u{1b}[2J", "n": 7, "in": {"x": 0.25}, "on": true, "all": ["c", "d"]}),
            json!({"name": "b".repeat(60), "in": null, "all": []}),
        ];
        let columns = [
            ("NAME", "/name", Side::Left),
            ("N", "/n", Side::Right),
            ("X", "/in/x", Side::Right),
            ("ON", "/on", Side::Left),
            ("ALL", "/all", Side::Left),
        ];
        let shown = of(&items, &columns);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(
            lines[1].starts_with("a[2J ") && lines[1].ends_with("7  0.250  yes  c, d"),
            "{shown}"
        );
        assert!(lines[2].contains("bbb…  -"), "{shown}");
    }
}
