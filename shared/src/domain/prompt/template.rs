//! `{{name}}` in a text: where placeholders are, and what is only text.

use super::MAX_NAME_BYTES;

/// A stretch of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    Text(&'a str),
    Placeholder {
        name: &'a str,
        /// With its braces.
        written: &'a str,
    },
}

/// Whether a placeholder may have this name: letters, digits, `_`, `-` and `.`.
pub fn is_name(name: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&name.len()) && name.chars().all(is_name_char)
}

fn is_name_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// The stretches of a template, which together are the template. What a placeholder is filled with is not looked at
/// again.
pub fn pieces(template: &str) -> Pieces<'_> {
    Pieces { rest: template }
}

/// See [`pieces`].
#[derive(Debug, Clone)]
pub struct Pieces<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let mut from = 0;
        while let Some(found) = self.rest[from..].find("{{") {
            let start = from + found;
            let Some((name, length)) = placeholder(&self.rest[start..]) else {
                // `{{{x}}}` has one at its second brace.
                from = start + 1;
                continue;
            };
            if start > 0 {
                return Some(Piece::Text(self.take(start)));
            }
            let written = self.take(length);
            return Some(Piece::Placeholder { name, written });
        }
        Some(Piece::Text(self.take(self.rest.len())))
    }
}

impl<'a> Pieces<'a> {
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }
}

/// The placeholder that a text begins with, and its length; spaces around the name are allowed.
fn placeholder(text: &str) -> Option<(&str, usize)> {
    let inside = text.strip_prefix("{{")?.trim_start_matches(' ');
    let end = inside.find(|c| !is_name_char(c))?;
    let (name, after) = inside.split_at(end);
    let after = after.trim_start_matches(' ').strip_prefix("}}")?;
    is_name(name).then_some((name, text.len() - after.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The template with names in angle brackets in place of the placeholders.
    fn shown(template: &str) -> String {
        let shown = |piece| match piece {
            Piece::Text(text) => text.to_owned(),
            Piece::Placeholder { name, .. } => format!("<{name}>"),
        };
        pieces(template).map(shown).collect()
    }

    #[test]
    fn only_names_in_double_braces_are_placeholders() {
        let cases = [
            ("", ""),
            ("plain {text} {{ {", "plain {text} {{ {"),
            ("{{a}}", "<a>"),
            ("{{ a }}{{b}}", "<a><b>"),
            (
                "Hi {{user.name}}, in {{nação}}!",
                "Hi <user.name>, in <nação>!",
            ),
            ("{{{x}}}", "{<x>}"),
            ("{{a b}} {{}} {{a\n}}", "{{a b}} {{}} {{a\n}}"),
            ("{{a} {{b}}", "{{a} <b>"),
            ("{{{{a}}}}", "{{<a>}}"),
            ("{{#if x}}{{x}}{{/if}}", "{{#if x}}<x>{{/if}}"),
        ];
        for (template, expected) in cases {
            assert_eq!(shown(template), expected, "{template:?}");
        }
        let long = "x".repeat(MAX_NAME_BYTES + 1);
        assert_eq!(shown(&format!("{{{{{long}}}}}")), format!("{{{{{long}}}}}"));
    }

    proptest! {
        #[test]
        fn the_pieces_together_are_the_template(template in "([{} a]|\\PC){0,40}") {
            let written = |piece| match piece {
                Piece::Text(text) => text.to_owned(),
                Piece::Placeholder { written, .. } => written.to_owned(),
            };
            let together: String = pieces(&template).map(written).collect();
            prop_assert_eq!(together, template);
        }
    }
}
