//! An incremental reader of server-sent events, for bytes however they are cut.
//!
//! Follows the HTML standard's event stream parsing: lines end with CRLF, LF or CR; a leading byte order
//! mark and lines beginning with a colon are ignored; `data` lines of one event are joined by newlines.

/// Events longer than this are passed on but not looked at.
const MAX_EVENT_BYTES: usize = 1 << 20;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// Where in the stream we are.
#[derive(Debug)]
pub struct Scanner {
    line: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    /// The last byte was a CR: an LF that follows belongs to it.
    after_cr: bool,
    at_start: bool,
    too_long: bool,
}

impl Default for Scanner {
    fn default() -> Self {
        Self {
            line: Vec::new(),
            data: Vec::new(),
            has_data: false,
            after_cr: false,
            at_start: true,
            too_long: false,
        }
    }
}

impl Scanner {
    /// Takes the next bytes and hands over the data of each event that they complete, and where in them it
    /// ends.
    pub fn feed(&mut self, chunk: &[u8], mut on_event: impl FnMut(&[u8], usize)) {
        let mut rest = chunk;
        if self.after_cr
            && let Some(&first) = rest.first()
        {
            self.after_cr = false;
            rest = if first == b'\n' { &rest[1..] } else { rest };
        }
        while let Some(end) = memchr::memchr2(b'\n', b'\r', rest) {
            let is_cr = rest[end] == b'\r';
            let is_crlf = is_cr && rest.get(end + 1) == Some(&b'\n');
            let next = end + 1 + usize::from(is_crlf);
            let at = chunk.len() - rest.len() + next;
            self.end_line(&rest[..end], &mut |data: &[u8]| on_event(data, at));
            rest = &rest[next..];
            self.after_cr = is_cr && !is_crlf && rest.is_empty();
        }
        self.keep(rest);
    }

    fn keep(&mut self, part: &[u8]) {
        if self.line.len() + part.len() + self.data.len() > MAX_EVENT_BYTES {
            self.too_long = true;
        }
        if self.too_long {
            // Only whether the line is empty still matters.
            if self.line.is_empty() && !part.is_empty() {
                self.line.push(b':');
            }
        } else {
            self.line.extend_from_slice(part);
        }
    }

    fn end_line(&mut self, part: &[u8], on_event: &mut impl FnMut(&[u8])) {
        if self.line.is_empty() {
            self.take_line(part, on_event);
        } else {
            self.keep(part);
            let mut line = std::mem::take(&mut self.line);
            self.take_line(&line, on_event);
            line.clear();
            self.line = line;
        }
    }

    fn take_line(&mut self, line: &[u8], on_event: &mut impl FnMut(&[u8])) {
        let line = if std::mem::take(&mut self.at_start) {
            line.strip_prefix(BOM).unwrap_or(line)
        } else {
            line
        };
        if line.is_empty() {
            if self.has_data && !self.too_long {
                on_event(&self.data);
            }
            self.data.clear();
            self.has_data = false;
            self.too_long = false;
            return;
        }
        let Some(value) = data_of(line) else { return };
        if self.data.len() + value.len() > MAX_EVENT_BYTES {
            self.too_long = true;
            return;
        }
        if self.has_data {
            self.data.push(b'\n');
        }
        self.has_data = true;
        self.data.extend_from_slice(value);
    }
}

/// The value of a `data` line.
fn data_of(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_prefix(b"data")?;
    match rest.first() {
        None => Some(rest),
        Some(b':') => Some(rest[1..].strip_prefix(b" ").unwrap_or(&rest[1..])),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scan(chunks: &[&[u8]]) -> Vec<String> {
        let mut scanner = Scanner::default();
        let mut events = Vec::new();
        for chunk in chunks {
            scanner.feed(chunk, |data, end| {
                assert!(end <= chunk.len());
                events.push(String::from_utf8_lossy(data).into_owned())
            });
        }
        events
    }

    /// The rules applied to the whole text at once.
    fn reference(text: &str) -> Vec<String> {
        let text = text
            .strip_prefix('\u{feff}')
            .unwrap_or(text)
            .replace("\r\n", "\n")
            .replace('\r', "\n");
        let mut lines: Vec<&str> = text.split('\n').collect();
        lines.pop();
        let mut events = Vec::new();
        let mut data: Vec<&str> = Vec::new();
        for line in lines {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            if line.is_empty() {
                if !data.is_empty() {
                    events.push(data.join("\n"));
                }
                data.clear();
            } else if name == "data" {
                data.push(value.strip_prefix(' ').unwrap_or(value));
            }
        }
        events
    }

    #[test]
    fn all_line_endings_comments_and_fields_are_understood() {
        let text = "\u{feff}data: a\n\n: ping\n\nevent: x\r\ndata:b\r\ndata: c\r\n\r\ndata: d\r\rid: 1\ndata\n\ndatum: e\n\n";
        assert_eq!(scan(&[text.as_bytes()]), ["a", "b\nc", "d", ""]);
        assert_eq!(reference(text), ["a", "b\nc", "d", ""]);
    }

    #[test]
    fn an_event_without_its_blank_line_is_not_complete() {
        assert!(scan(&[b"data: a\n"]).is_empty());
    }

    #[test]
    fn an_endless_event_is_forgotten_and_the_next_one_is_read() {
        let long = vec![b'x'; MAX_EVENT_BYTES];
        let events = scan(&[b"data: ", &long, &long, b"\n\ndata: next\n\n"]);
        assert_eq!(events, ["next"]);
    }

    proptest! {
        #[test]
        fn any_cutting_gives_the_events_of_the_whole(
            pieces in prop::collection::vec(
                prop::sample::select(vec![
                    "\u{feff}", "data", "data: ", ":", ": note", "event: x", "{\"a\":1}", "é", " ", "\n", "\r",
                    "\r\n", "\n\n", "\r\n\r\n", "[DONE]",
                ]),
                0..40,
            ),
            cuts in prop::collection::vec(1usize..9, 1..40),
        ) {
            let text: String = pieces.concat();
            let bytes = text.as_bytes();
            let mut chunks = Vec::new();
            let mut at = 0;
            for cut in cuts.iter().cycle() {
                if at >= bytes.len() {
                    break;
                }
                let end = (at + cut).min(bytes.len());
                chunks.push(&bytes[at..end]);
                at = end;
            }
            prop_assert_eq!(scan(&chunks), reference(&text));
        }
    }
}
