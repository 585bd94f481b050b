//! Days, months and years as sources have them.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// `2026`, `2026-11` or `2026-11-21`: as exactly as it is known. Ordered by time, the less exact first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(String);

impl Date {
    /// Reads a date; `None` where there is no such day.
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('-').collect();
        let number = |part: &str, digits: usize| -> Option<u32> {
            let is_plain = part.len() == digits && part.bytes().all(|b| b.is_ascii_digit());
            is_plain.then(|| part.parse().ok()).flatten()
        };
        let (year, month, day) = match parts.as_slice() {
            [year] => (number(year, 4)?, 1, 1),
            [year, month] => (number(year, 4)?, number(month, 2)?, 1),
            [year, month, day] => (number(year, 4)?, number(month, 2)?, number(day, 2)?),
            _ => return None,
        };
        let there_is = year > 0 && (1..=days(year, month)).contains(&day);
        there_is.then(|| Self(text.to_owned()))
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Days of a month; 0 where there is no such month.
fn days(year: u32, month: u32) -> u32 {
    let is_leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => 0,
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            D::Error::custom(format!(
                "{text:?} is no date; write \"YYYY-MM-DD\", or as much of it as is known"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_days_that_exist_are_dates() {
        for good in ["2026", "2026-02", "2026-02-28", "2024-02-29", "2000-02-29"] {
            assert!(Date::parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "26",
            "2026-13",
            "2026-00",
            "2026-02-29",
            "1900-02-29",
            "2026-04-31",
            "2026-4-1",
            "2026-11-21T00",
            "2026-11-21-1",
            "+026",
            "soon",
        ] {
            assert!(Date::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn dates_are_ordered_by_time() {
        let date = |text: &str| Date::parse(text).expect("a date");
        assert!(date("2025-12-31") < date("2026"));
        assert!(date("2026") < date("2026-02"));
        assert!(date("2026-02") < date("2026-02-01"));
        assert!(date("2026-09-30") < date("2026-10"));
    }
}
