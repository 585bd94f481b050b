//! What a prompt is made of: who spoke, what was said last, what text it brings along, what values it lists.

/// A prompt taken apart, as the proxy writes it: `role: text` for each message, one below the other.
#[derive(Debug)]
pub(super) struct Form<'a> {
    /// What is to be replied to.
    pub(super) last: &'a str,
    /// Turns of a conversation, the last included; 1 where there is no other.
    pub(super) turns: usize,
    /// The first message, where there are more.
    pub(super) background: &'a str,
    /// It brings a long text along and asks for it in short.
    pub(super) is_summary: bool,
    /// Values that the reply is to say, of prompts such as `inform(name='x', area=y)`.
    pub(super) values: Vec<(&'a str, &'a str)>,
}

/// Turns of which a conversation is one that has gone on.
const TALK_TURNS: usize = 3;
/// A list of values is short and stands nearly alone; anywhere else `=` stands for something else.
const RECORD_BYTES: usize = 600;
const AROUND_BYTES: usize = 120;

/// Words of a paragraph that is a text brought along rather than a question.
const SOURCE_WORDS: usize = 60;

/// Beginnings of words that ask for a summary.
#[rustfmt::skip]
const SUMMARY: &[&str] = &[
    "summar", "tl;dr", "in short", "condense", "headline", "resum", "résum", "riassu", "zusammenfass", "samenvat",
    "кратко", "резюм", "摘要", "总结", "總結", "要約", "요약",
];

const ROLES: &[&str] = &["user: ", "assistant: ", "system: ", "developer: ", "tool: "];

impl<'a> Form<'a> {
    pub(super) fn read(prompt: &'a str) -> Self {
        let turns: Vec<&str> = turns(prompt);
        let spoken = turns.iter().filter(|turn| is_spoken(turn)).count();
        let last = turns.last().copied().unwrap_or_default();
        let last = without_role(last);
        let longest = prompt
            .split('\n')
            .map(without_role)
            .max_by_key(|paragraph| paragraph.len())
            .unwrap_or_default();
        let is_long = longest.split_whitespace().nth(SOURCE_WORDS).is_some();
        let asked = without_source(prompt, longest, is_long).to_lowercase();
        let asks = SUMMARY.iter().any(|word| asked.contains(word));
        // An article and nothing else is taken to be there for its summary.
        let is_alone = longest.len() * 10 >= prompt.len() * 9;
        Self {
            last,
            turns: spoken.max(1),
            background: if turns.len() > 1 {
                without_role(turns[0])
            } else {
                ""
            },
            is_summary: is_long && (asks || is_alone),
            values: values(last),
        }
    }
}

/// What prompts are told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A text to be told in short.
    Summary,
    /// A list of values to be said.
    Record,
    /// A conversation that has gone on for a while.
    Talk,
    /// Anything else.
    Plain,
}

impl Kind {
    /// Share of the rules in a score. A record is put into one sentence: what rules say of length misleads there.
    pub(super) fn ruled(self) -> f64 {
        match self {
            Self::Summary | Self::Talk => 0.3,
            Self::Record => 0.0,
            Self::Plain => 1.0,
        }
    }
}

impl Form<'_> {
    pub(super) fn kind(&self) -> Kind {
        if self.is_summary {
            Kind::Summary
        } else if self.turns >= TALK_TURNS {
            Kind::Talk
        } else if !self.values.is_empty() {
            Kind::Record
        } else {
            Kind::Plain
        }
    }
}

/// What is around the text that was brought along.
fn without_source(prompt: &str, source: &str, is_long: bool) -> String {
    if is_long {
        prompt.replace(source, " ")
    } else {
        prompt.to_owned()
    }
}

fn is_spoken(turn: &str) -> bool {
    !["system: ", "developer: ", "tool: "]
        .iter()
        .any(|role| turn.starts_with(role))
}

fn without_role(turn: &str) -> &str {
    let role = ROLES.iter().find_map(|role| turn.strip_prefix(role));
    role.unwrap_or(turn).trim()
}

/// By roles where there are any; otherwise all is one turn.
fn turns(prompt: &str) -> Vec<&str> {
    let mut starts: Vec<usize> = Vec::new();
    let mut at = 0;
    for line in prompt.split_inclusive('\n') {
        if at == 0 || ROLES.iter().any(|role| line.starts_with(role)) {
            starts.push(at);
        }
        at += line.len();
    }
    starts.push(prompt.len());
    let turns = starts
        .windows(2)
        .map(|ends| prompt[ends[0]..ends[1]].trim());
    turns.filter(|turn| !turn.is_empty()).collect()
}

/// Names and values of `act(name=value, ...)`, with or without quotation marks, where there is little else.
fn values(text: &str) -> Vec<(&str, &str)> {
    let Some(open) = text.find('(').filter(|at| is_call(&text[..*at])) else {
        return Vec::new();
    };
    let around = text[..open].len() + text.rsplit(')').next().map_or(0, str::len);
    if around > AROUND_BYTES || text.len() > RECORD_BYTES {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut rest = &text[open + 1..];
    while let Some(at) = rest.find('=') {
        let name = rest[..at].rsplit(|c: char| !c.is_alphanumeric() && c != '_');
        let name = name.into_iter().next().unwrap_or_default();
        let after = &rest[at + 1..];
        let (value, end) = value(after);
        if !name.is_empty() && !value.is_empty() {
            found.push((name, value));
        }
        rest = after.get(end..).unwrap_or_default();
    }
    found
}

fn is_call(before: &str) -> bool {
    before.ends_with(|c: char| c.is_alphanumeric() || c == '_')
}

fn value(text: &str) -> (&str, usize) {
    for quote in ['\'', '"'] {
        if let Some(inner) = text.strip_prefix(quote) {
            // An apostrophe within the value is not its end.
            let ends = inner.match_indices(quote).map(|(at, _)| at);
            let mut ends = ends.filter(|at| {
                let next = inner[at + 1..].chars().next();
                next.is_none_or(|c| !c.is_alphanumeric())
            });
            let end = ends.next().unwrap_or(inner.len());
            return (&inner[..end], (end + 2).min(text.len()));
        }
    }
    let end = text
        .find([',', ')', ';', '&', ' ', '\n', '='])
        .unwrap_or(text.len());
    (&text[..end], end)
}
