//! Between the generated types and the domain: the only place where both meet.
//!
//! `From<&X>` writes a domain value to the wire; `TryFrom` reads one and names what is wrong with it.

pub mod affinity;
pub mod batch;
pub mod budget;
pub mod cache;
pub mod constraints;
pub mod credential;
pub mod decision;
pub mod event;
pub mod experiment;
mod firewall;
mod implicit;
mod mcp;
pub mod names;
pub mod prompt;
pub mod ranking;
mod rate;
pub mod rule;
mod savings;
pub mod scoring;
pub mod settings;
pub mod snapshot;
mod tags;

use bytes::Bytes;
use uuid::Uuid;

/// Why a message cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum InvalidWire {
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("{field} is {value}, which is not a value of this version")]
    Unknown { field: &'static str, value: i32 },
    #[error("{field} is not valid: {reason}")]
    Invalid { field: &'static str, reason: String },
}

impl InvalidWire {
    fn invalid(field: &'static str, reason: impl std::fmt::Display) -> Self {
        Self::Invalid {
            field,
            reason: reason.to_string(),
        }
    }
}

fn required<T>(value: Option<T>, field: &'static str) -> Result<T, InvalidWire> {
    value.ok_or(InvalidWire::Missing(field))
}

fn uuid(bytes: &[u8], field: &'static str) -> Result<Uuid, InvalidWire> {
    Uuid::from_slice(bytes).map_err(|e| InvalidWire::invalid(field, e))
}

fn optional_uuid(bytes: &[u8], field: &'static str) -> Result<Option<Uuid>, InvalidWire> {
    if bytes.is_empty() {
        Ok(None)
    } else {
        uuid(bytes, field).map(Some)
    }
}

fn non_empty(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn unit(value: f64, field: &'static str) -> Result<f64, InvalidWire> {
    if (0.0..=1.0).contains(&value) {
        Ok(value)
    } else {
        Err(InvalidWire::invalid(
            field,
            format_args!("{value} is outside 0..1"),
        ))
    }
}

fn id_bytes(id: Uuid) -> Bytes {
    Bytes::copy_from_slice(id.as_bytes())
}
