//! The same over a text that comes in pieces: what is found, and where, does not depend on how it was cut.

use super::{At, Kind, digits, people, secrets};

/// What begins at a place is judged by so many bytes from there on. Only what is found within less is found here: of e-mail
/// addresses and passwords that are longer nothing is said.
const REACH: usize = 1 << 10;
/// Of what came before a place, more than any rule looks at.
const BEFORE: usize = 64;
/// So much is gone through before it is let go.
const LET_GO: usize = 4 << 10;

/// How much of a text comes before a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Offset {
    pub bytes: u64,
    pub characters: u64,
}

impl Offset {
    /// So much further.
    pub fn after(self, text: &str) -> Self {
        Self {
            bytes: self.bytes + text.len() as u64,
            characters: self.characters + text.chars().count() as u64,
        }
    }
}

/// A text as far as it came.
#[derive(Debug, Default)]
pub struct Window {
    /// From a little before the next place on.
    text: String,
    /// The next place.
    at: usize,
    /// Where what was found last ended.
    from: usize,
    /// What is not there any more.
    gone: Offset,
    /// Up to here every word has ended.
    ended: usize,
}

impl Window {
    /// Adds what came.
    pub fn push(&mut self, piece: &str) {
        self.let_go();
        let length = self.text.len();
        self.text.push_str(piece);
        let mut characters = piece.char_indices().rev();
        if let Some((at, last)) = characters.find(|(_, character)| ends_words(*character)) {
            self.ended = length + at + last.len_utf8();
        }
    }

    /// The next that is found, and where in the whole it begins; `None`: nothing up to [`Self::decided`]. `is_whole`:
    /// nothing more comes.
    pub fn next(&mut self, is_whole: bool) -> Option<(Kind, Offset)> {
        while self.at < self.text.len() {
            let at = self.at;
            let here = At::new(&self.text, at, self.from);
            if here.is_within() {
                self.at += 1;
                continue;
            }
            if !is_whole && self.may_go_on(at, here.before) {
                return None;
            }
            let end = self.text.floor_char_boundary(at + REACH);
            let shown = At {
                text: &self.text[..end],
                ..here
            };
            match shown.look() {
                Ok((kind, length)) => {
                    self.at += length;
                    self.from = self.at;
                    return Some((kind, self.gone.after(&self.text[..at])));
                }
                Err(length) => self.at += length,
            }
        }
        None
    }

    /// Bytes of the whole before which everything was found.
    pub fn decided(&self) -> u64 {
        self.gone.bytes + self.at as u64
    }

    /// Whether what begins here depends on what comes.
    fn may_go_on(&self, at: usize, before: u8) -> bool {
        let rest = &self.text[at..];
        if rest.len() >= REACH {
            return false;
        }
        if at >= self.ended {
            return true;
        }
        let is_value = before == b'=' || self.text[..at].ends_with("://");
        if is_value && !rest.bytes().any(|byte| byte.is_ascii_whitespace()) {
            return true;
        }
        secrets::may_begin_pem(rest) || digits::may_go_on(rest) || people::may_go_on(rest)
    }

    fn let_go(&mut self) {
        if self.at < LET_GO {
            return;
        }
        let kept = self.text.floor_char_boundary(self.at - BEFORE);
        self.gone = self.gone.after(&self.text[..kept]);
        self.text.drain(..kept);
        self.at -= kept;
        self.from = self.from.saturating_sub(kept);
        self.ended = self.ended.saturating_sub(kept);
    }
}

/// Whether no word that anything is found in goes on over it; some numbers do.
fn ends_words(character: char) -> bool {
    character.is_ascii_whitespace() || character >= '\u{590}'
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::select};

    use super::*;
    use crate::domain::sensitive::find;

    /// What is found of a text that is cut after so many characters, again and again.
    fn found(text: &str, cuts: &[usize]) -> Vec<(Kind, u64)> {
        let (mut window, mut found) = (Window::default(), Vec::new());
        let mut rest = text;
        for cut in cuts.iter().cycle() {
            let end = rest
                .char_indices()
                .nth(*cut)
                .map_or(rest.len(), |(at, _)| at);
            window.push(&rest[..end]);
            rest = &rest[end..];
            let is_whole = rest.is_empty();
            while let Some((kind, start)) = window.next(is_whole) {
                let characters = text[..start.bytes as usize].chars().count() as u64;
                assert_eq!(start.characters, characters);
                found.push((kind, start.bytes));
            }
            if is_whole {
                assert_eq!(window.decided(), text.len() as u64);
                return found;
            }
        }
        found
    }

    fn at_once(text: &str) -> Vec<(Kind, u64)> {
        let found = find(text).map(|found| (found.kind, found.range.start as u64));
        found.collect()
    }

    /// What is found, what is nearly found, and what stands between.
    fn telling() -> impl Strategy<Value = String> {
        let pieces = select(vec![
            "ann.smith@mail.example.com",
            "4111 1111 1111 1111",
            "4111-1111-1111-1112",
            "GB29 NWBK 6016 1331 9268 19",
            "DE89370400440532013000",
            "+44 20 7946 0958",
            "(11) 91234-5678",
            "555–234–5678",
            "219-09-9999",
            "12345678-Z",
            "X1234567L",
            "sk-proj-abcdefghij0123456789",
            "AKIAIOSFODNN7EXAMPLE",
            "Bearer abcdefghij0123456789",
            "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq\n-----END PRIVATE KEY-----",
            "-----BEGIN CERTIFICATE-----",
            "https://ann:s3cret@example.com/",
            "https://example.com/?password=hunter2&x=1",
            "?token=日本",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc",
            "名前は",
            "the sky is blue",
            "MP3",
            "GB",
            "-----",
            "1",
            "29",
            "@",
            "://",
            "=",
        ]);
        let joint = select(vec![
            "", " ", ". ", "\n", ", ", "-", "/", "(", "é", "。", "\u{a0}",
        ]);
        let part = (pieces, joint).prop_map(|(piece, joint)| format!("{piece}{joint}"));
        prop::collection::vec(part, 1..14).prop_map(|parts| parts.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

        #[test]
        fn however_a_text_is_cut_the_same_is_found(
            text in telling(),
            cuts in prop::collection::vec(1usize..9, 1..12),
        ) {
            prop_assert_eq!(found(&text, &cuts), at_once(&text));
        }
    }

    #[test]
    fn what_is_long_gone_changes_nothing() {
        let text =
            "The sky is blue, write to ann@example.com or call +44 20 7946 0958. ".repeat(300);
        let expected = at_once(&text);
        assert_eq!(expected.len(), 600);
        for cuts in [[1], [7], [5_000]] {
            assert_eq!(found(&text, &cuts), expected);
        }
    }

    #[test]
    fn only_what_may_be_the_beginning_of_something_is_undecided() {
        let undecided = |text: &str| {
            let mut window = Window::default();
            window.push(text);
            while window.next(false).is_some() {}
            text.len() as u64 - window.decided()
        };
        for (text, expected) in [
            ("The sky is ", 0),
            ("The sky is blue", 4),
            ("天空是蓝色的", 0),
            ("call 0800 123 ", 9),
            ("call 12 men ", 0),
            ("pay GB29 NWBK ", 10),
            ("MP3 players are ", 0),
            ("see -----BEGIN ", 11),
            ("| --- | --- |\n", 0),
        ] {
            assert_eq!(undecided(text), expected, "{text:?}");
        }
        assert_eq!(
            undecided(&"a1+".repeat(1_000)),
            1_023,
            "a long word is bounded"
        );
    }
}
