//! The catalog as people read and write it: one file format for what ships with the program, for the operator's
//! own file, and for `[[models]]` of the configuration.

mod check;
mod date;
mod entry;
mod figures;
mod file;
pub mod litellm;
mod models;
pub mod update;
mod usd;
mod write;

use std::sync::LazyLock;

pub use self::{
    check::{Problem, Strictness, problems},
    date::Date,
    entry::{Entry, Figure, Kind, Modality, Source, Sources},
    figures::GENERAL,
    file::File,
    models::{Models, NO_FIGURE, general},
    usd::Usd,
};
use crate::domain::catalog::Catalog;

/// The file this build ships with.
pub const BUILTIN: &str = include_str!("../catalog/models.toml");

/// What that file says, read once.
pub fn builtin() -> &'static File {
    static FILE: LazyLock<File> =
        LazyLock::new(|| File::parse(BUILTIN, "models.toml").unwrap_or_default());
    &FILE
}

/// The models this build ships with, as routing knows them.
pub fn builtin_catalog() -> Catalog {
    let file = builtin();
    let models = Models::of(&file.models).all(&file.models, &file.sources);
    Catalog::new(models).unwrap_or_default()
}

#[cfg(test)]
mod tests;
