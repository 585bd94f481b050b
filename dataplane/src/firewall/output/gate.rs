//! A stream that is looked at while it passes. Where what gives something away is to be kept from its caller, the events pass
//! whose text cannot be the beginning of it any more; else all bytes pass as they come.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use floopy_protocols::{CallerApi, sse::Scanner};
use floopy_shared::domain::firewall::{Mode, output::Watched};

use super::{Texts, Watching, said::Events};

/// More than this is not held back: it passes without having been looked at, and the record says so.
const MAX_HELD_BYTES: usize = 1 << 20;

/// Where the bytes of one stream wait.
pub(crate) struct Gate {
    mode: Mode,
    api: CallerApi,
    scanner: Scanner,
    events: Events,
    texts: Texts,
    /// Whole events.
    waiting: VecDeque<Waiting>,
    /// The beginning of one.
    rest: Vec<Bytes>,
    /// Of all of these.
    held_bytes: usize,
    /// Events that passed.
    passed: u64,
    is_finished: bool,
}

/// Bytes that may pass once so much of their text is decided.
struct Waiting {
    bytes: Bytes,
    /// Which texts, and up to which of their bytes.
    needs: Vec<(usize, u64)>,
    ends_event: bool,
}

impl Gate {
    pub(super) fn new(watching: Watching) -> Self {
        Self {
            mode: watching.mode,
            api: watching.api,
            scanner: Scanner::default(),
            events: Events::new(watching.api),
            texts: Texts::new(&watching),
            waiting: VecDeque::new(),
            rest: Vec::new(),
            held_bytes: 0,
            passed: 0,
            is_finished: false,
        }
    }

    /// Reads what came; what comes after something was found is of no use.
    pub(crate) fn take(&mut self, bytes: &Bytes) {
        if self.texts.spot.is_some() {
            return;
        }
        let holds = self.holds();
        let (events, texts) = (&mut self.events, &mut self.texts);
        let (waiting, rest, mut from) = (&mut self.waiting, &mut self.rest, 0);
        self.scanner.feed(bytes, |data, end| {
            let mut needs = Vec::new();
            events.read(data, |choice, text| {
                let at = texts.push(choice, text).filter(|_| holds);
                needs.extend(at.map(|at| (at, texts.texts[at].watch.came())));
            });
            if holds {
                rest.push(bytes.slice(from..end));
                let last = rest.len() - 1;
                for (at, bytes) in rest.drain(..).enumerate() {
                    waiting.push_back(Waiting {
                        bytes,
                        needs: std::mem::take(&mut needs),
                        ends_event: at == last,
                    });
                }
                from = end;
            }
        });
        if holds {
            self.rest.push(bytes.slice(from..));
            self.held_bytes += bytes.len();
        }
    }

    /// Nothing more comes.
    pub(crate) fn finish(&mut self) {
        if !std::mem::replace(&mut self.is_finished, true) {
            self.texts.finish();
        }
    }

    /// What may pass now; of a stream in which something was found that may not, what came before that.
    pub(crate) fn pass(&mut self) -> Option<Bytes> {
        let is_over = self.held_bytes > MAX_HELD_BYTES && !self.is_closed();
        let passes_all = is_over || self.is_finished && !self.is_closed();
        self.texts.partial |= is_over;
        let mut passing = Vec::new();
        while let Some(next) = self.waiting.front() {
            let is_decided = |(at, upto): &(usize, u64)| {
                let watch = &self.texts.texts[*at].watch;
                watch.came() - watch.held() >= *upto
            };
            if !passes_all && !next.needs.iter().all(is_decided) {
                break;
            }
            self.passed += u64::from(next.ends_event);
            passing.extend(self.waiting.pop_front().map(|next| next.bytes));
        }
        if passes_all {
            passing.append(&mut self.rest);
        }
        let joined = join(passing)?;
        self.held_bytes -= joined.len();
        Some(joined)
    }

    /// Whether something was found that may not pass.
    pub(crate) fn is_closed(&self) -> bool {
        self.mode == Mode::Block && self.texts.spot.is_some()
    }

    /// Whether bytes wait here.
    pub(crate) fn holds(&self) -> bool {
        self.mode == Mode::Block
    }

    /// Whose events they are.
    pub(crate) fn api(&self) -> CallerApi {
        self.api
    }

    /// Events that passed.
    pub(crate) fn passed(&self) -> u64 {
        self.passed
    }

    /// What is said of the stream so far.
    pub(crate) fn watched(&self) -> Watched {
        self.texts.watched(self.mode)
    }
}

/// In one piece, without a copy where it is one.
fn join(mut pieces: Vec<Bytes>) -> Option<Bytes> {
    pieces.retain(|piece| !piece.is_empty());
    if pieces.len() < 2 {
        return pieces.pop();
    }
    let mut joined = BytesMut::with_capacity(pieces.iter().map(Bytes::len).sum());
    pieces
        .iter()
        .for_each(|piece| joined.extend_from_slice(piece));
    Some(joined.freeze())
}

