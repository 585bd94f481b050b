//! Makes the model: `cargo run --release -p floopy-semantic --bin train-semantic -- semantic/model`.
//!
//! The pairs that it learns from are made from `questions.txt` with a fixed seed; nothing is downloaded and nothing else is
//! read. It takes about a minute on one core, and the same program makes the same file.

mod pairs;
mod random;
mod table;

use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
};

use floopy_semantic::embed::Model;

use self::{
    pairs::{Pair, Questions},
    random::Random,
    table::Table,
};

const SEED: u64 = 20_251_122;
const STEPS: usize = 6_000;
/// Pairs that each step learns from.
const BATCH: usize = 64;
/// Pairs of questions that were never learned from, which say how good it became.
const HELD_OUT: usize = 2_000;

fn main() -> io::Result<()> {
    let folder = std::env::args().nth(1).map(PathBuf::from);
    let Some(folder) = folder else {
        return Err(io::Error::other(
            "say which folder the model is to be written into",
        ));
    };
    let questions = Questions::read();
    let mut random = Random::new(SEED);
    let mut table = Table::random(&mut random);
    for step in 0..STEPS {
        let batch: Vec<Pair> = (0..BATCH)
            .map(|_| questions.pair(false, &mut random))
            .collect();
        let loss = table.learn(&batch, 1.0 - step as f32 / STEPS as f32);
        if step % 500 == 0 {
            writeln!(io::stderr(), "step {step}: loss {loss:.4}")?;
        }
    }
    let bytes = Model::write(&table.rows);
    let model = Model::read(&bytes).map_err(|_| io::Error::other("what was made is no model"))?;
    fs::write(folder.join("semantic.bin"), &bytes)?;
    let held_out: Vec<Pair> = (0..HELD_OUT)
        .map(|_| questions.pair(true, &mut random))
        .collect();
    say("trained", &held_out, &model)?;
    let mut random = Random::new(SEED);
    let untrained = Model::write(&Table::random(&mut random).rows);
    let untrained = Model::read(&untrained).map_err(|_| io::Error::other("no model"))?;
    say("untrained", &held_out, &untrained)
}

/// Of pairs that were never learned from: how often a question is nearer to its other form than to a trap made of it.
fn say(name: &str, pairs: &[Pair], model: &Model) -> io::Result<()> {
    let mut right = 0;
    let mut sums = [0.0f32; 2];
    for pair in pairs {
        let question = model.vector(&pair.question);
        let same = question.similarity(&model.vector(&pair.same));
        let trap = question.similarity(&model.vector(&pair.trap));
        right += usize::from(same > trap);
        sums[0] += same;
        sums[1] += trap;
    }
    let count = pairs.len() as f32;
    writeln!(
        io::stdout(),
        "{name}: nearer to the same than to the trap in {:.1} % of {count} unseen pairs; mean similarity {:.3} and {:.3}",
        100.0 * right as f32 / count,
        sums[0] / count,
        sums[1] / count,
    )
}
