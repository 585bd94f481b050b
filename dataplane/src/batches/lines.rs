//! Lines of JSON from pieces of a file, however the pieces were cut.

use bytes::{Bytes, BytesMut};

/// A line that is longer than lines may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is longer than {max} bytes")]
pub(crate) struct TooLong {
    pub line: u64,
    pub max: usize,
}

/// Cuts pieces into lines; holds no more than one line and one piece.
#[derive(Debug)]
pub(crate) struct Lines {
    rest: BytesMut,
    /// Of `rest`, what is known to have no end of a line.
    searched: usize,
    max: usize,
    line: u64,
}

impl Lines {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            rest: BytesMut::new(),
            searched: 0,
            max,
            line: 0,
        }
    }

    pub(crate) fn push(&mut self, piece: &[u8]) {
        self.rest.extend_from_slice(piece);
    }

    /// The next whole line with its number from 1. Empty ones are passed over, and counted.
    pub(crate) fn next(&mut self) -> Result<Option<(u64, Bytes)>, TooLong> {
        while let Some(at) = memchr::memchr(b'\n', &self.rest[self.searched..]) {
            let line = self.rest.split_to(self.searched + at + 1).freeze();
            self.searched = 0;
            if let Some(found) = self.take(line)? {
                return Ok(Some(found));
            }
        }
        self.searched = self.rest.len();
        if self.rest.len() > self.max {
            return Err(self.too_long(self.line + 1));
        }
        Ok(None)
    }

    /// What stands behind the last end of a line.
    pub(crate) fn last(&mut self) -> Result<Option<(u64, Bytes)>, TooLong> {
        let line = self.rest.split().freeze();
        self.searched = 0;
        self.take(line)
    }

    fn take(&mut self, line: Bytes) -> Result<Option<(u64, Bytes)>, TooLong> {
        self.line += 1;
        let text = line.trim_ascii();
        if text.len() > self.max {
            return Err(self.too_long(self.line));
        }
        Ok((!text.is_empty()).then(|| (self.line, line.slice_ref(text))))
    }

    fn too_long(&self, line: u64) -> TooLong {
        TooLong {
            line,
            max: self.max,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&str], max: usize) -> Result<Vec<(u64, String)>, TooLong> {
        let mut lines = Lines::new(max);
        let mut found = Vec::new();
        let text = |(n, line): (u64, Bytes)| (n, String::from_utf8_lossy(&line).into_owned());
        for piece in pieces {
            lines.push(piece.as_bytes());
            while let Some(line) = lines.next()? {
                found.push(text(line));
            }
        }
        found.extend(lines.last()?.map(text));
        Ok(found)
    }

    #[test]
    fn lines_are_the_same_however_the_pieces_are_cut() {
        let whole = "{\"a\":1}\n\n{\"b\":2}\r\n{\"c\":3}";
        let expected = vec![
            (1, "{\"a\":1}".to_owned()),
            (3, "{\"b\":2}".to_owned()),
            (4, "{\"c\":3}".to_owned()),
        ];
        for cut in 0..=whole.len() {
            let (a, b) = whole.split_at(cut);
            assert_eq!(read(&[a, b], 9), Ok(expected.clone()), "cut at {cut}");
        }
    }

    #[test]
    fn a_line_without_an_end_is_not_gathered_for_ever() {
        let expected = TooLong { line: 2, max: 4 };
        assert_eq!(read(&["ok\n", "abc", "de"], 4), Err(expected));
        assert_eq!(read(&["ok\nabcde\n"], 4), Err(expected));
        assert_eq!(read(&["ok\nabcde"], 4), Err(expected));
    }
}
