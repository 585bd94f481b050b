//! The command `floopy`.

use std::process::ExitCode;

use clap::Parser;
use floopy_standalone::cli::Cli;
use mimalloc::MiMalloc;

/// A call takes about a hundred allocations and gives them back on the same thread; the system's allocator takes
/// twice as long for that, and keeps more once a burst is over.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    Cli::parse().run().await
}
