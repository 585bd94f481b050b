//! What a text looks like, whatever its language: code, formulas, data.

use super::evidence::{Evidence, Topic};

/// Counts of one excerpt.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Structure {
    bytes: u32,
    fences: u32,
    code_lines: u32,
    symbols: u32,
    identifiers: u32,
    calls: u32,
    inline_code: u32,
    json_keys: u32,
    pub numbers: u32,
    operators: u32,
    math_signs: u32,
    commands: u32,
    dollars: u32,
    questions: u32,
    amounts: u32,
}

/// Most that the looks of a text count for one class, so that words can still outweigh them.
const MOST_POINTS: i32 = 300;

impl Structure {
    /// Counts in one pass, and one over the lines.
    pub(super) fn of(text: &str) -> Self {
        let mut seen = Self {
            bytes: text.len() as u32,
            ..Self::default()
        };
        let bytes = text.as_bytes();
        let at = |i: usize| bytes.get(i).copied().unwrap_or(b' ');
        // Letters in a row before this byte: "f(x)" and "a_1" are formulas, "print(x)" and "user_id" code.
        let mut letters = 0;
        let mut before = b' ';
        for (i, &b) in bytes.iter().enumerate() {
            if b.is_ascii_alphabetic() {
                let hump = b.is_ascii_uppercase()
                    && before.is_ascii_lowercase()
                    && at(i + 1).is_ascii_lowercase();
                seen.identifiers += u32::from(hump && letters >= 3);
                letters += 1;
            } else {
                if b != b' ' {
                    seen.count(before, b, (at(i + 1), at(i + 2)));
                    seen.count_names(letters, b, at(i + 1));
                }
                letters = 0;
            }
            before = b;
        }
        seen.code_lines = text.lines().filter(|line| is_code(line.trim())).count() as u32;
        seen
    }

    /// One byte that is no letter, between its neighbours.
    #[inline]
    fn count(&mut self, before: u8, b: u8, (next, second): (u8, u8)) {
        match b {
            b'0'..=b'9' if !before.is_ascii_alphanumeric() && before != b'.' => self.numbers += 1,
            b'`' if next == b'`' && second == b'`' => self.fences += 1,
            b'`' if before != b'`' && next != b'`' => self.inline_code += 1,
            b'?' => self.questions += 1,
            b'%' if before.is_ascii_digit() => self.amounts += 1,
            b'$' if next.is_ascii_digit() => self.amounts += 1,
            b'$' if !next.is_ascii_digit() && next != b' ' && next != b'{' => self.dollars += 1,
            b'\\' if is_command(next, second) => self.commands += 1,
            b'"' if before.is_ascii_alphanumeric() && next == b':' => self.json_keys += 1,
            b'=' | b'+' | b'*' | b'^' => {
                self.symbols += 1;
                self.operators += u32::from(before != b && next != b && is_operand(next, second));
            }
            b'{' | b'}' | b'[' | b']' | b'(' | b')' | b';' | b'<' | b'>' | b'|' | b'&' => {
                self.symbols += 1
            }
            // √ ∈ ∑ ∫ ∞ ≤ ≥ (E2 88 .. and E2 89 ..), × and ÷ (C3 97, C3 B7), π (CF 80).
            0xe2 if matches!(next, 0x88 | 0x89) => self.math_signs += 1,
            0xc3 if matches!(next, 0x97 | 0xb7) => self.math_signs += 1,
            0xcf if next == 0x80 => self.math_signs += 1,
            _ => {}
        }
    }

    /// A byte behind so many letters.
    #[inline]
    fn count_names(&mut self, letters: u32, b: u8, next: u8) {
        if letters >= 3 {
            self.calls += u32::from(b == b'(');
            self.identifiers += u32::from(b == b'_' && next.is_ascii_alphabetic());
        }
    }

    /// Adds what it speaks for; `weight` is in percent.
    pub(super) fn speak(&self, evidence: &mut Evidence, weight: i32) {
        let mut code = self.code_points();
        // Formulas have brackets and indices, too.
        if self.notation_points() >= 100 && self.fences == 0 && self.code_lines < 2 {
            code /= 3;
        }
        let mut add = |topic, name, points: i32| {
            evidence.add_structure(topic, name, points.min(MOST_POINTS) * weight / 100)
        };
        add(Topic::Code, "looks like code", code);
        if self.json_keys >= 2 {
            add(Topic::Structured, "holds JSON", 40);
        }
        // Assignments and indices of code are no formulas.
        if code < 100 {
            add(Topic::Math, "holds formulas", self.formula_points());
        }
    }

