//! Two tables without a prompt in common: what is learned on one says nothing about the other's prompts.

use rand::seq::SliceRandom;

use super::{InvalidTable, Shape, Table};
use crate::replay::world::Stream;

impl Table {
    /// Parts the prompts of every shape at random.
    pub(in crate::replay) fn halves(&self, seed: u64) -> Result<(Self, Self), InvalidTable> {
        if !self.sessions.is_empty() {
            return Err(InvalidTable::Sessions);
        }
        let mut rng = Stream::Platform.rng(!seed);
        let (mut first, mut second) = (Vec::new(), Vec::new());
        for shape in &self.shapes {
            let mut prompts = shape.prompts.clone();
            prompts.shuffle(&mut rng);
            let rest = prompts.split_off(prompts.len() / 2);
            let half = |prompts| Shape {
                name: shape.name.clone(),
                prompts,
            };
            first.push(half(prompts));
            second.push(half(rest));
        }
        if first.iter().any(|shape| shape.prompts.is_empty()) {
            return Err(InvalidTable::TooFewPrompts);
        }
        let of = |shapes| Self {
            shapes,
            ..self.clone()
        };
        Ok((of(first), of(second)))
    }
}
