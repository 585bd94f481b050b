//! What a draw is hashed over.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::Caller;
use crate::call::Call;

/// The session, or a hash of who calls and how the conversation began: its turns share a model.
pub(super) fn draw_key(call: &Call, caller: &Caller<'_>) -> String {
    match caller.session {
        Some(session) => session.as_str().to_owned(),
        None => {
            let seed = xxh3_64_with_seed(caller.key_id.as_bytes(), call.opening());
            let mut hex = [0; 2 * size_of::<u64>()];
            // Only a buffer of another length is refused.
            let _ = hex::encode_to_slice(seed.to_be_bytes(), &mut hex);
            ["implicit:", str::from_utf8(&hex).unwrap_or_default()].concat()
        }
    }
}