    fn code_points(&self) -> i32 {
        let by = |n: u32, steps: [(u32, i32); 3]| {
            let reached = steps.into_iter().filter(|(least, _)| n >= *least);
            reached.map(|(_, points)| points).max().unwrap_or(0)
        };
        let dense = self.bytes >= 40 && self.symbols * 100 >= self.bytes * 8;
        let points = by(self.fences, [(1, 120), (2, 120), (3, 120)])
            + by(self.code_lines, [(1, 70), (2, 150), (4, 220)])
            + by(self.identifiers, [(1, 20), (2, 60), (4, 120)])
            + by(self.calls, [(1, 30), (2, 60), (4, 100)])
            + by(self.inline_code, [(2, 60), (4, 80), (6, 80)])
            + if dense { 60 } else { 0 };
        // Pasted JSON has braces and quotes, and is data.
        if self.json_keys >= 2 {
            points / 3
        } else {
            points
        }
    }

    fn formula_points(&self) -> i32 {
        let operators = match self.operators {
            0 => 0,
            n => 30 + 40 * n.min(3) as i32,
        };
        let figures = match (self.questions, self.numbers) {
            (0, _) | (_, 0 | 1) => 0,
            (_, 2) => 30,
            (_, _) => 60,
        };
        let amounts = if figures > 0 && self.amounts > 0 {
            30
        } else {
            0
        };
        self.notation_points() + operators + figures + amounts
    }

    /// What only formulas are written with.
    fn notation_points(&self) -> i32 {
        let commands = match self.commands {
            0 => 0,
            1 => 100,
            _ => 200,
        };
        let dollars = if self.dollars >= 2 { 120 } else { 0 };
        commands + dollars + 60 * self.math_signs.min(2) as i32
    }
}

/// After a backslash: a LaTeX command (`\frac`, `\[`) rather than an escape (`\n`).
fn is_command(next: u8, second: u8) -> bool {
    matches!(next, b'[' | b'(' | b'{')
        || (next.is_ascii_alphabetic() && second.is_ascii_lowercase())
}

fn is_operand(next: u8, second: u8) -> bool {
    let operand = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'(' | b'{' | b'\\' | b'-');
    operand(next) || (next == b' ' && operand(second))
}

/// Whether a line reads like code by how it begins or ends.
fn is_code(line: &str) -> bool {
    let Some((&first, &last)) = line.as_bytes().first().zip(line.as_bytes().last()) else {
        return false;
    };
    if matches!(last, b';' | b'{') && line.len() > 2 {
        return true;
    }
    if first == b'}' || line.starts_with("//") || line.starts_with("#!/") {
        return true;
    }
    BEGINNINGS
        .iter()
        .any(|begin| begin.as_bytes()[0] == first && line.starts_with(begin))
}

const BEGINNINGS: &[&str] = &[
    "def ",
    "class ",
    "import ",
    "from ",
    "#include",
    "fn ",
    "pub ",
    "impl ",
    "let ",
    "const ",
    "var ",
    "public ",
    "private ",
    "static ",
    "func ",
    "function ",
    "return ",
    "if (",
    "for (",
    "while (",
    "package ",
    "using ",
    "<?php",
    "SELECT ",
    "INSERT ",
    "UPDATE ",
    "CREATE ",
    "FROM ",
    "Traceback",
    "File \"",
    "at java",
    "async ",
    "@Override",
    "elif ",
    "except ",
    "try:",
    "else:",
    "</",
    "export ",
    "assert ",
    "print(",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn points(text: &str) -> (i32, i32) {
        let seen = Structure::of(text);
        (seen.code_points(), seen.formula_points())
    }

    #[test]
    fn code_is_seen_without_a_word_about_it() {
        assert!(points("fn main() {\n    let x = 1;\n    println!(\"{x}\");\n}").0 >= 200);
        assert!(points("for i in xs:\n    print(i)\nreturn max(xs)").0 >= 100);
        assert_eq!(points("Good morning, how are you (and the cat)?").0, 0);
    }

    #[test]
    fn formulas_are_seen_in_every_notation() {
        for text in [
            "2x + 7 = 19",
            r"\frac{1}{2} + \sqrt{2}",
            "$a$ and $b$",
            "∫ x² dx ≤ π",
        ] {
            assert!(points(text).1 >= 100, "{text}: {:?}", points(text));
        }
        assert_eq!(points("It costs $5 or $6.").1, 0);
    }

    #[test]
    fn pasted_json_is_data() {
        let json = "{\"name\": \"Ana\", \"age\": 3, \"tags\": [\"a\", \"b\"], \"ok\": true}";
        assert!(points(json).0 < 60, "{:?}", points(json));
    }
}
