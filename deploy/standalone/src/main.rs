//! The command `floopy`.

use std::process::ExitCode;

use clap::Parser;
use floopy_standalone::cli::Cli;
use tikv_jemallocator::Jemalloc;

/// A call takes about a hundred allocations, some of them of a few kilobytes, and gives them back on the same
/// thread; glibc takes nearly twice as many instructions for that. What it keeps is set in `.cargo/config.toml`.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

#[tokio::main]
async fn main() -> ExitCode {
    Cli::parse().run().await
}
