//! From a file, packed or not, to outcomes.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use flate2::bufread::MultiGzDecoder;

use super::{
    Builder, Chosen, InvalidTable, Priors, Table,
    priors::InvalidPriors,
    row::{InvalidRow, Row},
};

/// The first bytes of everything that gzip packed (RFC 1952).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Why outcomes or priors cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("{path}: {source}")]
    Io { path: String, source: io::Error },
    #[error("{path}, line {line}: {source}")]
    Row {
        path: String,
        line: usize,
        source: InvalidRow,
    },
    #[error("{path}: {source}")]
    Table { path: String, source: InvalidTable },
    #[error("{path}: {source}")]
    Priors { path: String, source: InvalidPriors },
}

/// Reads outcomes, and what benchmarks say of their models.
pub(in crate::replay) fn read(
    file: &Path,
    priors: Option<&Path>,
    chosen: &Chosen,
) -> Result<Table, ReadError> {
    let priors = priors.map(read_priors).transpose()?;
    let path = || file.display().to_string();
    let mut builder = Builder::default();
    let lines = open(file)
        .map_err(|source| ReadError::Io {
            path: path(),
            source,
        })?
        .lines();
    for (number, text) in (1..).zip(lines) {
        let text = text.map_err(|source| ReadError::Io {
            path: path(),
            source,
        })?;
        if text.trim().is_empty() {
            continue;
        }
        let row = Row::parse(&text).map_err(|source| ReadError::Row {
            path: path(),
            line: number,
            source,
        })?;
        let added = builder.add(number, row);
        added.map_err(|source| ReadError::Table {
            path: path(),
            source,
        })?;
    }
    let built = builder.build(priors.as_ref(), chosen);
    built.map_err(|source| ReadError::Table {
        path: path(),
        source,
    })
}

fn read_priors(file: &Path) -> Result<Priors, ReadError> {
    let path = || file.display().to_string();
    let mut text = String::new();
    let opened = open(file).and_then(|mut lines| lines.read_to_string(&mut text));
    opened.map_err(|source| ReadError::Io {
        path: path(),
        source,
    })?;
    Priors::parse(&text).map_err(|source| ReadError::Priors {
        path: path(),
        source,
    })
}

/// The file's text, whatever its name says of its packing.
pub(crate) fn open(path: &Path) -> io::Result<Box<dyn BufRead>> {
    let mut packed = BufReader::new(File::open(path)?);
    if packed.fill_buf()?.starts_with(&GZIP_MAGIC) {
        Ok(Box::new(BufReader::new(MultiGzDecoder::new(packed))))
    } else {
        Ok(Box::new(packed))
    }
}
