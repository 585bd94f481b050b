//! Hashes of several texts together, each with its end, so that neighbours are told apart. Short ones are hashed in one
//! go: what hashes piece by piece first sets up more memory than they have.

use xxhash_rust::xxh3::{Xxh3, xxh3_64, xxh3_128};

/// Joined on the stack up to here.
const SHORT_BYTES: usize = 512;

/// In 64 bits.
pub(crate) fn digest_64(parts: &[&[u8]]) -> u64 {
    short(parts, xxh3_64).unwrap_or_else(|| long(parts).digest())
}

/// In 128 bits.
pub(crate) fn digest_128(parts: &[&[u8]]) -> u128 {
    short(parts, xxh3_128).unwrap_or_else(|| long(parts).digest128())
}

fn short<T>(parts: &[&[u8]], hash: fn(&[u8]) -> T) -> Option<T> {
    let mut joined = [0; SHORT_BYTES];
    let mut length = 0;
    for part in parts {
        // The byte behind it stays zero.
        let room = joined.get_mut(length..=length + part.len())?;
        room[..part.len()].copy_from_slice(part);
        length += part.len() + 1;
    }
    Some(hash(&joined[..length]))
}

fn long(parts: &[&[u8]]) -> Xxh3 {
    let mut hasher = Xxh3::new();
    for part in parts {
        hasher.update(part);
        hasher.update(&[0]);
    }
    hasher
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_does_not_matter_which_way_it_is_taken(
            parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..5),
        ) {
            let parts: Vec<&[u8]> = parts.iter().map(AsRef::as_ref).collect();
            prop_assert_eq!(digest_64(&parts), long(&parts).digest());
            prop_assert_eq!(digest_128(&parts), long(&parts).digest128());
        }
    }

    #[test]
    fn neighbours_are_told_apart_and_all_that_fits_is_short() {
        assert_ne!(digest_64(&[b"ab", b"c"]), digest_64(&[b"a", b"bc"]));
        let fits = [0; SHORT_BYTES - 1];
        assert!(short(&[&fits], xxh3_64).is_some());
        assert!(short(&[&fits, b""], xxh3_64).is_none());
    }
}
