//! libFuzzer over what the targets' table names: `FUZZ_TARGET` says which; without it, they are printed, each with
//! the golden folders that are its seeds.
#![no_main]

mod targets;

use std::{env, io::Write, process, sync::LazyLock};

use libfuzzer_sys::fuzz_target;
use targets::{TARGETS, Target};

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let wanted = env::var("FUZZ_TARGET").unwrap_or_default();
    let found = TARGETS.iter().find(|target| target.name == wanted);
    found.unwrap_or_else(|| {
        let lines = TARGETS.iter();
        let lines = lines.map(|target| format!("{} {}\n", target.name, target.golden.join(" ")));
        let written = write!(std::io::stdout(), "{}", lines.collect::<String>());
        process::exit(i32::from(!wanted.is_empty() || written.is_err()))
    })
});

fuzz_target!(
    init: {
        LazyLock::force(&TARGET);
    },
    |data: &[u8]| (TARGET.run)(data)
);
