//! What the cache had for a call, in every form.

use floopy_shared::domain::cache::{CacheHit, CacheUse, Comparison, Similar};

/// One for each number.
pub(super) fn any(number: u64) -> CacheUse {
    match number {
        0 => CacheUse::Miss,
        1 => CacheUse::Compared(Comparison {
            similar: SIMILAR,
            agrees: Some(false),
        }),
        age_s => CacheUse::Hit(CacheHit {
            age_s,
            saved_micro_usd: Some(7),
            saved_input_tokens: 1,
            saved_output_tokens: 2,
            similar: age_s.is_multiple_of(2).then_some(SIMILAR),
        }),
    }
}

const SIMILAR: Similar = Similar {
    similarity: 912,
    advanced: true,
    matched: [5; 32],
};
