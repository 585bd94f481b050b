//! Text without its disguises: hidden text is taken out of its encoding, look-alikes, accents and capitals are folded,
//! and what nobody sees is left out. Every character knows where it came from.

use std::ops::Range;

use crate::{encoded::hidden, tables::Tables};

/// A character, and the bytes of the text that it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Folded {
    pub(crate) c: char,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// The characters of a text.
pub(crate) fn fold(text: &str, tables: &Tables) -> Vec<Folded> {
    let mut out = Vec::with_capacity(text.len());
    let mut done = 0;
    for hidden in hidden(text) {
        plain(text, done..hidden.range.start, tables, &mut out);
        let (start, end) = (hidden.range.start, hidden.range.end);
        let place = |c| Folded { c, start, end };
        out.push(place(' '));
        for c in hidden.text.chars() {
            push(c, tables, |c| out.push(place(c)));
        }
        out.push(place(' '));
        done = end;
    }
    plain(text, done..text.len(), tables, &mut out);
    out
}

fn plain(text: &str, range: Range<usize>, tables: &Tables, out: &mut Vec<Folded>) {
    let first = range.start;
    for (at, c) in text[range].char_indices() {
        let (start, end) = (first + at, first + at + c.len_utf8());
        push(c, tables, |c| out.push(Folded { c, start, end }));
    }
}

fn push(c: char, tables: &Tables, put: impl FnMut(char)) {
    match tables.folded(c) {
        Some(text) => text.chars().for_each(put),
        None => std::iter::once(c).for_each(put),
    }
}
