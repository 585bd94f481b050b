//! What speaks for which topic: terms found in the texts of a request, and how they look.

use super::{
    fold,
    lexicon::{LEXICON, MAX_TERMS},
    structure::Structure,
};

/// What a text is about; `Quantity` only helps `Math`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    Translation,
    Structured,
    Code,
    Math,
    Extraction,
    Creative,
    Quantity,
}

/// How many topics there are.
pub(super) const TOPICS: usize = 7;

/// How many signals an explanation names.
pub(super) const NAMED: usize = 6;

/// What a text that is quoted, pasted or follows "…:" counts, in percent: it is what the task is done to.
const PASTED_PERCENT: i32 = 30;

/// What a term among a sentence's first words counts, in percent: that is where requests say what to do.
const OPENING_PERCENT: i32 = 150;

/// The first words of a sentence; four let "could you please" precede.
const OPENING_WORDS: u32 = 4;

/// Most that pasted text counts for one topic; less than a class needs, so that a paste alone decides nothing.
const MOST_PASTED: i32 = 80;

/// Bytes of a message without paragraphs that are taken for the instruction, at its start and at its end.
const INSTRUCTION_BYTES: usize = 400;

/// Which part of which text is read, and so where in it to look for the instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Of the application: instructions throughout.
    System,
    /// A user's message: an instruction, and often what to do it with, in either order.
    Message,
    /// The beginning and the end of one that is too long to be read whole.
    Beginning,
    Ending,
}

/// A signal and what it counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fired {
    pub topic: Topic,
    pub name: &'static str,
    pub points: i32,
}

/// The sums, and the signals behind them.
pub(super) struct Evidence {
    told: [i32; TOPICS],
    pasted: [i32; TOPICS],
    /// The highest percentage each term counted with: saying a word twice adds nothing.
    counted: [u8; MAX_TERMS],
    fired: [Option<Fired>; NAMED],
    anything: bool,
    numbers: u32,
    folded: String,
}

impl Evidence {
    pub(super) fn new() -> Self {
        Self {
            told: [0; TOPICS],
            pasted: [0; TOPICS],
            counted: [0; MAX_TERMS],
            fired: [None; NAMED],
            anything: false,
            numbers: 0,
            folded: String::with_capacity(1_536),
        }
    }

    /// Reads words; `weight` is in percent.
    pub(super) fn read_words(&mut self, text: &str, part: Part, weight: i32) {
        let mut folded = std::mem::take(&mut self.folded);
        folded.clear();
        fold::push(&mut folded, text);
        let mut place = Place::new(&folded, part);
        let bytes = folded.as_bytes();
        let mut inside = false;
        for (i, &b) in bytes.iter().enumerate() {
            // Nothing begins inside of a word; most bytes are.
            if (inside && b.is_ascii_alphanumeric()) || (0x80..0xc0).contains(&b) {
                continue;
            }
            inside = b.is_ascii_alphanumeric();
            if place.step(bytes, i, self.anything) {
                self.look_up(&bytes[i..], &place, weight);
            }
        }
        self.folded = folded;
    }

    /// Adds the terms that a text begins with.
    #[inline]
    fn look_up(&mut self, text: &[u8], place: &Place, weight: i32) {
        for (number, term) in LEXICON.at(text) {
            let percent = weight * place.percent() / 100;
            let new = percent - i32::from(self.counted[number]);
            if new > 0 {
                self.counted[number] = percent.min(i32::from(u8::MAX)) as u8;
                self.add(
                    place.pasted,
                    (term.topic, term.name),
                    term.points * new / 100,
                );
            }
        }
    }

    /// Reads looks; `weight` is in percent.
    pub(super) fn read_looks(&mut self, text: &str, weight: i32) {
        let seen = Structure::of(text);
        seen.speak(self, weight);
        self.numbers = self.numbers.max(seen.numbers);
    }

    /// Weighs what depends on several texts; once, after they were read.
    pub(super) fn conclude(&mut self) {
        // "How many" is small talk without numbers and a problem with two of them.
        if self.told[Topic::Quantity as usize] > 0 {
            let points = match self.numbers {
                0 => 20,
                1 => 60,
                _ => 140,
            };
            self.add(false, (Topic::Math, "asks for a quantity"), points);
        }
    }

    pub(super) fn add_structure(&mut self, topic: Topic, name: &'static str, points: i32) {
        if points > 0 {
            self.add(false, (topic, name), points);
        }
    }

