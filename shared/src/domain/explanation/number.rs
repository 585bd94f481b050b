//! Numbers as each language writes them, after the Unicode CLDR.

use super::Locale;

/// The space that keeps a number and its percent sign on one line.
const NO_BREAK: char = '\u{a0}';

/// With this many decimals.
pub(super) fn decimal(locale: Locale, value: f64, places: usize) -> String {
    let text = format!("{value:.places$}");
    match locale {
        Locale::En => text,
        Locale::Pt | Locale::Es => text.replace('.', ","),
    }
}

/// Digits in groups of three. Spanish leaves numbers of four digits whole.
pub(super) fn integer(locale: Locale, value: u64) -> String {
    let (separator, whole) = match locale {
        Locale::En => (',', 3),
        Locale::Pt => ('.', 3),
        Locale::Es => ('.', 4),
    };
    let digits = value.to_string();
    if digits.len() <= whole {
        return digits;
    }
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(separator);
        }
        text.push(digit);
    }
    text
}

/// A share of one, with one decimal.
pub(super) fn percent(locale: Locale, share: f64) -> String {
    let number = decimal(locale, share * 100.0, 1);
    match locale {
        Locale::En | Locale::Pt => format!("{number}%"),
        Locale::Es => format!("{number}{NO_BREAK}%"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_each_language_does() {
        let written = |locale| {
            [
                decimal(locale, 0.125, 3),
                integer(locale, 999),
                integer(locale, 4_200),
                integer(locale, 1_234_567),
                percent(locale, 0.05),
            ]
        };
        assert_eq!(
            written(Locale::En),
            ["0.125", "999", "4,200", "1,234,567", "5.0%"]
        );
        assert_eq!(
            written(Locale::Pt),
            ["0,125", "999", "4.200", "1.234.567", "5,0%"]
        );
        assert_eq!(
            written(Locale::Es),
            ["0,125", "999", "4200", "1.234.567", "5,0\u{a0}%"]
        );
    }
}
