//! The words, numbers and signs of a text.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Word,
    Number,
    Symbol,
    /// Ends a clause.
    Stop,
    /// Ends a sentence.
    End,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    /// In small letters.
    pub(crate) text: String,
    pub(crate) kind: Kind,
    /// Stands within quotation marks.
    pub(crate) is_quoted: bool,
    /// Stands in capitals where the text does not.
    pub(crate) is_shouted: bool,
    /// It had an `'s` that makes it somebody's.
    pub(crate) is_owner: bool,
}

/// Words after which `'s` is short for `is`.
const WITH_IS: [&str; 13] = [
    "what", "who", "where", "how", "it", "that", "there", "here", "he", "she", "when", "why",
    "this",
];
const QUOTES: [char; 7] = ['"', '“', '”', '„', '«', '»', '`'];
const SYMBOLS: &str = "$€£¥%+*/=<>&@#^~|\\_{}[]°§";

/// The tokens of a text, in order.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let text = text.replace(['’', '‘', '´'], "'");
    let mut reader = Reader {
        has_small: text.chars().any(char::is_lowercase),
        chars: text.chars().collect(),
        at: 0,
        is_quoted: false,
        out: Vec::new(),
    };
    reader.read();
    reader.out
}

struct Reader {
    chars: Vec<char>,
    at: usize,
    has_small: bool,
    is_quoted: bool,
    out: Vec<Token>,
}

impl Reader {
    fn read(&mut self) {
        while let Some(&c) = self.chars.get(self.at) {
            if c.is_ascii_digit() {
                self.number();
            } else if is_han(c) {
                self.push(c.to_string(), Kind::Word);
                self.at += 1;
            } else if c.is_alphabetic() {
                self.word();
            } else {
                self.sign(c);
                self.at += 1;
            }
        }
    }

    fn peek(&self, ahead: usize) -> char {
        self.chars.get(self.at + ahead).copied().unwrap_or(' ')
    }

    fn push(&mut self, text: String, kind: Kind) {
        self.out.push(Token {
            text,
            kind,
            is_quoted: self.is_quoted,
            is_shouted: false,
            is_owner: false,
        });
    }

    fn sign(&mut self, c: char) {
        let between_digits = self.at > 0
            && self.chars[self.at - 1].is_ascii_digit()
            && self.peek(1).is_ascii_digit();
        match c {
            _ if QUOTES.contains(&c) => self.is_quoted = !self.is_quoted,
            '.' | '!' | '?' | '…' | '\n' | '。' | '？' | '！' | '¿' | '¡' => {
                self.push(String::new(), Kind::End);
            }
            ':' | '-' if between_digits => self.push(c.to_string(), Kind::Symbol),
            // Before a number it makes it another one.
            '-' | '−' if self.peek(1).is_ascii_digit() => self.push("-".to_owned(), Kind::Symbol),
            ',' | ';' | ':' | '(' | ')' | '—' | '–' | '，' => {
                self.push(String::new(), Kind::Stop)
            }
            _ if SYMBOLS.contains(c) || (!c.is_whitespace() && !"'-".contains(c)) => {
                self.push(c.to_string(), Kind::Symbol);
            }
            _ => {}
        }
    }

    fn number(&mut self) {
        let mut text = String::new();
        loop {
            let c = self.peek(0);
            if c.is_ascii_digit() {
                text.push(c);
            } else if c == '.' && self.peek(1).is_ascii_digit() {
                text.push('.');
            } else if c == ',' && self.is_thousands() {
                // Says nothing.
            } else if c == ',' && self.peek(1).is_ascii_digit() {
                text.push('.');
            } else {
                break;
            }
            self.at += 1;
        }
        let suffix: String = self.chars[self.at..].iter().take(2).collect();
        let is_ordinal = ["st", "nd", "rd", "th"].contains(&suffix.to_lowercase().as_str())
            && !self.peek(2).is_alphanumeric();
        if is_ordinal {
            text.push_str("th");
            self.at += 2;
        }
        self.push(text, Kind::Number);
    }

