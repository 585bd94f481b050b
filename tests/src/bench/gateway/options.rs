//! The arguments of the gateway's benchmark.

/// Shown on request and beside every mistake.
pub const USAGE: &str = "\
usage: bench-gateway [quick] [latency] [saturation] [streams]

Without arguments everything is measured at full length, and docs/benchmarks.md is written. With any of them
nothing is written.

  quick       measure shortly, for a look
  latency     only this part; several parts may be named
  saturation
  streams";

/// What is measured, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    pub quick: bool,
    /// The parts that are named; none of them means all.
    named: Parts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Parts {
    latency: bool,
    saturation: bool,
    streams: bool,
}

/// What the arguments ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    Run(Options),
    Help,
}

/// An argument that means nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the argument {0:?} is not known")]
pub struct UnknownArgument(String);

impl Options {
    /// Reads the arguments, without the program's name.
    pub fn read(arguments: impl Iterator<Item = String>) -> Result<Asked, UnknownArgument> {
        let mut options = Self::default();
        for argument in arguments {
            match argument.as_str() {
                "quick" => options.quick = true,
                "latency" => options.named.latency = true,
                "saturation" => options.named.saturation = true,
                "streams" => options.named.streams = true,
                "help" | "-h" | "--help" => return Ok(Asked::Help),
                _ => return Err(UnknownArgument(argument)),
            }
        }
        Ok(Asked::Run(options))
    }

    /// Whether latency at a rate is measured.
    pub fn latency(&self) -> bool {
        self.all() || self.named.latency
    }

    /// Whether saturation is measured.
    pub fn saturation(&self) -> bool {
        self.all() || self.named.saturation
    }

    /// Whether streams are measured.
    pub fn streams(&self) -> bool {
        self.all() || self.named.streams
    }

    /// Whether the figures are kept.
    pub fn writes(&self) -> bool {
        *self == Self::default()
    }

    fn all(&self) -> bool {
        self.named == Parts::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Asked, UnknownArgument> {
        Options::read(arguments.iter().map(|argument| (*argument).to_owned()))
    }

    #[test]
    fn only_a_run_without_arguments_is_kept() {
        let Ok(Asked::Run(full)) = read(&[]) else {
            panic!("no arguments are fine");
        };
        assert!(full.writes() && full.latency() && full.saturation() && full.streams());
        let Ok(Asked::Run(part)) = read(&["quick", "streams"]) else {
            panic!("both are known");
        };
        assert!(!part.writes() && part.quick && part.streams());
        assert!(!part.latency() && !part.saturation());
    }

    #[test]
    fn what_is_not_known_is_refused_and_help_measures_nothing() {
        assert_eq!(read(&["--help"]), Ok(Asked::Help));
        let refused = read(&["quick", "--quick"]).expect_err("not known");
        assert_eq!(
            refused.to_string(),
            r#"the argument "--quick" is not known"#
        );
    }
}
