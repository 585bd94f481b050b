//! What a caller says a call belongs to: to find it again by, and to sum by. Nothing is decided by it.

use std::collections::BTreeMap;

/// Bytes of a value.
pub const VALUE_BYTES: usize = 256;
/// Bytes of a property's name.
pub const NAME_BYTES: usize = 64;
/// Properties of one call.
pub const MAX_PROPERTIES: usize = 20;

/// Whether a value can be kept: 1 to 256 bytes without control characters.
pub fn is_value(value: &str) -> bool {
    (1..=VALUE_BYTES).contains(&value.len()) && !value.chars().any(char::is_control)
}

/// What a call is found again by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tags {
    /// What people call the session.
    pub session_name: Option<String>,
    /// Where in the application it belongs, such as `/app/onboarding`.
    pub session_path: Option<String>,
    /// The end user.
    pub user: Option<String>,
    /// The caller's own, by their names.
    pub properties: BTreeMap<String, String>,
}

impl Tags {
    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// As text in which each tag is a line: a call has a tag if its text contains [`Tag::line`] of it. No value has a
    /// line break.
    pub fn lines(&self) -> String {
        self.all().map(Tag::line).collect()
    }

    fn all(&self) -> impl Iterator<Item = Tag<'_>> {
        let named = [
            self.session_name.as_deref().map(Tag::SessionName),
            self.session_path.as_deref().map(Tag::SessionPath),
            self.user.as_deref().map(Tag::User),
        ];
        let own = self.properties.iter();
        let own = own.map(|(name, value)| Tag::Property(name, value));
        named.into_iter().flatten().chain(own)
    }
}

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag<'a> {
    SessionName(&'a str),
    SessionPath(&'a str),
    User(&'a str),
    /// A name and its value. Names are those of headers, so none has an equals sign.
    Property(&'a str, &'a str),
}

impl Tag<'_> {
    /// The line that texts with this tag contain, between its line breaks.
    pub fn line(self) -> String {
        match self {
            Self::SessionName(name) => format!("\nsession_name={name}\n"),
            Self::SessionPath(path) => format!("\nsession_path={path}\n"),
            Self::User(user) => format!("\nuser={user}\n"),
            Self::Property(name, value) => format!("\nproperty {name}={value}\n"),
        }
    }
}

/// The value in such a text of the tag that is named like this one, whose own value is empty.
pub fn value_in<'a>(lines: &'a str, named: Tag<'_>) -> Option<&'a str> {
    let line = named.line();
    let begins = line.trim_matches('\n');
    let mut all = lines.split('\n');
    all.find_map(|line| line.strip_prefix(begins))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_contains_its_tags_and_no_others() {
        let tags = Tags {
            session_name: Some("Onboarding".to_owned()),
            user: Some("ann".to_owned()),
            properties: [("plan", "pro"), ("user", "x=y")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            ..Tags::default()
        };
        let text = tags.lines();
        for tag in [
            Tag::SessionName("Onboarding"),
            Tag::User("ann"),
            Tag::Property("plan", "pro"),
            Tag::Property("user", "x=y"),
        ] {
            assert!(text.contains(&tag.line()), "{tag:?}");
        }
        for tag in [
            Tag::SessionName("Onboard"),
            Tag::SessionPath("Onboarding"),
            Tag::User("an"),
            Tag::User("x=y"),
            Tag::Property("plan", "pr"),
            Tag::Property("an", "pro"),
        ] {
            assert!(!text.contains(&tag.line()), "{tag:?}");
        }
        assert_eq!(value_in(&text, Tag::User("")), Some("ann"));
        assert_eq!(value_in(&text, Tag::Property("user", "")), Some("x=y"));
        assert_eq!(value_in(&text, Tag::SessionPath("")), None);
        assert!(Tags::default().lines().is_empty() && Tags::default().is_empty());
    }

    #[test]
    fn values_are_short_and_of_one_line() {
        let longest = "é".repeat(VALUE_BYTES / 2);
        for (value, good) in [
            ("", false),
            ("a b", true),
            ("a\nb", false),
            (&*longest, true),
            (&*format!("{longest}x"), false),
        ] {
            assert_eq!(is_value(value), good, "{value:?}");
        }
    }
}
