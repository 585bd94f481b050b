//! Looks at the messages of a call and says which of them, and where in it, looks most like an attack.

use std::ops::Range;

use crate::{
    ids::Features,
    model::{Model, ModelError, Scored},
};

/// Tokens on either side of the one that was looked at most, of what is pointed to.
const AROUND: usize = 8;

/// Who a message is from. Every role is looked at alike; what follows from a score is the caller's to decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    System,
    User,
    Assistant,
    /// What a tool returned, and documents.
    Tool,
}

/// A message, or a part of one.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    pub role: Role,
    pub text: &'a str,
}

/// How much work is done at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all messages that are looked at. Of longer ones the beginnings and the ends of the messages are.
    pub bytes: usize,
}

impl Default for Limits {
    /// About 64,000 tokens, a tenth of a second.
    fn default() -> Self {
        Self { bytes: 256 << 10 }
    }
}

/// The most suspicious window of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// 0 to 1. At `Thresholds::one_percent` one harmless text in a hundred scores as high.
    pub score: f32,
    /// Which message it is in. 0 where there is none.
    pub message: usize,
    /// The bytes of the message that were looked at most; whole characters.
    pub span: Range<usize>,
    /// Nothing was left out because of the limits.
    pub is_complete: bool,
}

/// A part of a message, with where it begins.
struct Part {
    message: usize,
    offset: usize,
    features: Features,
}

/// Tokens of a part that the network sees at once.
struct Window<'a> {
    part: &'a Part,
    tokens: Range<usize>,
}

impl Window<'_> {
    fn rows(&self, slots: usize) -> &[i32] {
        let range = self.tokens.start * slots..self.tokens.end * slots;
        &self.part.features.rows[range]
    }

    fn verdict(&self, scored: Scored) -> Verdict {
        let spans = &self.part.features.spans[self.tokens.clone()];
        let focus = scored.focus.min(spans.len() - 1);
        let first = focus.saturating_sub(AROUND);
        let last = (focus + AROUND).min(spans.len() - 1);
        let offset = self.part.offset;
        Verdict {
            score: scored.score,
            message: self.part.message,
            span: spans[first].start + offset..spans[last].end + offset,
            is_complete: true,
        }
    }
}

/// Scores messages, each on its own.
pub struct Scanner {
    model: Model,
    limits: Limits,
}

impl Scanner {
    pub fn new(model: Model, limits: Limits) -> Self {
        Self { model, limits }
    }

    /// The thresholds that the model came with.
    pub fn thresholds(&self) -> crate::tables::Thresholds {
        self.model.tables.thresholds
    }

    /// The verdict on the messages of one call.
    pub fn score(&mut self, messages: &[Message<'_>]) -> Result<Verdict, ModelError> {
        let mut verdicts = self.score_all(&[messages])?;
        Ok(verdicts.pop().unwrap_or_else(nothing))
    }

    /// The verdicts on several calls, whose windows are scored together.
    pub fn score_all(&mut self, calls: &[&[Message<'_>]]) -> Result<Vec<Verdict>, ModelError> {
        let slots = self.model.tables.slots;
        let parts: Vec<_> = calls.iter().map(|call| self.parts(call)).collect();
        let windows: Vec<Vec<Window<'_>>> = parts
            .iter()
            .map(|(parts, _)| parts.iter().flat_map(|part| self.windows(part)).collect())
            .collect();
        let rows: Vec<&[i32]> = windows.iter().flatten().map(|w| w.rows(slots)).collect();
        let mut scored = self.model.score(&rows)?.into_iter();
        let verdict = |(windows, (_, is_complete)): (&Vec<Window<'_>>, &(Vec<Part>, bool))| {
            let found = windows.iter().zip(scored.by_ref());
            let worst = found.max_by(|a, b| a.1.score.total_cmp(&b.1.score));
            Verdict {
                is_complete: *is_complete,
                ..worst.map_or_else(nothing, |(window, scored)| window.verdict(scored))
            }
        };
        Ok(windows.iter().zip(&parts).map(verdict).collect())
    }

    /// What of the messages is looked at, and whether it is all of them.
    fn parts(&self, messages: &[Message<'_>]) -> (Vec<Part>, bool) {
        let total: usize = messages.iter().map(|message| message.text.len()).sum();
        let is_complete = total <= self.limits.bytes;
        let each = each(messages, self.limits.bytes);
        let mut out = Vec::new();
        for (message, Message { text, .. }) in messages.iter().enumerate() {
            for range in kept(text, each) {
                out.push(Part {
                    message,
                    offset: range.start,
                    features: Features::of(&text[range], &self.model.tables),
                });
            }
        }
        (out, is_complete)
    }

    fn windows<'a>(&self, part: &'a Part) -> impl Iterator<Item = Window<'a>> {
        let tables = &self.model.tables;
        let count = part.features.spans.len();
        let ranges = ranges(count, tables.window, tables.stride);
        ranges.map(move |tokens| Window { part, tokens })
    }
}

fn nothing() -> Verdict {
    Verdict {
        score: 0.0,
        message: 0,
        span: 0..0,
        is_complete: true,
    }
}

/// How much of each message is looked at, so that all of them together are not too much: what short ones leave, long ones
/// get.
fn each(messages: &[Message<'_>], most: usize) -> usize {
    let mut lengths: Vec<usize> = messages.iter().map(|message| message.text.len()).collect();
    lengths.sort_unstable();
    let mut left = most;
    for (index, length) in lengths.iter().enumerate() {
        let share = left / (lengths.len() - index);
        if *length > share {
            return share;
        }
        left -= length;
    }
    usize::MAX
}

/// What of a text is looked at: all of it, or as much from its beginning as from its end.
fn kept(text: &str, most: usize) -> Vec<Range<usize>> {
    let whole = 0..text.len();
    if whole.len() <= most {
        return vec![whole];
    }
    let head = floor(text, most / 2);
    let tail = text.len() - floor_back(text, most / 2);
    vec![0..head, tail..text.len()]
}

/// The last boundary of a character at or before this byte.
fn floor(text: &str, at: usize) -> usize {
    (0..=at)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

/// How many bytes of whole characters, this many at most, the text ends with.
fn floor_back(text: &str, most: usize) -> usize {
    let counts = (0..=most).rev();
    let mut fitting = counts.filter(|count| text.is_char_boundary(text.len() - count));
    fitting.next().unwrap_or(0)
}

/// Windows over so many tokens, overlapping, that cover all of them.
fn ranges(count: usize, size: usize, stride: usize) -> impl Iterator<Item = Range<usize>> {
    let more = count.saturating_sub(size).div_ceil(stride);
    let windows = if count == 0 { 0 } else { more + 1 };
    (0..windows).map(move |n| n * stride..(n * stride + size).min(count))
}

#[cfg(test)]
mod tests;
