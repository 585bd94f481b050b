//! How long a budget looks back, and the spans of the calendar that spending is added up in.

use crate::domain::calendar::{month_begins_ms, month_of};

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// Spending is added up by the hour at the finest, and the hour that a window begins in counts as a whole: of a shorter
/// window that would be too much.
pub const MIN_ROLLING_HOURS: u32 = 6;
/// A year.
pub const MAX_ROLLING_HOURS: u32 = 366 * 24;
/// Rolling windows up to this length are added up by the hour, longer ones by the day.
const MAX_HOURLY: u32 = 48;
/// An account of a session that nothing was booked on is kept this long.
const SESSION_KEPT_MS: u64 = 30 * DAY_MS;

/// What a budget looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Period {
    /// The month of the calendar, UTC.
    Month,
    /// The day of the calendar, UTC.
    Day,
    /// So many hours up to now, and the rest of the span that they begin in.
    Rolling { hours: u32 },
    /// A session, from its first call on.
    Session,
}

/// A kind of span that spending is added up in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grain {
    Hour,
    Day,
    Month,
    /// All of it in one.
    All,
}

impl Grain {
    pub const ALL: [Self; 4] = [Self::Hour, Self::Day, Self::Month, Self::All];

    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
            Self::All => "all",
        }
    }

    /// Reads the wire name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }

    /// The number of the span that a moment is in.
    pub fn bucket(self, now_ms: u64) -> u64 {
        match self {
            Self::Hour => now_ms / HOUR_MS,
            Self::Day => now_ms / DAY_MS,
            Self::Month => u64::try_from(month_of(now_ms)).unwrap_or(0),
            Self::All => 0,
        }
    }

    /// When a span ends. One that has no end is given up some time after it was last booked on.
    fn ends_ms(self, bucket: u64) -> Option<u64> {
        let next = bucket.saturating_add(1);
        match self {
            Self::Hour => Some(next.saturating_mul(HOUR_MS)),
            Self::Day => Some(next.saturating_mul(DAY_MS)),
            Self::Month => Some(month_begins_ms(i64::try_from(next).unwrap_or(i64::MAX))),
            Self::All => None,
        }
    }

    /// From when on no budget looks at a span any more, if nothing else is booked on it after `now_ms`.
    pub fn expires_ms(self, bucket: u64, now_ms: u64) -> u64 {
        let reach_ms = match self {
            Self::Hour => u64::from(MAX_HOURLY) * HOUR_MS,
            Self::Day => u64::from(MAX_ROLLING_HOURS) * HOUR_MS,
            Self::Month => 0,
            Self::All => SESSION_KEPT_MS,
        };
        let from_ms = self.ends_ms(bucket).unwrap_or(now_ms);
        from_ms.saturating_add(reach_ms)
    }
}

impl Period {
    /// As it is written: `month`, `day`, `session`, `rolling_36h` or `rolling_30d`.
    pub fn write(self) -> String {
        match self {
            Self::Month => "month".to_owned(),
            Self::Day => "day".to_owned(),
            Self::Session => "session".to_owned(),
            Self::Rolling { hours } if hours > MAX_HOURLY && hours.is_multiple_of(24) => {
                format!("rolling_{}d", hours / 24)
            }
            Self::Rolling { hours } => format!("rolling_{hours}h"),
        }
    }