    /// Whether three digits and no fourth one follow.
    fn is_thousands(&self) -> bool {
        (1..=3).all(|ahead| self.peek(ahead).is_ascii_digit()) && !self.peek(4).is_ascii_digit()
    }

    fn word(&mut self) {
        let start = self.at;
        let mut text = String::new();
        loop {
            let (c, next) = (self.peek(0), self.peek(1));
            if is_han(c) {
                break;
            } else if c.is_alphanumeric() || is_mark(c) {
                text.extend(c.to_lowercase());
            } else if c == '\'' && next.is_alphabetic() {
                text.push(c);
            } else if c == '-' && next.is_alphabetic() {
                // `e-mail` is `email`.
            } else if c == '.' && next.is_alphanumeric() {
                text.push(c);
            } else {
                break;
            }
            self.at += 1;
        }
        let letters = self.chars[start..self.at]
            .iter()
            .filter(|c| c.is_alphabetic());
        let in_capitals = letters.clone().all(|c| c.is_uppercase()) && letters.count() > 1;
        let first = self.out.len();
        self.expand(&text);
        for token in &mut self.out[first..] {
            token.is_shouted = in_capitals && self.has_small;
        }
    }

    /// Writes short forms out.
    fn expand(&mut self, text: &str) {
        let two = match text {
            "cannot" | "can't" => Some(("can", "not")),
            "won't" => Some(("will", "not")),
            "let's" => Some(("let", "us")),
            _ => None,
        };
        let ends = [
            ("n't", "not"),
            ("'m", "am"),
            ("'re", "are"),
            ("'ve", "have"),
            ("'ll", "will"),
            ("'d", "would"),
        ];
        let by_ending = || {
            let mut found = ends
                .iter()
                .filter_map(|(end, word)| Some((text.strip_suffix(end)?, *word)));
            found.next()
        };
        if let Some((first, second)) = two.or_else(by_ending) {
            self.push(first.to_owned(), Kind::Word);
            return self.push(second.to_owned(), Kind::Word);
        }
        match text.strip_suffix("'s") {
            Some(word) if WITH_IS.contains(&word) => {
                self.push(word.to_owned(), Kind::Word);
                self.push("is".to_owned(), Kind::Word);
            }
            Some(word) => {
                self.push(word.to_owned(), Kind::Word);
                if let Some(token) = self.out.last_mut() {
                    token.is_owner = true;
                }
            }
            None => self.push(text.to_owned(), Kind::Word),
        }
    }
}

/// Written without spaces: each character is a word.
fn is_han(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}')
}

fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{900}'..='\u{97f}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(text: &str) -> String {
        let shown = tokens(text).into_iter().map(|token| match token.kind {
            Kind::Stop => ",".to_owned(),
            Kind::End => ".".to_owned(),
            Kind::Word | Kind::Number | Kind::Symbol => token.text,
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn texts_are_taken_apart() {
        for (text, expected) in [
            ("What's France's capital?", "what is france capital ."),
            (
                "I can't, won’t and don't",
                "i can not , will not and do not",
            ),
            (
                "1,000.50 km, 2nd; 3,5 and 10:30",
                "1000.50 km , 2th , 3.5 and 10 : 30",
            ),
            ("e-mail node.js U.S.", "email node.js u.s ."),
            ("5km for -3°C", "5 km for - 3 ° c"),
            ("日本 is big", "日 本 is big"),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }

    #[test]
    fn quotes_and_capitals_are_seen() {
        let found = tokens("Does the US say \"big\" now");
        let quoted: Vec<&str> = found
            .iter()
            .filter(|t| t.is_quoted)
            .map(|t| &*t.text)
            .collect();
        let shouted: Vec<&str> = found
            .iter()
            .filter(|t| t.is_shouted)
            .map(|t| &*t.text)
            .collect();
        assert_eq!((quoted, shouted), (vec!["big"], vec!["us"]));
    }

    proptest! {
        #[test]
        fn whatever_is_read_ends(text in "\\PC{0,200}") {
            prop_assert!(tokens(&text).len() <= 2 * text.chars().count());
        }
    }
}
