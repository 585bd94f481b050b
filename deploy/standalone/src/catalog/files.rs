//! Catalog files and price maps, read and written.

use std::{
    fs,
    io::{Read, Write},
    path::Path,
};

use floopy_shared::{
    catalog::{
        Date, Entry, File, Source,
        litellm::{self, Import},
    },
    process::clock::Clock,
};
use tempfile::NamedTempFile;
use time::OffsetDateTime;

use super::CatalogError;

/// What stands for standard input.
const STDIN: &str = "-";

/// The text of a file, or of standard input.
pub(super) fn text(path: &Path) -> Result<String, CatalogError> {
    let read = || {
        if path.as_os_str() == STDIN {
            let mut text = String::new();
            std::io::stdin().lock().read_to_string(&mut text)?;
            Ok(text)
        } else {
            fs::read_to_string(path)
        }
    };
    read().map_err(|source| CatalogError::File {
        path: origin(path),
        source,
    })
}

/// How a file is called in messages.
pub(super) fn origin(path: &Path) -> String {
    if path.as_os_str() == STDIN {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    }
}

/// A catalog file.
pub(super) fn catalog(path: &Path) -> Result<File, CatalogError> {
    parse(&text(path)?, path)
}

/// A catalog file's text.
pub(super) fn parse(text: &str, path: &Path) -> Result<File, CatalogError> {
    File::parse(text, &origin(path))
        .map_err(|errors| CatalogError::Invalid(errors.iter().map(ToString::to_string).collect()))
}

/// A price map of LiteLLM as a catalog, and what was left out of it.
pub(super) fn price_map(
    (text, path): (&str, &Path),
    (source, date): (Option<&str>, Option<&Date>),
    providers: &[String],
) -> Result<(File, Import), CatalogError> {
    let date = match date {
        Some(date) => date.clone(),
        None => today()?,
    };
    let name = source.map_or_else(|| format!("litellm-{date}"), ToOwned::to_owned);
    let import = litellm::import(text, &name, providers).map_err(|problems| {
        let origin = origin(path);
        let told = problems
            .iter()
            .map(|problem| format!("{origin}: {problem}"));
        CatalogError::Invalid(told.collect())
    })?;
    let source = Source {
        title: "LiteLLM price map".to_owned(),
        url: Some("https://github.com/BerriAI/litellm".to_owned()),
        date,
        licence: Some("MIT".to_owned()),
        series: Some("litellm".to_owned()),
    };
    let file = File {
        sources: [(name, source)].into(),
        models: import.models.clone(),
    };
    Ok((file, import))
}

/// What was left out of an import, a line each.
pub(super) fn skipped(import: &Import) -> Vec<String> {
    let skipped = import.skipped.iter();
    skipped
        .map(|(skip, count)| format!("  {count:>6} skipped: {}", skip.why()))
        .collect()
}

/// The providers must be some that are known, or nothing would be found and nobody told why.
pub(super) fn check_providers(providers: &[String], models: &[Entry]) -> Result<(), CatalogError> {
    let unknown = providers
        .iter()
        .find(|name| models.iter().all(|model| model.provider != **name));
    match unknown {
        Some(name) => Err(CatalogError::Usage(format!(
            "--provider {name}: there is no model of that provider"
        ))),
        None => Ok(()),
    }
}

fn today() -> Result<Date, CatalogError> {
    let now_ms = Clock::system().now_ms();
    let seconds = i64::try_from(now_ms / 1_000).unwrap_or_default();
    let now = OffsetDateTime::from_unix_timestamp(seconds).ok();
    let date = now.and_then(|now| Date::parse(&now.date().to_string()));
    date.ok_or_else(|| {
        CatalogError::Usage(format!(
            "the clock says {now_ms} ms; name the day with --date"
        ))
    })
}

/// Puts a text in a file's place: a reader sees the old one or the new one, and whatever fails leaves the old one.
pub(super) fn replace(path: &Path, text: &str) -> Result<(), CatalogError> {
    let write = || {
        let directory = path.parent().filter(|dir| !dir.as_os_str().is_empty());
        let mut file = NamedTempFile::new_in(directory.unwrap_or(Path::new(".")))?;
        file.write_all(text.as_bytes())?;
        let permissions = match fs::metadata(path) {
            Ok(old) => old.permissions(),
            Err(_) => readable(),
        };
        file.as_file().set_permissions(permissions)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|e| e.error)?;
        Ok(())
    };
    write().map_err(|source| CatalogError::File {
        path: origin(path),
        source,
    })
}

/// A catalog is no secret.
fn readable() -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    fs::Permissions::from_mode(0o644)
}
