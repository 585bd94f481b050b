//! What a call is priced by.

use floopy_proto::v1;

use super::{InvalidWire, ranking};
use crate::domain::{money::Prices, savings::Priced};

impl From<Prices> for v1::Prices {
    fn from(p: Prices) -> Self {
        Self {
            input_micro_usd_per_mtok: p.input_micro_usd_per_mtok,
            output_micro_usd_per_mtok: p.output_micro_usd_per_mtok,
            cached_input_micro_usd_per_mtok: p.cached_input_micro_usd_per_mtok,
        }
    }
}

impl From<v1::Prices> for Prices {
    fn from(p: v1::Prices) -> Self {
        Self {
            input_micro_usd_per_mtok: p.input_micro_usd_per_mtok,
            output_micro_usd_per_mtok: p.output_micro_usd_per_mtok,
            cached_input_micro_usd_per_mtok: p.cached_input_micro_usd_per_mtok,
        }
    }
}

impl From<&Priced> for v1::Priced {
    fn from(p: &Priced) -> Self {
        Self {
            baseline: ranking::optional_candidate_text(p.baseline.as_ref()),
            baseline_prices: p.baseline_prices.map(Into::into),
            served_prices: p.served_prices.map(Into::into),
            table_version: p.table_version,
        }
    }
}

impl TryFrom<v1::Priced> for Priced {
    type Error = InvalidWire;

    fn try_from(p: v1::Priced) -> Result<Self, InvalidWire> {
        Ok(Self {
            baseline: ranking::optional_candidate(p.baseline)?,
            baseline_prices: p.baseline_prices.map(Into::into),
            served_prices: p.served_prices.map(Into::into),
            table_version: p.table_version,
        })
    }
}
