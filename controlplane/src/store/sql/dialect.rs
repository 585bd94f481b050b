//! PostgreSQL's words for a statement that is written in SQLite's.
//!
//! What both understand is written so that both do; what is left is here: parameters are numbered, what only advises
//! SQLite's planner goes, literal bytes and the types of columns have other names. Functions that PostgreSQL lacks are
//! made in the database (`functions.sql`).

use std::{
    collections::HashMap,
    fmt::Write,
    sync::{Mutex, PoisonError},
};

/// The statement for PostgreSQL.
pub(crate) fn for_postgres(text: &str) -> String {
    let mut translated = Translated {
        out: String::with_capacity(text.len() + text.len() / 4),
        parameters: 0,
        skipped_words: 0,
    };
    for (token, after) in tokens(text) {
        translated.add(token, after);
    }
    translated.out
}

/// Words, literals, parameters and single characters in their order, each with what comes after it.
pub(crate) fn tokens(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let (token, after) = rest.split_at(token_length(rest, first));
        rest = after;
        Some((token, after))
    })
}

/// The same, of a text that is a constant of the program: kept as long as it runs.
pub(super) fn kept_for_postgres(text: &'static str) -> &'static str {
    static KEPT: Mutex<Option<HashMap<&'static str, &'static str>>> = Mutex::new(None);
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let kept = kept.get_or_insert_default();
    kept.entry(text)
        .or_insert_with(|| Box::leak(for_postgres(text).into_boxed_str()))
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The length of what comes first: a word, a literal, a parameter or a single character.
fn token_length(text: &str, first: char) -> usize {
    let bytes = text.as_bytes();
    if first == '\'' {
        return quoted_length(text);
    }
    if matches!(first, 'x' | 'X') && bytes.get(1) == Some(&b'\'') {
        return 1 + quoted_length(&text[1..]);
    }
    if first == '?' {
        let digits = bytes[1..].iter().take_while(|byte| byte.is_ascii_digit());
        return 1 + digits.count();
    }
    if is_word(first) {
        return text.find(|c| !is_word(c)).unwrap_or(text.len());
    }
    first.len_utf8()
}

/// The length of a literal text with its quotes; a doubled quote is one within it.
fn quoted_length(text: &str) -> usize {
    let end = text[1..].find('\'');
    end.map_or(text.len(), |end| end + 2)
}

struct Translated {
    out: String,
    parameters: usize,
    /// Words that are still to be left out.
    skipped_words: usize,
}

impl Translated {
    fn add(&mut self, token: &str, after: &str) {
        let first = token.chars().next().unwrap_or_default();
        if first == '?' {
            return self.add_parameter(&token[1..]);
        }
        if token.len() > 2 && matches!(first, 'x' | 'X') && token.ends_with('\'') {
            let digits = &token[2..token.len() - 1];
            // Writing to a string cannot fail.
            let _ = write!(self.out, "'\\x{digits}'::bytea");
            return;
        }
        // `+column` hides a column from SQLite's planner.
        if first == '+' && after.starts_with(is_word) {
            return;
        }
        if !is_word(first) {
            return self.out.push_str(token);
        }
        if self.skipped_words > 0 {
            self.skipped_words -= 1;
            return;
        }
        self.add_word(token, after);
    }

    fn add_parameter(&mut self, number: &str) {
        self.out.push('$');
        if number.is_empty() {
            self.parameters += 1;
            // Writing to a string cannot fail.
            let _ = write!(self.out, "{}", self.parameters);
        } else {
            self.parameters = number.parse().unwrap_or(self.parameters);
            self.out.push_str(number);
        }
    }

    fn add_word(&mut self, word: &str, after: &str) {
        let follows = |next: &str| after.trim_start().starts_with(next);
        let translated = match word {
            // `INDEXED BY name` and the order of `CROSS JOIN` only advise SQLite's planner.
            "INDEXED" => {
                self.skipped_words = 2;
                return;
            }
            "CROSS" if !follows("JOIN json_each(") => return,
            "ifnull" => "coalesce",
            "INTEGER" => "BIGINT",
            "json_array" if follows("(") => "json_build_array",
            other => other,
        };
        self.out.push_str(translated);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_told_in_postgresqls_words() {
        let told = [
            ("SELECT ?, '?', ?", "SELECT $1, '?', $2"),
            (
                "a = ?2 AND b = ?1 AND c = ?",
                "a = $2 AND b = $1 AND c = $2",
            ),
            (
                "x'00ff' || X'' || 'x''?'",
                "'\\x00ff'::bytea || '\\x'::bytea || 'x''?'",
            ),
            ("FROM d AS o INDEXED BY d_i WHERE", "FROM d AS o   WHERE"),
            ("a CROSS JOIN b ON TRUE", "a  JOIN b ON TRUE"),
            ("a CROSS JOIN json_each(b)", "a CROSS JOIN json_each(b)"),
            (
                "CAST(ifnull(a, 1 + b) AS INTEGER)",
                "CAST(coalesce(a, 1 + b) AS BIGINT)",
            ),
            ("ORDER BY +a DESC, +b", "ORDER BY a DESC, b"),
            (
                "json_group_array(json_array(a))",
                "json_group_array(json_build_array(a))",
            ),
        ];
        for (text, expected) in told {
            let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert_eq!(words(&for_postgres(text)), words(expected), "{text}");
        }
    }

    #[test]
    fn tokens_put_together_are_the_text() {
        for text in ["", "'open", "a 'b''c' ?12 é x'00", "x ''"] {
            let tokens: String = tokens(text).map(|(token, _)| token).collect();
            assert_eq!(tokens, text);
        }
    }
}