    /// Reads that.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "month" => return Some(Self::Month),
            "day" => return Some(Self::Day),
            "session" => return Some(Self::Session),
            _ => {}
        }
        let rolling = text.strip_prefix("rolling_")?;
        let (number, unit) = rolling.split_at_checked(rolling.len().checked_sub(1)?)?;
        let is_plain = number.bytes().all(|b| b.is_ascii_digit());
        let number: u32 = number.parse().ok().filter(|_| is_plain)?;
        let hours = match unit {
            "h" => number,
            "d" => number.checked_mul(24)?,
            _ => return None,
        };
        let allowed = MIN_ROLLING_HOURS..=MAX_ROLLING_HOURS;
        allowed.contains(&hours).then_some(Self::Rolling { hours })
    }

    /// What its spending is added up in.
    pub fn grain(self) -> Grain {
        match self {
            Self::Month => Grain::Month,
            Self::Day => Grain::Day,
            Self::Session => Grain::All,
            Self::Rolling { hours } if hours <= MAX_HOURLY => Grain::Hour,
            Self::Rolling { .. } => Grain::Day,
        }
    }

    /// The first span that counts at a moment; all later ones do.
    pub fn first_bucket(self, now_ms: u64) -> u64 {
        let since_ms = match self {
            Self::Month | Self::Day | Self::Session => now_ms,
            Self::Rolling { hours } => now_ms.saturating_sub(u64::from(hours) * HOUR_MS),
        };
        self.grain().bucket(since_ms)
    }

    /// When a span counts no longer; `None`: it always will.
    pub fn leaves_ms(self, bucket: u64) -> Option<u64> {
        let ends_ms = self.grain().ends_ms(bucket)?;
        Some(match self {
            Self::Month | Self::Day | Self::Session => ends_ms,
            Self::Rolling { hours } => ends_ms.saturating_add(u64::from(hours) * HOUR_MS),
        })
    }

    /// Names the window that a moment is in, so that something can be told once in each.
    pub fn window(self, now_ms: u64) -> u64 {
        match self {
            Self::Month | Self::Day | Self::Session => self.grain().bucket(now_ms),
            Self::Rolling { hours } => now_ms / (u64::from(hours.max(1)) * HOUR_MS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In November 2026.
    const NOW: u64 = 1_795_000_000_000;
    const DECEMBER: u64 = 1_796_083_200_000;

    #[test]
    fn periods_are_read_as_they_are_written() {
        let cases = [
            ("month", Period::Month),
            ("day", Period::Day),
            ("session", Period::Session),
            ("rolling_6h", Period::Rolling { hours: 6 }),
            ("rolling_48h", Period::Rolling { hours: 48 }),
            ("rolling_50h", Period::Rolling { hours: 50 }),
            ("rolling_7d", Period::Rolling { hours: 168 }),
        ];
        for (text, period) in cases {
            assert_eq!(Period::parse(text), Some(period), "{text}");
            assert_eq!(period.write(), text);
        }
        assert_eq!(
            Period::parse("rolling_1d"),
            Some(Period::Rolling { hours: 24 })
        );
        for text in [
            "",
            "year",
            "rolling_",
            "rolling_h",
            "rolling_5h",
            "rolling_+9h",
            "rolling_367d",
            "rolling_9m",
            "rolling_99999999999h",
        ] {
            assert_eq!(Period::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_spent_counts_for_the_whole_window_and_leaves_it_then() {
        let periods = [
            Period::Month,
            Period::Day,
            Period::Rolling { hours: 24 },
            Period::Rolling { hours: 24 * 30 },
        ];
        for period in periods {
            let bucket = period.grain().bucket(NOW);
            let leaves_ms = period.leaves_ms(bucket).expect("it does");
            assert!(period.first_bucket(leaves_ms - 1) <= bucket, "{period:?}");
            assert!(period.first_bucket(leaves_ms) > bucket, "{period:?}");
            let kept_ms = period.grain().expires_ms(bucket, NOW);
            assert!(kept_ms >= leaves_ms, "{period:?}");
        }
        let month = Period::Month.grain().bucket(NOW);
        assert_eq!(Period::Month.leaves_ms(month), Some(DECEMBER));
        let day = Period::Rolling { hours: 24 };
        let bucket = day.grain().bucket(NOW);
        assert!(day.leaves_ms(bucket).expect("it does") >= NOW + DAY_MS);
        assert_eq!(Period::Session.leaves_ms(0), None);
    }
}
