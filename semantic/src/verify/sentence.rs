//! One sentence, as what it says before any preposition and after each of them.

/// First characters of units that are no plain words.
pub(super) const NEGATION: char = '!';
pub(super) const NUMBER: char = '#';
pub(super) const ASKING: char = '?';
pub(super) const TIME: char = '~';

/// What follows a preposition, or stands before all of them where there is none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Segment {
    pub(super) marker: String,
    pub(super) units: Vec<String>,
}

/// A sentence without what says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Sentence {
    pub(super) segments: Vec<Segment>,
    /// An `'s` said `of`.
    pub(super) has_owner: bool,
}

/// Phrases with these may stand anywhere in their sentence.
const MOVABLE: [&str; 14] = [
    "from", "to", "in", "on", "at", "for", "during", "by", "de", "para", "em", "en", "desde", "até",
];
/// With these in the sentence others still may.
const STILL: [&str; 6] = ["", "of", "with", "about", "between", "com"];

impl Sentence {
    pub(super) fn sorted_units(&self) -> Vec<&str> {
        let units = self.segments.iter().flat_map(|segment| &segment.units);
        let mut units: Vec<&str> = units.map(String::as_str).collect();
        units.sort_unstable();
        units
    }

    /// Whether the same words stand in the same places.
    pub(super) fn says_the_same_as(&self, other: &Self) -> bool {
        if self.segments == other.segments {
            return true;
        }
        let owners = self.has_owner || other.has_owner;
        let is_free = |segment: &Segment| {
            let marker = segment.marker.as_str();
            MOVABLE.contains(&marker) || STILL.contains(&marker)
        };
        let mut all = self.segments.iter().chain(&other.segments);
        all.all(is_free) && self.rearranged(owners) == other.rearranged(owners)
    }

    /// The segments in an order of their own, as far as theirs says nothing: one after a preposition that comes once may
    /// stand anywhere. Those without one are one.
    fn rearranged(&self, owners: bool) -> (Vec<&str>, Vec<&Segment>, Vec<&Segment>) {
        let marker = |segment: &&Segment| segment.marker.clone();
        let (plain, others): (Vec<&Segment>, Vec<&Segment>) = self
            .segments
            .iter()
            .partition(|segment| segment.marker.is_empty());
        let head = plain
            .iter()
            .flat_map(|s| &s.units)
            .map(String::as_str)
            .collect();
        let is_alone = |of: &&Segment| others.iter().filter(|s| s.marker == of.marker).count() == 1;
        let may_move = |segment: &&Segment| {
            let is_movable = MOVABLE.contains(&segment.marker.as_str());
            is_alone(segment) && (is_movable || (owners && segment.marker == "of"))
        };
        let (mut moved, fixed): (Vec<&Segment>, Vec<&Segment>) =
            others.iter().copied().partition(may_move);
        moved.sort_by_key(marker);
        (head, moved, fixed)
    }
}
