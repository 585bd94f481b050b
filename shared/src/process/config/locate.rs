//! Where in a TOML text a key is, for errors found after parsing.

use toml::de::{DeTable, DeValue};

/// The line, counted from 1, of a path such as `proxy.limits.in_flight` or `providers[1].name`. Where its
/// last parts are not written down, the line of the table that lacks them.
pub(super) fn line_of(text: &str, path: &str) -> usize {
    let Ok(root) = DeTable::parse(text) else {
        return 1;
    };
    let mut at = 0;
    let mut table = Some(root.get_ref());
    for part in path.split('.') {
        let (name, index) = split_index(part);
        let Some((key, value)) =
            table.and_then(|t| t.iter().find(|(key, _)| key.get_ref() == name))
        else {
            break;
        };
        at = key.span().start;
        let mut value = value;
        if let (Some(index), DeValue::Array(items)) = (index, value.get_ref()) {
            let Some(item) = items.get(index) else { break };
            at = item.span().start;
            value = item;
        }
        table = value.get_ref().as_table();
    }
    text[..at.min(text.len())].matches('\n').count() + 1
}

/// `providers[1]` is `providers` and 1.
fn split_index(part: &str) -> (&str, Option<usize>) {
    let Some((name, rest)) = part.split_once('[') else {
        return (part, None);
    };
    (
        name,
        rest.strip_suffix(']').and_then(|index| index.parse().ok()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_in_tables_and_in_lists_of_tables() {
        let text = "log = \"text\"\n\n[proxy.limits]\nin_flight = 1\n\n[[models]]\na = 1\n\n[[models]]\na = 1\nb = 2\n";
        let cases = [
            ("log", 1),
            ("proxy.limits.in_flight", 4),
            ("models[1].b", 11),
            ("nowhere", 1),
        ];
        for (path, line) in cases {
            assert_eq!(line_of(text, path), line, "{path}");
        }
        assert!((8..=10).contains(&line_of(text, "models[1].missing")));
    }
}
