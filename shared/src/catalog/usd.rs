//! Prices as people write them: decimals of a USD, kept as whole micro-USD.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// The highest price of a million tokens that is believed, in USD.
const MOST_USD: f64 = 1_000_000.0;
/// Micro-USD of a USD.
const MICRO: u64 = 1_000_000;

/// USD per million tokens, to the millionth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Usd(u64);

impl Usd {
    /// So many micro-USD; `None` where that is more than is believed.
    pub fn from_micro(micro: u64) -> Option<Self> {
        (micro <= 1_000_000 * MICRO).then_some(Self(micro))
    }

    /// The nearest millionth; `None` outside what is believed.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be in range"
    )]
    pub fn from_usd(usd: f64) -> Option<Self> {
        (0.0..=MOST_USD)
            .contains(&usd)
            .then(|| Self((usd * 1e6).round() as u64))
    }

    /// Micro-USD per million tokens.
    pub fn micro(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / MICRO, self.0 % MICRO);
        if rest == 0 {
            return write!(f, "{whole}");
        }
        let decimals = format!("{rest:06}");
        write!(f, "{whole}.{}", decimals.trim_end_matches('0'))
    }
}

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // The decimal text is exact, and the nearest number to it prints as that text.
        let usd = self.to_string().parse().unwrap_or_default();
        serializer.serialize_f64(usd)
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let usd = f64::deserialize(deserializer)?;
        Self::from_usd(usd).ok_or_else(|| {
            D::Error::custom(format!(
                "{usd} is not allowed; it must be a number from 0 to {MOST_USD}"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn prices_are_shown_as_decimals_without_noise() {
        let shown = |usd: f64| Usd::from_usd(usd).expect("a price").to_string();
        assert_eq!(shown(0.15), "0.15");
        assert_eq!(shown(0.1 + 0.2), "0.3");
        assert_eq!(shown(10.0), "10");
        assert_eq!(shown(0.000_001), "0.000001");
        for bad in [-0.01, f64::NAN, f64::INFINITY, 1_000_001.0] {
            assert_eq!(Usd::from_usd(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(micro in 0..=1_000_000 * MICRO) {
            let usd = Usd::from_micro(micro).expect("in range");
            let read: f64 = usd.to_string().parse().expect("a number");
            prop_assert_eq!(Usd::from_usd(read), Some(usd));
        }
    }
}
