//! libFuzzer over what the targets' table names: `FUZZ_TARGET` says which; without it, the names are printed.
#![no_main]

mod targets;

use std::{env, io::Write, process, sync::LazyLock};

use libfuzzer_sys::fuzz_target;
use targets::{TARGETS, Target};

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let wanted = env::var("FUZZ_TARGET").unwrap_or_default();
    let found = TARGETS.iter().find(|(name, _)| *name == wanted);
    let Some((_, target)) = found else {
        let names: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
        let written = writeln!(std::io::stdout(), "{}", names.join("\n"));
        process::exit(i32::from(!wanted.is_empty() || written.is_err()));
    };
    *target
});

fuzz_target!(
    init: {
        LazyLock::force(&TARGET);
    },
    |data: &[u8]| TARGET(data)
);
