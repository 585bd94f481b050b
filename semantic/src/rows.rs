//! The nearest of many vectors, by looking at each: a hundred thousand of them are six megabytes in one piece of memory.

use crate::embed::{DIMENSIONS, Vector};

/// Vectors in a row, in the order that they were added in.
#[derive(Debug, Default)]
pub struct Rows(Vec<[i8; DIMENSIONS]>);

/// A vector that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Near {
    /// Its place.
    pub at: usize,
    /// -1 to 1.
    pub similarity: f32,
}

impl Rows {
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds one at the end.
    pub fn push(&mut self, vector: &Vector) {
        self.0.push(vector.0);
    }

    /// Puts the last one in the place of this one.
    pub fn swap_remove(&mut self, at: usize) {
        self.0.swap_remove(at);
    }

    /// Takes the first ones away.
    pub fn remove_first(&mut self, count: usize) {
        self.0.drain(..count.min(self.0.len()));
    }

    /// At most so many that are at least so near, the nearest first; of two as near, the one that was added later.
    pub fn nearest(&self, to: &Vector, most: usize, similarity: f32) -> Vec<Near> {
        let mut least = Vector::product_of(similarity);
        let mut found: Vec<(i32, usize)> = Vec::with_capacity(most + 1);
        for (at, row) in self.0.iter().enumerate() {
            let product = product(&to.0, row);
            if product < least {
                continue;
            }
            let place = found.partition_point(|(other, _)| *other > product);
            found.insert(place, (product, at));
            if found.len() > most {
                found.pop();
                least = least.max(found.last().map_or(least, |(product, _)| *product));
            }
        }
        let near = |(product, at)| Near {
            at,
            similarity: Vector::similarity_of(product),
        };
        found.into_iter().map(near).collect()
    }
}

/// The scalar product, in pairs of sixteen-bit numbers: what the compiler has one instruction for.
fn product(one: &[i8; DIMENSIONS], other: &[i8; DIMENSIONS]) -> i32 {
    let wide = |numbers: &[i8; DIMENSIONS]| numbers.map(i16::from);
    let (one, other) = (wide(one), wide(other));
    let products = one.iter().zip(&other);
    products.map(|(a, b)| i32::from(*a) * i32::from(*b)).sum()
}

impl Vector {
    /// How near two are: -1 to 1.
    pub fn similarity(&self, other: &Self) -> f32 {
        Self::similarity_of(product(&self.0, &other.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn vector(seed: u64) -> Vector {
        let mut state = seed;
        let numbers = std::array::from_fn(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            f32::from((state >> 56) as u8) - 127.5
        });
        Vector::of(numbers)
    }

    proptest! {
        #[test]
        fn the_nearest_are_found_whatever_there_is(
            seeds in prop::collection::vec(any::<u64>(), 0..80), asked in any::<u64>(), most in 1usize..9, least in -0.5f32..0.5,
        ) {
            let mut rows = Rows::default();
            let vectors: Vec<Vector> = seeds.into_iter().map(vector).collect();
            vectors.iter().for_each(|v| rows.push(v));
            let asked = vector(asked);
            let found = rows.nearest(&asked, most, least);
            let mut all: Vec<f32> = vectors.iter().map(|v| asked.similarity(v)).filter(|s| *s >= least).collect();
            all.sort_by(|a, b| b.total_cmp(a));
            all.truncate(most);
            prop_assert_eq!(found.iter().map(|n| n.similarity).collect::<Vec<_>>(), all);
            for near in found {
                prop_assert_eq!(near.similarity, asked.similarity(&vectors[near.at]));
            }
        }
    }

    #[test]
    fn rows_go_as_their_owner_says() {
        let mut rows = Rows::default();
        (0..4).for_each(|n| rows.push(&vector(n)));
        rows.swap_remove(0);
        assert_eq!(rows.nearest(&vector(3), 1, 0.9)[0].at, 0);
        rows.remove_first(2);
        assert_eq!((rows.len(), rows.is_empty()), (1, false));
        assert!(rows.nearest(&vector(3), 1, 0.9).is_empty());
    }
}
