//! Streams (<https://docs.claude.com/en/docs/build-with-claude/streaming>).

mod reader;
mod writer;

pub use self::{reader::EventReader, writer::EventWriter};
