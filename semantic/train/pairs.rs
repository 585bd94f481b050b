//! Questions that ask the same and such that only look so, made from `questions.txt`.

use std::collections::HashMap;

use super::random::Random;

static SOURCE: &str = include_str!("questions.txt");

/// Every so many kinds of question are never learned from.
const HELD_OUT_EVERY: usize = 6;

/// A question, the same in other words, and another that looks like it.
pub(super) struct Pair {
    pub(super) question: String,
    pub(super) same: String,
    pub(super) trap: String,
}

/// What is asked, in several ways, with gaps such as `{city}`.
struct Kind {
    language: usize,
    ways: Vec<&'static str>,
    /// What looks like it and asks something else.
    traps: Vec<&'static str>,
}

#[derive(Default)]
struct Language {
    gaps: HashMap<&'static str, Vec<&'static str>>,
    opening: Vec<&'static str>,
    closing: Vec<&'static str>,
}

#[derive(Default)]
pub(super) struct Questions {
    languages: Vec<Language>,
    kinds: Vec<Kind>,
}

type Filling = Vec<(String, &'static str)>;

impl Questions {
    pub(super) fn read() -> Self {
        let mut all = Self::default();
        for line in SOURCE
            .lines()
            .map(str::trim)
            .filter(|line| !line.starts_with('#'))
        {
            if line.starts_with('[') {
                all.languages.push(Language::default());
            } else if let Some((kind, listed)) = line.split_once(':') {
                all.add(kind, listed.split('|').map(str::trim).collect());
            }
        }
        all
    }

    fn add(&mut self, kind: &'static str, listed: Vec<&'static str>) {
        let language = self.languages.len() - 1;
        let Some(own) = self.languages.last_mut() else {
            return;
        };
        match kind {
            "ask" => self.kinds.push(Kind {
                language,
                ways: listed,
                traps: Vec::new(),
            }),
            "trap" => {
                if let Some(last) = self.kinds.last_mut() {
                    last.traps = listed;
                }
            }
            "open" => own.opening = listed,
            "close" => own.closing = listed,
            gap => {
                own.gaps.insert(gap, listed);
            }
        }
    }

    /// Any pair: of the kinds that are learned from, or of the others.
    pub(super) fn pair(&self, held_out: bool, random: &mut Random) -> Pair {
        let at = loop {
            let at = random.below(self.kinds.len());
            if at.is_multiple_of(HELD_OUT_EVERY) == held_out {
                break at;
            }
        };
        let kind = &self.kinds[at];
        let language = &self.languages[kind.language];
        let question = *random.one(&kind.ways);
        let filling = language.fill(question, &kind.ways, random);
        let same = *random.one(&kind.ways);
        Pair {
            question: language.say(question, &filling, random),
            same: language.say(same, &filling, random),
            trap: self.trap(kind, &filling, random),
        }
    }

    /// Another kind that looks alike, the same kind of something else, or its gaps filled the other way round.
    fn trap(&self, kind: &Kind, filling: &Filling, random: &mut Random) -> String {
        let language = &self.languages[kind.language];
        let way = *random.one(&kind.ways);
        if !kind.traps.is_empty() && random.percent(50) {
            let trap = *random.one(&kind.traps);
            return language.say(trap, filling, random);
        }
        if filling.is_empty() {
            let others: Vec<&Kind> = self
                .kinds
                .iter()
                .filter(|k| k.language == kind.language && k.ways != kind.ways)
                .collect();
            let other = random.one(&others);
            let way = *random.one(&other.ways);
            let filling = language.fill(way, &other.ways, random);
            return language.say(way, &filling, random);
        }
        let mut other = filling.clone();
        let at = random.below(other.len());
        let listed = language.listed(&other[at].0);
        while other[at].1 == filling[at].1 && listed.len() > 1 {
            other[at].1 = *random.one::<&str>(listed);
        }
        language.say(way, &other, random)
    }
}

impl Language {
    fn listed(&self, gap: &str) -> &[&'static str] {
        let name = gap.trim_end_matches(|c: char| c.is_ascii_digit());
        self.gaps.get(name).map_or(&[""], Vec::as_slice)
    }

    /// Something for each gap of any way of asking.
    fn fill(&self, question: &str, ways: &[&str], random: &mut Random) -> Filling {
        let mut filling = Filling::new();
        for way in std::iter::once(&question).chain(ways) {
            for gap in way
                .split('{')
                .skip(1)
                .filter_map(|rest| rest.split('}').next())
            {
                if filling.iter().any(|(name, _)| name == gap) {
                    continue;
                }
                let listed = self.listed(gap);
                let mut chosen = *random.one(listed);
                while listed.len() > 4 && filling.iter().any(|(_, other)| *other == chosen) {
                    chosen = *random.one::<&str>(listed);
                }
                filling.push((gap.to_owned(), chosen));
            }
        }
        filling
    }

    /// As somebody might write it.
    fn say(&self, question: &str, filling: &Filling, random: &mut Random) -> String {
        let mut text = question.to_owned();
        for (gap, with) in filling {
            text = text.replace(&format!("{{{gap}}}"), with);
        }
        if random.percent(20) && !self.opening.is_empty() {
            text = format!("{} {text}", random.one(&self.opening));
        }
        if random.percent(10) && !self.closing.is_empty() {
            text = format!("{text}, {}", random.one(&self.closing));
        }
        if random.percent(50) {
            text.push('?');
        }
        if random.percent(30) {
            text = text.to_lowercase();
        }
        text
    }
}