#[cfg(test)]
mod tests {
    use floopy_shared::domain::{
        firewall::{
            Verdict,
            output::{Leaked, Output},
        },
        sensitive::Kind,
    };
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn watching(mode: Mode) -> Watching {
        let output = Output {
            mode,
            kinds: Vec::new(),
        };
        Watching::new(&output, CallerApi::Chat, b"{}")
    }

    fn event(choice: u32, text: &str) -> String {
        let choice = json!({"index": choice, "delta": {"content": text}});
        format!("data: {}\n\n", json!({"choices": [choice]}))
    }

    /// What passes of a stream that is cut into pieces, what passed before the last of them, and what is said of it.
    fn passed(mode: Mode, stream: &str, cuts: &[usize]) -> (String, String, Watched) {
        let mut gate = watching(mode).gate();
        let (mut passed, mut before) = (Vec::new(), 0);
        let mut rest = stream.as_bytes();
        for cut in cuts.iter().cycle() {
            let (piece, left) = rest.split_at((*cut).min(rest.len()));
            rest = left;
            let piece = Bytes::copy_from_slice(piece);
            gate.take(&piece);
            if rest.is_empty() {
                before = passed.len();
                gate.finish();
            }
            match gate.holds() {
                true => passed.extend(gate.pass().into_iter().flatten()),
                false => passed.extend(piece),
            }
            if rest.is_empty() {
                break;
            }
        }
        let all = String::from_utf8(passed).expect("whole events");
        (all.clone(), all[..before].to_owned(), gate.watched())
    }

    #[test]
    fn what_was_found_does_not_pass_and_what_came_before_does() {
        let (dear, done) = (event(0, "Dear Ann, "), "data: [DONE]\n\n");
        let stream = [&dear, &event(0, "ann@exam"), &event(0, "ple.com "), done].concat();
        for cuts in [vec![1], vec![7, 100], vec![usize::MAX]] {
            let (all, _, watched) = passed(Mode::Block, &stream, &cuts);
            assert_eq!(all, dear);
            let spot = watched.spot.expect("found");
            assert_eq!(
                (spot.leaked, spot.start),
                (Leaked::Sensitive(Kind::Email), 10)
            );
            assert_eq!(watched.verdict, Verdict::Blocked);
            let (all, _, logged) = passed(Mode::Log, &stream, &cuts);
            assert_eq!((all, logged.spot), (stream.clone(), watched.spot));
            assert_eq!(logged.verdict, Verdict::Flagged);
        }
    }

    #[test]
    fn no_more_is_held_than_what_may_be_the_beginning_of_something() {
        let events = [
            event(0, "The sky is "),
            event(1, "red and "),
            event(0, "blu"),
        ];
        let stream = [&events.concat(), "data: [DO"].concat();
        let (_, before, _) = passed(Mode::Block, &stream, &[stream.len() - 2, 2]);
        assert_eq!(before, events[..2].concat());
        let mut gate = watching(Mode::Block).gate();
        gate.take(&Bytes::from(stream));
        assert!(gate.pass().is_some());
        assert_eq!((gate.passed(), gate.pass()), (2, None));
    }

    #[test]
    fn an_event_that_is_too_long_to_be_held_passes_and_is_told() {
        let mut gate = watching(Mode::Block).gate();
        gate.take(&Bytes::from_static(b"data: {\"a\":\""));
        assert_eq!(gate.pass(), None);
        let long = Bytes::from("x".repeat(MAX_HELD_BYTES));
        gate.take(&long);
        assert_eq!(
            gate.pass().map(|passed| passed.len()),
            Some(12 + long.len())
        );
        assert!(gate.watched().partial);
        assert_eq!(gate.held_bytes, 0);
    }

    proptest! {
        #[test]
        fn however_a_stream_is_cut_all_of_it_passes_or_what_came_before_was_found(
            words in prop::collection::vec((0u32..3, "[a-z1 @.]{0,9}"), 0..9),
            finds in any::<bool>(),
            cuts in prop::collection::vec(1usize..60, 1..20),
        ) {
            let mut events: Vec<String> = words.iter().map(|(choice, word)| event(*choice, word)).collect();
            if finds {
                events.push(event(0, " ann@exam"));
                events.push(event(0, "ple.com "));
            }
            events.push("data: [DONE]\n\n".to_owned());
            let stream = events.concat();
            let (all, _, watched) = passed(Mode::Block, &stream, &cuts);
            let whole = passed(Mode::Log, &stream, &[usize::MAX]).2;
            prop_assert_eq!(watched.spot.is_some(), whole.spot.is_some());
            prop_assert_eq!(&all, &passed(Mode::Block, &stream, &[usize::MAX]).0);
            match watched.spot {
                None => prop_assert_eq!(all, stream),
                Some(_) => prop_assert!(!all.contains("ple.com") && all.len() < stream.len()),
            }
        }
    }
}
