//! Months of the calendar, UTC, as numbers that can be compared.

use time::{Date, Month, OffsetDateTime, Time};

const MONTHS: i64 = 12;

/// Months since the year 0 at a moment.
pub fn month_of(ms: u64) -> i64 {
    let seconds = i64::try_from(ms / 1_000).unwrap_or(i64::MAX);
    // What is later than time can tell is of no month.
    OffsetDateTime::from_unix_timestamp(seconds).map_or(i64::MAX, |at| {
        i64::from(at.year()) * MONTHS + i64::from(u8::from(at.month())) - 1
    })
}

/// When a month begins, in milliseconds since the epoch; 0 for what is before it.
pub fn month_begins_ms(month: i64) -> u64 {
    let begins = || {
        let year = i32::try_from(month.div_euclid(MONTHS)).ok()?;
        let number = u8::try_from(month.rem_euclid(MONTHS) + 1).ok()?;
        let first = Date::from_calendar_date(year, Month::try_from(number).ok()?, 1).ok()?;
        let seconds = OffsetDateTime::new_utc(first, Time::MIDNIGHT).unix_timestamp();
        u64::try_from(seconds).ok()
    };
    begins().unwrap_or(0).saturating_mul(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_begin_on_their_first_at_midnight_utc() {
        let november = 2026 * 12 + 10;
        let begins = 1_793_491_200_000;
        assert_eq!(month_begins_ms(november), begins);
        assert_eq!(month_of(begins), november);
        assert_eq!(month_of(begins - 1), november - 1);
        assert_eq!(
            month_begins_ms(november + 2),
            1_798_761_600_000,
            "the year ends"
        );
        assert_eq!(month_begins_ms(0), 0);
    }
}
