//! What is counted of a reply beside its prompt, once for all dimensions. What it is worth is said in `tuned`.

use std::collections::{HashMap, HashSet};

use floopy_semantic::embed::model;

use super::{
    copied::Copied,
    form::{Form, Kind},
    grammar, phrases, relevance,
    text::{self, Text, count},
    vocabulary::{Ids, Pair},
};

/// Sentences that are compared with each other.
const MOST_SENTENCES: usize = 24;
const MOST_WORDS: usize = 64;
/// Question and exclamation marks that count.
const MOST_MARKS: f64 = 3.0;
/// Bytes of a text that its meaning is taken from.
const NEAR_BYTES: usize = 500;
/// Words that a text about the prompt mentions: those that the prompt says most often.
const MAIN_WORDS: usize = 10;
/// Words at the beginning of a prompt; what matters in an article or a record stands there.
const LEAD_WORDS: usize = 90;

/// Counts and shares; which are which says each.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Measures {
    /// Natural logarithm of the words.
    pub(super) ln_words: f64,
    pub(super) sentences: f64,
    pub(super) words_per_sentence: f64,
    pub(super) letters_per_word: f64,
    /// Different words that carry meaning.
    pub(super) content: f64,
    pub(super) copied: Copied,
    /// Share of what could be expected of the prompt's words; `None` where it has none that carry meaning.
    pub(super) overlap: Option<f64>,
    /// How much of it is hedging.
    pub(super) hedging: f64,
    /// Share of the prompt's most frequent words that come up.
    pub(super) main_words: f64,
    /// Share of the first words of the prompt that come up.
    pub(super) lead: f64,
    /// Share of its content words that are in what it replies to.
    pub(super) of_last: f64,
    /// Content words taken from the rest of the prompt's first message.
    pub(super) of_background: f64,
    /// Numbers that the prompt does not have.
    pub(super) new_numbers: f64,
    /// How near it is to what it replies to, by the model of sentences.
    pub(super) nearness: f64,
    /// Share of words, and of pairs of words, that were there before.
    pub(super) repeated_words: f64,
    pub(super) repeated_pairs: f64,
    /// Share of a sentence's words that another sentence has, for the two most alike.
    pub(super) alike: f64,
    /// Share of pairs that do not go together.
    pub(super) odd: f64,
    pub(super) dangling: f64,
    /// Marks for each word.
    pub(super) commas: f64,
    pub(super) quotes: f64,
    pub(super) questions: f64,
    pub(super) exclamations: f64,
    /// Times that it says not to know.
    pub(super) unsure: f64,
    /// Values that the prompt lists.
    pub(super) values: f64,
}

impl Measures {
    /// `plain`: the reply as phrases are looked for in.
    pub(super) fn of(
        form: &Form<'_>,
        (prompt, reply): (&Text<'_>, &Text<'_>),
        plain: &str,
    ) -> Self {
        let words = count(reply.words.len().max(1));
        let sentences = text::sentences(reply.raw);
        let pair = Pair::of(prompt, reply);
        let mut found = Self {
            ln_words: (1.0 + count(reply.words.len())).ln(),
            sentences: count(sentences.len()),
            words_per_sentence: words / count(sentences.len().max(1)),
            content: count(pair.reply.content.len()),
            overlap: relevance::overlap(&pair),
            main_words: main_words(&pair),
            lead: lead(&pair),
            copied: Copied::of(&pair.prompt.words, &pair.reply.words),
            dangling: count(sentences.iter().filter(|s| grammar::dangles(s)).count()),
            repeated_words: repeated::<1>(&pair.reply.words),
            repeated_pairs: repeated::<2>(&pair.reply.words),
            alike: alike(&sentences),
            hedging: phrases::hedging(plain, reply.words.len()),
            unsure: phrases::unsure(plain),
            values: count(form.values.len()),
            ..Self::default()
        };
        found.read_words(&pair, reply);
        found.read_marks(reply);
        match form.kind() {
            Kind::Talk => found.read_turns(form, &pair),
            Kind::Record | Kind::Plain => found.nearness = nearness(form, reply),
            // A summary's words are the text's own.
            Kind::Summary => {}
        }
        found
    }

