//! `floopy export decisions`: answers one after the other into one file, each with its trailer, until the span
//! is complete. What broke off in the middle is taken back to the last trailer and asked for again.

mod sink;

use std::{path::PathBuf, time::Duration};

use clap::Args;
use floopy_shared::domain::export::Trailer;
use serde_json::json;
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};
use tokio::time::sleep;

use self::sink::Sink;
use super::{ExportError, verify::in_parts};
use crate::{
    console::Console,
    remote::{Answer, Client, ClientError, Remote, piece},
};

/// Answers in a row that may break off without a trailer.
const BREAKS: u32 = 5;
/// Longest wait that a server may ask for.
const MAX_WAIT_S: u64 = 3_600;

#[derive(Debug, Args)]
pub struct FetchArgs {
    /// The first moment, as in 2026-11-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    from: String,
    /// The last moment, at most 90 days later
    #[arg(long, value_name = "TIME")]
    to: String,
    /// Where to write [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Go on with a file that was cut off
    #[arg(long, requires = "output")]
    resume: bool,
    /// Print what was written as {"rows", "parts", "file", "complete_already"}, on standard output
    #[arg(long, requires = "output")]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

pub(super) async fn run(args: &FetchArgs, console: &mut Console) -> Result<(), ExportError> {
    let (from, to) = (utc("--from", &args.from)?, utc("--to", &args.to)?);
    let client = args.remote.client()?;
    let mut sink = Sink::open(args.output.as_deref(), args.resume)?;
    sink.check_span(&from, &to)?;
    let was_complete = sink.is_complete();
    let (mut rows, mut parts) = (0, 0);
    while !sink.is_complete() {
        let cursor = sink.cursor().map(|cursor| format!("&cursor={cursor}"));
        let query = format!("from={from}&to={to}{}", cursor.unwrap_or_default());
        rows += part(&client, &query, &mut sink).await?.row_count;
        parts += 1;
    }
    sink.finish()?;
    let name = sink.name();
    if args.json {
        let told =
            json!({"rows": rows, "parts": parts, "file": name, "complete_already": was_complete});
        console.say(&told.to_string());
    } else if was_complete {
        console.complain(&format!("{name} is complete already; nothing was asked"));
    } else {
        let parts = in_parts(parts);
        console.complain(&format!("{rows} rows in {parts} written to {name}"));
    }
    Ok(())
}

/// A moment in UTC, whose form needs no escapes in an address.
fn utc(field: &'static str, value: &str) -> Result<String, ExportError> {
    let parsed = OffsetDateTime::parse(value, &Rfc3339).ok();
    let text = parsed.and_then(|at| at.to_offset(UtcOffset::UTC).format(&Rfc3339).ok());
    text.ok_or_else(|| ExportError::Invalid {
        field,
        value: value.to_owned(),
        rule: "a time like 2026-11-01T00:00:00Z",
    })
}

/// One answer up to its trailer.
async fn part(client: &Client, query: &str, sink: &mut Sink) -> Result<Trailer, ExportError> {
    let path = format!("/v1/export/decisions?{query}");
    let mut tries = 0;
    loop {
        let error = match client.stream(&path).await? {
            Answer::Wait(seconds) => {
                sleep(Duration::from_secs(seconds.clamp(1, MAX_WAIT_S))).await;
                continue;
            }
            Answer::Body(mut body) => match copy(&mut body, sink).await? {
                Ok(trailer) => return Ok(trailer),
                Err(error) => error,
            },
        };
        tries += 1;
        if !sink.take_back()? || tries >= BREAKS {
            return Err(ExportError::Broken {
                tries,
                source: error,
            });
        }
    }
}

/// Copies an answer; what came without a trailer is no part.
async fn copy(
    body: &mut hyper::body::Incoming,
    sink: &mut Sink,
) -> Result<Result<Trailer, ClientError>, ExportError> {
    loop {
        match piece(body).await {
            Ok(Some(bytes)) => sink.write(&bytes)?,
            Ok(None) => return Ok(sink.part().ok_or(ClientError::NoTrailer)),
            Err(error) => return Ok(Err(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_sent_in_utc_and_wrong_ones_are_refused_by_name() {
        let sent = utc("--from", "2026-11-01T02:00:00+02:00").expect("valid");
        assert_eq!(sent, "2026-11-01T00:00:00Z");
        let error = utc("--to", "yesterday").expect_err("no time").to_string();
        assert!(error.contains("--to is \"yesterday\""), "{error}");
    }
}
