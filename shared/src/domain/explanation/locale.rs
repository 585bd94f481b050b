//! The languages that explanations are written in, and which of them a caller wants.

use serde::{Deserialize, Serialize};

/// A language. Portuguese is as written in Brazil.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Locale {
    #[default]
    En,
    Pt,
    Es,
}

/// Ranges of one header that are looked at; browsers send a handful.
const MAX_RANGES: usize = 32;

impl Locale {
    /// Every language, in the order of preference where the caller has none.
    pub const ALL: [Self; 3] = [Self::En, Self::Pt, Self::Es];

    /// The language tag (RFC 5646).
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Pt => "pt",
            Self::Es => "es",
        }
    }

    /// The language for an `Accept-Language` (RFC 9110, 12.5.4): the one of the greatest quality, of equals the
    /// one that is named first. A range stands for its language wherever it is spoken, `*` for all that are not
    /// named. What cannot be read is passed over, and where nothing suits it is English.
    pub fn negotiate(accept_language: &str) -> Self {
        let ranges = accept_language.split(',').take(MAX_RANGES);
        let ranges: Vec<(&str, u16)> = ranges.filter_map(range).collect();
        let wish = |locale: &Self| {
            let named = |(name, _): &(&str, u16)| {
                let language = name.split('-').next().unwrap_or_default();
                language.eq_ignore_ascii_case(locale.tag())
            };
            let best = |wanted: &dyn Fn(&(&str, u16)) -> bool| {
                let found = ranges.iter().enumerate().filter(|(_, range)| wanted(range));
                // The first of the greatest.
                found
                    .map(|(place, (_, quality))| (*quality, std::cmp::Reverse(place)))
                    .max()
            };
            best(&named).or_else(|| best(&|(name, _)| *name == "*"))
        };
        let wishes = Self::ALL
            .into_iter()
            .filter_map(|locale| Some((locale, wish(&locale).filter(|(q, _)| *q > 0)?)));
        let most = wishes.reduce(|most, other| if other.1 > most.1 { other } else { most });
        most.map_or_else(Self::default, |(locale, _)| locale)
    }
}

/// A language range with its quality in thousandths.
fn range(text: &str) -> Option<(&str, u16)> {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().filter(|name| !name.is_empty())?;
    let mut quality = 1_000;
    for parameter in parts {
        let (key, value) = parameter.split_once('=')?;
        if key.trim().eq_ignore_ascii_case("q") {
            quality = thousandths(value.trim())?;
        }
    }
    Some((name, quality))
}

/// A quality value: 0 to 1 with at most three decimals.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_short = fraction.len() <= 3 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let whole = match whole {
        "0" => 0,
        "1" => 1_000,
        _ => return None,
    };
    let fraction: u16 = format!("{fraction:0<3}").parse().ok()?;
    Some(whole + fraction).filter(|sum| is_short && *sum <= 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_of_the_greatest_quality_is_chosen_and_english_where_nothing_suits() {
        let cases = [
            ("", Locale::En),
            ("pt", Locale::Pt),
            ("pt-BR", Locale::Pt),
            ("ES-419", Locale::Es),
            ("pt-BR,pt;q=0.9,en;q=0.8", Locale::Pt),
            ("en;q=0.5, es;q=0.51", Locale::Es),
            ("es, pt", Locale::Es),
            ("pt, es", Locale::Pt),
            ("de, fr;q=0.9, es;q=0.1", Locale::Es),
            ("de", Locale::En),
            ("*", Locale::En),
            ("en;q=0, *", Locale::Pt),
            ("en;q=0", Locale::En),
            ("pt;q=0, *;q=0.5", Locale::En),
            ("pt;q=2, es;q=0.3", Locale::Es),
            ("pt;q=0.1234, es;q=0.001", Locale::Es),
            ("portuguese", Locale::En),
            ("es;Q=1 ; q=0.2, pt;q=0.3", Locale::Pt),
            (";;;=,,q=1", Locale::En),
        ];
        for (header, expected) in cases {
            assert_eq!(Locale::negotiate(header), expected, "{header:?}");
        }
    }
}