    fn read_words(&mut self, pair: &Pair<'_>, reply: &Text<'_>) {
        let words: Vec<&str> = reply.words.iter().map(String::as_str).collect();
        let total = count(words.len().max(1));
        let letters: usize = words.iter().map(|word| word.chars().count()).sum();
        let is_new_number = |(word, stem): &(&&str, &u32)| {
            word.chars().any(char::is_numeric) && !pair.prompt.says(**stem)
        };
        let numbers = words.iter().zip(&pair.reply.stems).filter(is_new_number);
        self.letters_per_word = count(letters) / total;
        self.odd = count(grammar::odd_pairs(&words)) / total;
        self.new_numbers = count(numbers.count());
    }

    fn read_marks(&mut self, reply: &Text<'_>) {
        let total = count(reply.words.len().max(1));
        let marks = |marks: &[char]| count(reply.raw.matches(marks).count());
        self.commas = marks(&[',']) / total;
        self.quotes = marks(&['"', '`']) / total;
        self.questions = marks(&['?', '？']).min(MOST_MARKS);
        self.exclamations = marks(&['!', '！']).min(MOST_MARKS);
    }

    fn read_turns(&mut self, form: &Form<'_>, pair: &Pair<'_>) {
        let (last, background) = (Text::read(form.last), Text::read(form.background));
        let (last, background) = (last.stems(), background.stems());
        let content: Vec<&str> = pair.reply.content.iter().map(|id| pair.stem(*id)).collect();
        let (of_last, others): (Vec<&str>, Vec<&str>) =
            content.into_iter().partition(|word| last.contains(word));
        let of_background = others.iter().filter(|word| background.contains(**word));
        self.of_last = count(of_last.len()) / self.content.max(1.0);
        self.of_background = count(of_background.count());
    }
}

/// Of beginnings: the model would read more, and say much the same.
fn nearness(form: &Form<'_>, reply: &Text<'_>) -> f64 {
    let vector = |text: &str| model().vector(text::prefix(text, NEAR_BYTES));
    f64::from(vector(form.last).similarity(&vector(reply.raw)))
}

fn repeated<const N: usize>(reply: &Ids) -> f64 {
    let runs = reply.len().saturating_sub(N - 1);
    let distinct = reply.windows(N).collect::<HashSet<_>>().len();
    1.0 - count(distinct.max(1)) / count(runs.max(1))
}

fn alike(sentences: &[&str]) -> f64 {
    let words: Vec<Vec<&str>> = sentences
        .iter()
        .take(MOST_SENTENCES)
        .map(|sentence| {
            let mut words: Vec<&str> = sentence.split_whitespace().take(MOST_WORDS).collect();
            words.sort_unstable();
            words.dedup();
            words
        })
        .collect();
    let mut most: f64 = 0.0;
    for (at, one) in words.iter().enumerate() {
        for other in &words[..at] {
            let least = one.len().min(other.len()).max(1);
            most = most.max(count(in_both(one, other)) / count(least));
        }
    }
    most
}

/// Of sorted lists.
fn in_both(one: &[&str], other: &[&str]) -> usize {
    let mut rest = other;
    let mut both = 0;
    for word in one {
        let before = rest.iter().take_while(|other| *other < word).count();
        rest = &rest[before..];
        both += usize::from(rest.first() == Some(word));
    }
    both
}

fn main_words(pair: &Pair<'_>) -> f64 {
    let mut times: HashMap<u32, usize> = HashMap::new();
    for stem in &pair.prompt.stems {
        *times.entry(*stem).or_default() += 1;
    }
    let content = pair.prompt.content.iter();
    let mut ranked: Vec<(usize, u32)> = content
        .map(|stem| (times.get(stem).copied().unwrap_or(0), *stem))
        .collect();
    // Stable: of words that are as frequent, those that come first.
    ranked.sort_by_key(|(times, _)| std::cmp::Reverse(*times));
    ranked.truncate(MAIN_WORDS);
    let found = ranked.iter().filter(|(_, stem)| pair.reply.says(*stem));
    count(found.count()) / count(ranked.len().max(1))
}

fn lead(pair: &Pair<'_>) -> f64 {
    let first: HashSet<u32> = pair.prompt.stems.iter().take(LEAD_WORDS).copied().collect();
    let first = first.into_iter().filter(|stem| pair.stem(*stem).len() > 3);
    let (all, said) = first.fold((0, 0), |(all, said), stem| {
        (all + 1, said + usize::from(pair.reply.says(stem)))
    });
    count(said) / count(all.max(1))
}