    fn add(&mut self, pasted: bool, (topic, name): (Topic, &'static str), points: i32) {
        let sums = if pasted {
            &mut self.pasted
        } else {
            &mut self.told
        };
        sums[topic as usize] += points;
        self.anything |= !pasted;
        let points_of = |fired: &Option<Fired>| fired.map_or(0, |fired| fired.points);
        if let Some(least) = self.fired.iter_mut().min_by_key(|fired| points_of(fired))
            && points_of(least) < points
        {
            *least = Some(Fired {
                topic,
                name,
                points,
            });
        }
    }

    /// What speaks for a topic.
    pub(super) fn points(&self, topic: Topic) -> i32 {
        self.told[topic as usize] + self.pasted[topic as usize].min(MOST_PASTED)
    }

    /// The strongest signals, strongest first.
    pub(super) fn fired(&self) -> impl Iterator<Item = Fired> {
        let mut fired = self.fired;
        fired.sort_by_key(|fired| std::cmp::Reverse(fired.map_or(0, |fired| fired.points)));
        fired.into_iter().flatten()
    }
}

/// Where in a text a byte is.
struct Place {
    part: Part,
    /// Where the instruction before a paste ends, and where the one after it begins.
    head_end: usize,
    tail_start: usize,
    words: u32,
    sentence_ended: bool,
    quoted: bool,
    fenced: bool,
    after_colon: bool,
    in_tail: bool,
    spaceless: bool,
    pasted: bool,
}

impl Place {
    fn new(text: &str, part: Part) -> Self {
        let len = text.len();
        let (head_end, tail_start) = match part {
            Part::System => (len, len),
            Part::Message => instructions(text),
            Part::Beginning => (first_paragraph(text), len),
            Part::Ending => (0, last_paragraph(text)),
        };
        Self {
            part,
            head_end,
            tail_start,
            words: 0,
            sentence_ended: true,
            quoted: false,
            fenced: false,
            after_colon: false,
            in_tail: false,
            spaceless: false,
            pasted: false,
        }
    }

    /// Moves to a byte; whether a term may begin there.
    #[inline]
    fn step(&mut self, bytes: &[u8], i: usize, told: bool) -> bool {
        let b = bytes[i];
        let before = if i == 0 { b' ' } else { bytes[i - 1] };
        if !b.is_ascii_alphanumeric() && b < 0x80 {
            self.punctuation(bytes, i, told);
            return b == b'%' || (matches!(b, b'#' | b'.') && !is_word(before));
        }
        // Scripts without spaces begin a word with every character: E3 to ED lead Chinese, Japanese and
        // Korean, D8 to DB Arabic.
        self.spaceless = matches!(b, 0xd8..=0xdb | 0xe3..=0xed);
        let starts = if b < 0x80 {
            !before.is_ascii_alphanumeric()
        } else {
            b >= 0xc0 && before < 0x80
        };
        if starts {
            self.words = if self.sentence_ended {
                1
            } else {
                self.words + 1
            };
            self.sentence_ended = false;
        }
        if !starts && !self.spaceless {
            return false;
        }
        self.in_tail = i >= self.tail_start;
        let between = i >= self.head_end && !self.in_tail;
        self.pasted = self.quoted || self.fenced || between || (self.after_colon && !self.in_tail);
        true
    }

    fn punctuation(&mut self, bytes: &[u8], i: usize, told: bool) {
        let next = bytes.get(i + 1).copied().unwrap_or(b' ');
        let ends = next.is_ascii_whitespace() || next >= 0x80;
        match bytes[i] {
            b'\n' | b'!' | b'?' => self.sentence_ended = true,
            b'.' if ends => self.sentence_ended = true,
            b':' if ends => {
                self.sentence_ended = true;
                self.after_colon |= told && self.part != Part::System && !self.quoted;
            }
            b'"' => self.quoted = !self.quoted,
            b'`' if bytes[i..].starts_with(b"```") && !bytes[..i].ends_with(b"`") => {
                self.fenced = !self.fenced
            }
            _ => {}
        }
    }

    fn percent(&self) -> i32 {
        if self.pasted {
            PASTED_PERCENT
        } else if self.words <= OPENING_WORDS || self.spaceless {
            OPENING_PERCENT
        } else {
            100
        }
    }
}

/// Where the instruction before a paste ends and the one after it begins.
fn instructions(text: &str) -> (usize, usize) {
    let len = text.len();
    let (Some(first), Some(last)) = (text.find("\n\n"), text.rfind("\n\n")) else {
        let head = first_paragraph(text);
        return (head, last_paragraph(text).max(head));
    };
    // A short first part is an instruction; so is a short last one, unless it is all there is to work on.
    let (before, after) = (first, len - last);
    let told_last = after <= INSTRUCTION_BYTES && (first < last || after < before);
    let told_first = before <= INSTRUCTION_BYTES || !told_last;
    let head = if told_first { first_paragraph(text) } else { 0 };
    (head, if told_last { last } else { len })
}

fn first_paragraph(text: &str) -> usize {
    text.find("\n\n")
        .unwrap_or(text.len())
        .min(INSTRUCTION_BYTES)
}

fn last_paragraph(text: &str) -> usize {
    let end = text.len().saturating_sub(INSTRUCTION_BYTES);
    text.rfind("\n\n").unwrap_or(0).max(end)
}

fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b >= 0x80
}
