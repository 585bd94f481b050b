//! What the fuzz targets must withstand, without a fuzzer: their seeds and golden files, whole, cut and damaged.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

#[path = "../../tests/fuzz/src/targets.rs"]
mod targets;

use std::{
    fs,
    path::{Path, PathBuf},
};

use targets::Target;

/// Cuts and damages of each seed: enough to pass every token of a small one, few enough to take no time.
const PLACES: usize = 64;

/// What damage likes to be: what JSON and frames give a meaning to.
const DAMAGES: [u8; 8] = [b'"', b'{', b']', b'\\', b'-', b'\n', 0, 0xFF];

fn files_under(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => files_under(&path),
            false => vec![path],
        })
        .collect()
}

fn seeds(target: &Target) -> Vec<Vec<u8>> {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let own = here.join("../tests/fuzz/seeds").join(target.name);
    let golden = target.golden.iter();
    let golden = golden.map(|folder| here.join("tests/golden").join(folder));
    let files = golden.chain([own]).flat_map(|folder| files_under(&folder));
    files.map(|file| fs::read(file).unwrap()).collect()
}

#[test]
fn every_target_withstands_its_seeds_whole_cut_and_damaged() {
    for target in targets::TARGETS {
        let seeds = seeds(target);
        assert!(!seeds.is_empty(), "{} has no seeds", target.name);
        let target = target.run;
        for seed in seeds {
            target(&seed);
            let step = (seed.len() / PLACES).max(1);
            for place in (0..seed.len()).step_by(step) {
                target(&seed[..place]);
                let mut damaged = seed.clone();
                damaged[place] = DAMAGES[place % DAMAGES.len()];
                target(&damaged);
            }
        }
    }
}
