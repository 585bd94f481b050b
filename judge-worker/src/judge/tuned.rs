//! What the measures are worth, where people's ratings say so: for summaries, records put into words, conversations.
//!
//! Each table is a sum: where a measure stands beyond the usual, so many points for each unit of it. The weights were
//! fitted to the ranks of human ratings (ridge regression on one half of the texts, see docs/judge.md) and rounded;
//! measures that gained nothing on that half, or only by a habit of that data, are left out.

use super::{form::Kind, measures::Measures};

/// One measure, what is usual of it, and what a unit beyond that is worth.
type Term = (fn(&Measures) -> f64, f64, f64);

/// What a reply gets where nothing is unusual.
const USUAL: f64 = 0.55;

/// The dimensions of replies to one kind of prompt, each 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tuned {
    pub(super) relevance: f64,
    pub(super) coherence: f64,
    pub(super) helpfulness: f64,
}

impl Tuned {
    /// `None` where nobody rated replies to such prompts.
    pub(super) fn of(kind: Kind, measures: &Measures) -> Option<Self> {
        let (relevance, coherence, helpfulness) = match kind {
            Kind::Plain => return None,
            Kind::Summary => return Some(Self::of_summary(measures)),
            Kind::Record => (RECORD_RELEVANCE, RECORD_COHERENCE, RECORD_HELPFULNESS),
            Kind::Talk => (TALK_RELEVANCE, TALK_COHERENCE, TALK_HELPFULNESS),
        };
        Some(Self {
            relevance: sum(relevance, measures),
            coherence: sum(coherence, measures),
            helpfulness: sum(helpfulness, measures),
        })
    }
}

impl Tuned {
    /// A summary helps who can rely on it and finds the main things in it.
    fn of_summary(measures: &Measures) -> Self {
        let relevance = sum(SUMMARY_RELEVANCE, measures);
        Self {
            relevance,
            coherence: sum(SUMMARY_COHERENCE, measures),
            helpfulness: f64::midpoint(relevance, faithfulness(measures)),
        }
    }
}

/// How far a reply keeps to the text it is about, 0 to 1: by what it takes over, and what it puts together anew.
pub(super) fn faithfulness(measures: &Measures) -> f64 {
    sum(FAITHFULNESS, measures)
}

fn sum(terms: &[Term], measures: &Measures) -> f64 {
    let each = terms
        .iter()
        .map(|(measure, usual, worth)| (measure(measures) - usual) * worth);
    squashed(USUAL + each.sum::<f64>())
}

/// Onto 0 to 1, straight in the middle and never quite at an end, so that what is ranked stays ranked.
fn squashed(value: f64) -> f64 {
    1.0 / (1.0 + (-4.0 * (value - 0.5)).exp())
}

#[rustfmt::skip]
const SUMMARY_RELEVANCE: &[Term] = &[
    (|m| m.main_words,      0.64,   0.43),
    (|m| m.ln_words,        3.9,    0.12),
    (|m| m.lead,            0.41,   0.04),
    (|m| m.copied.longest,  0.42,   0.05),
    (|m| m.repeated_pairs,  0.035, -0.74),
    (|m| m.alike,           0.34,  -0.15),
    (|m| m.odd,             0.0016, -4.7),
];

#[rustfmt::skip]
const SUMMARY_COHERENCE: &[Term] = &[
    (|m| m.repeated_pairs,  0.035, -0.92),
    (|m| m.alike,           0.34,  -0.06),
    (|m| m.copied.backward, 0.14,  -0.13),
    (|m| m.copied.longest,  0.42,   0.13),
    (|m| m.copied.triples,  0.78,   0.02),
    (|m| m.sentences,       3.2,   -0.036),
    (|m| m.odd,             0.0016, -3.6),
    (|m| m.dangling,        0.02,  -0.12),
    (|m| m.quotes,          0.0054, -1.5),
];

#[rustfmt::skip]
const FAITHFULNESS: &[Term] = &[
    (|m| m.copied.pairs,    0.88,   0.36),
    (|m| m.copied.triples,  0.79,   0.08),
    (|m| m.copied.pieces,   0.14,  -0.18),
    (|m| m.copied.longest,  0.42,   0.07),
    (|m| m.new_numbers,     0.04,  -0.03),
    (|m| m.odd,             0.0015, -2.2),
];

#[rustfmt::skip]
const TALK_RELEVANCE: &[Term] = &[
    (|m| m.content,          8.8,   0.010),
    (|m| m.letters_per_word, 3.8,   0.057),
    (|m| m.of_last,          0.12,  0.12),
    (|m| m.of_background,    2.8,   0.005),
    (|m| m.lead,             0.10,  0.55),
    (|m| m.repeated_pairs,   0.038, -0.31),
    (|m| m.unsure,           0.06,  -0.05),
];

#[rustfmt::skip]
const TALK_COHERENCE: &[Term] = &[
    (|m| m.content,            8.8,   0.017),
    (|m| m.letters_per_word,   3.8,   0.061),
    (|m| m.repeated_words,     0.13, -0.25),
    (|m| m.words_per_sentence, 12.0, -0.009),
    (|m| m.sentences,          1.9,   0.020),
    (|m| m.questions,          0.23,  0.059),
    (|m| m.of_last,            0.12,  0.083),
    (|m| m.unsure,             0.06, -0.08),
];

#[rustfmt::skip]
const TALK_HELPFULNESS: &[Term] = &[
    (|m| m.content,          8.8,   0.016),
    (|m| m.letters_per_word, 3.8,   0.11),
    (|m| m.sentences,        1.9,   0.076),
    (|m| m.questions,        0.23,  0.060),
    (|m| m.exclamations,     0.22,  0.015),
    (|m| m.lead,             0.10,  0.40),
    (|m| m.repeated_pairs,   0.038, -0.17),
    (|m| m.repeated_words,   0.13,  -0.21),
    (|m| m.unsure,           0.06,  -0.07),
];

#[rustfmt::skip]
const RECORD_RELEVANCE: &[Term] = &[
    (|m| m.lead,     0.47,   0.46),
    (|m| m.odd,      0.0063, -0.86),
    (|m| m.content,  6.5,    0.002),
    (|m| m.nearness, 0.34,   0.036),
];

#[rustfmt::skip]
const RECORD_COHERENCE: &[Term] = &[
    (|m| m.odd,              0.0063, -1.25),
    (|m| m.commas,           0.032,  -0.71),
    (|m| m.ln_words,         2.4,    -0.056),
    (|m| m.nearness,         0.34,    0.097),
    (|m| m.repeated_pairs,   0.0033, -1.2),
    (|m| m.letters_per_word, 4.9,     0.030),
    (|m| m.values,           2.6,    -0.029),
];

#[rustfmt::skip]
const RECORD_HELPFULNESS: &[Term] = &[
    (|m| m.odd,         0.0063, -1.16),
    (|m| m.commas,      0.032,  -0.59),
    (|m| m.lead,        0.47,    0.27),
    (|m| m.values,      2.6,    -0.022),
    (|m| m.new_numbers, 0.033,  -0.038),
];
