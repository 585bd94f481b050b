//! `floopy export verify`: every line of an export checked without any server, and the first bad one named.

mod chain;
#[cfg(test)]
mod tests;

use std::{
    io::{self, BufRead, Read},
    path::PathBuf,
};

use clap::Args;
use serde_json::{Value, json};

pub use self::chain::BadLine;
pub(crate) use self::chain::Verified;
use self::chain::{Verifier, Why};
use super::ExportError;
use crate::{console::Console, replay::open};

/// Longest line read: clients take none that are longer.
const LINE_BYTES: u64 = 16 << 20;

#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The export; may be packed with gzip
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The key that must have signed it, as GET /v1/export/public-key tells it [default: the one that the file
    /// names, which proves only that nothing was changed since somebody signed it]
    #[arg(long, value_name = "HEX")]
    public_key: Option<String>,
    /// Print what was found as one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &VerifyArgs, console: &mut Console) -> Result<(), ExportError> {
    let path = || args.file.display().to_string();
    let pinned = args.public_key.as_deref().map(public_key).transpose()?;
    let file = |source| ExportError::File {
        path: path(),
        source,
    };
    let lines = open(&args.file).map_err(file)?;
    let verified = verify(lines, pinned).map_err(file)?;
    if args.json {
        console.say(&told(&verified, args.public_key.is_some()).to_string());
    }
    let verified = verified.map_err(|bad| ExportError::Bad { path: path(), bad })?;
    if !args.json {
        console.say(&text(&verified, args.public_key.is_some()));
    }
    if verified.is_complete {
        Ok(())
    } else {
        Err(ExportError::Incomplete {
            path: path(),
            rows: verified.rows,
        })
    }
}

/// 32 bytes in hexadecimal.
pub(crate) fn public_key(text: &str) -> Result<Vec<u8>, ExportError> {
    let bytes = hex::decode(text).ok().filter(|bytes| bytes.len() == 32);
    bytes.ok_or_else(|| ExportError::Invalid {
        field: "--public-key",
        value: text.to_owned(),
        rule: "the 64 hexadecimal digits of an Ed25519 public key",
    })
}

/// Checks every line, and nothing but the chain.
fn verify(lines: impl BufRead, pinned: Option<Vec<u8>>) -> io::Result<Result<Verified, BadLine>> {
    verified(lines, pinned, |_, _| Ok(()))
}

/// Reads line by line, so that memory does not grow with the file; `each` is given every row whose chain holds so
/// far, with the number of its line, and says why it is none.
pub(crate) fn verified(
    mut lines: impl BufRead,
    pinned: Option<Vec<u8>>,
    mut each: impl FnMut(u64, &[u8]) -> Result<(), String>,
) -> io::Result<Result<Verified, BadLine>> {
    let mut verifier = Verifier::new(pinned);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = lines
            .by_ref()
            .take(LINE_BYTES + 1)
            .read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(verifier.end());
        }
        let checked = if read as u64 > LINE_BYTES {
            Err(verifier.bad(Why::TooLong))
        } else {
            verifier.line(&line).and_then(|is_row| match is_row {
                true => each(verifier.line_number(), &line)
                    .map_err(|why| verifier.here(Why::NotARow(why))),
                false => Ok(()),
            })
        };
        if let Err(bad) = checked {
            return Ok(Err(bad));
        }
    }
}

/// The same for programs.
fn told(verified: &Result<Verified, BadLine>, is_pinned: bool) -> Value {
    match verified {
        Ok(good) => json!({
            "ok": true,
            "is_complete": good.is_complete,
            "rows": good.rows,
            "parts": good.parts,
            "organization_id": good.organization_id,
            "from": good.from,
            "to": good.to,
            "key_id": good.key_id,
            "public_key": good.public_key,
            "is_key_checked": is_pinned,
            "is_overlapping": good.is_overlapping,
            "goes_on_from": good.goes_on_from,
        }),
        Err(bad) => json!({"ok": false, "line": bad.line, "error": bad.why.to_string()}),
    }
}

/// How many answers a file is made of.
pub(super) fn in_parts(parts: u64) -> String {
    match parts {
        1 => "1 part".to_owned(),
        parts => format!("{parts} parts"),
    }
}

fn text(verified: &Verified, is_pinned: bool) -> String {
    let Verified {
        rows,
        parts,
        organization_id,
        from,
        to,
        key_id,
        public_key,
        ..
    } = verified;
    let mut text = format!(
        "ok: {rows} rows of {organization_id} in {}, from {from} to {to}, signed with key {key_id}",
        in_parts(*parts)
    );
    if let Some(before) = &verified.goes_on_from {
        text += &format!("\nit goes on with an export whose last row has the hash {before}");
    }
    if verified.is_overlapping {
        text += "\na part was resumed by time: it may repeat rows of the one before, which request_id tells";
    }
    if !is_pinned {
        text += &format!(
            "\nwhose key that is was not checked: --public-key {public_key} would, if GET /v1/export/public-key says the same"
        );
    }
    text
}
