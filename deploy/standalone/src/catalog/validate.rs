//! `floopy catalog validate`: every problem of every file.

use std::path::PathBuf;

use clap::Args;
use floopy_shared::catalog::File;

use super::{CatalogError, files};
use crate::console::Console;

#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// Catalog files; `-` for standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

pub(super) fn run(args: &ValidateArgs, console: &mut Console) -> Result<(), CatalogError> {
    let mut problems = Vec::new();
    for path in &args.files {
        let origin = files::origin(path);
        match files::text(path).map(|text| File::parse(&text, &origin)) {
            Ok(Ok(file)) => console.say(&format!(
                "ok: {origin}: {} models, {} sources",
                file.models.len(),
                file.sources.len()
            )),
            Ok(Err(errors)) => problems.extend(errors.iter().map(ToString::to_string)),
            Err(unreadable) => problems.push(unreadable.to_string()),
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(CatalogError::Invalid(problems))
    }
}
