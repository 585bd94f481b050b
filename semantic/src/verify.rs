//! Whether the answer to one question may be given to another: every word of both is accounted for.
//!
//! A question is read as its sentences, each as what it says before any preposition and after each of them. Two ask the
//! same where all of that is equal once polite words are gone and words that always stand for each other are one. So a
//! negation, number, unit, name, date or question word that differs, or an argument in another's place, makes two
//! questions differ, as does any word that is not known to say nothing.

mod read;
mod sentence;

pub use self::read::Reading;
use self::sentence::Sentence;

/// Why two questions are not the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Difference {
    Language,
    /// One says more sentences.
    Length,
    Negation,
    Number,
    /// Another thing is asked for: who, when, how many.
    Asked,
    /// Past, future, may, must.
    Time,
    /// Something is named in one that is not in the other.
    Words,
    /// The same words, in another order or after other prepositions.
    Order,
}

/// Nothing, or why the answer to one question may not be given to the other. Which comes first does not matter.
pub fn verify(one: &Reading, other: &Reading) -> Result<(), Difference> {
    if one.language() != other.language() {
        return Err(Difference::Language);
    }
    let (ours, theirs) = (one.sentences(), other.sentences());
    if ours.len() != theirs.len() {
        return Err(Difference::Length);
    }
    ours.iter().zip(theirs).try_for_each(|(a, b)| compare(a, b))
}

fn compare(one: &Sentence, other: &Sentence) -> Result<(), Difference> {
    let (ours, theirs) = (one.sorted_units(), other.sorted_units());
    if ours != theirs {
        return Err(kind_of(&ours, &theirs));
    }
    if one.says_the_same_as(other) {
        Ok(())
    } else {
        Err(Difference::Order)
    }
}

/// What the units that only one of them has are about, the gravest first.
fn kind_of(ours: &[&str], theirs: &[&str]) -> Difference {
    let only = |these: &[&str], those: &[&str]| -> Vec<char> {
        let mut left: Vec<&str> = those.to_vec();
        let mut found = Vec::new();
        for unit in these {
            match left.iter().position(|other| other == unit) {
                Some(at) => {
                    left.swap_remove(at);
                }
                None => found.extend(unit.chars().next()),
            }
        }
        found
    };
    let mut kinds = only(ours, theirs);
    kinds.extend(only(theirs, ours));
    let by_sign = [
        (sentence::NEGATION, Difference::Negation),
        (sentence::NUMBER, Difference::Number),
        (sentence::ASKING, Difference::Asked),
        (sentence::TIME, Difference::Time),
    ];
    let found = by_sign.iter().find(|(sign, _)| kinds.contains(sign));
    found.map_or(Difference::Words, |(_, difference)| *difference)
}

#[cfg(test)]
mod tests;
