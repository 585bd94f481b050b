//! Where a server is: one address, or those of several that stand in for each other.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// At least one, in the order in which they are tried first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses(Vec<String>);

impl Addresses {
    /// All of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// How many; never none.
    #[allow(clippy::len_without_is_empty, reason = "it never is")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// One of them, the first again after the last.
    pub fn around(&self, at: usize) -> &str {
        &self.0[at % self.0.len()]
    }
}

impl From<String> for Addresses {
    fn from(address: String) -> Self {
        Self(vec![address])
    }
}

impl From<&str> for Addresses {
    fn from(address: &str) -> Self {
        Self::from(address.to_owned())
    }
}

impl Serialize for Addresses {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [one] => one.serialize(serializer),
            several => several.serialize(serializer),
        }
    }
}

/// As it is written.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "this is neither an address nor a list of them, as in \"http://a:8082\" or [\"http://a:8082\", \"http://b:8082\"]"
)]
enum Written {
    One(String),
    Several(Vec<String>),
}

impl<'de> Deserialize<'de> for Addresses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let list = match Written::deserialize(deserializer)? {
            Written::One(address) => vec![address],
            Written::Several(list) => list,
        };
        if list.is_empty() {
            let message = "[] is not allowed, it must have at least one address";
            return Err(D::Error::custom(message));
        }
        for (index, address) in list.iter().enumerate() {
            if list[..index].contains(address) {
                return Err(D::Error::custom(format!("{address:?} is in it twice")));
            }
        }
        Ok(Self(list))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::config::parse;

    #[derive(Debug, Deserialize, Serialize)]
    struct Root {
        grpc: Addresses,
    }

    fn read(text: &str) -> Result<Root, String> {
        parse(text, "f").map_err(|e| e.to_string())
    }

    #[test]
    fn one_and_several_are_read_and_written_as_they_were() {
        for text in ["grpc = \"a\"\n", "grpc = [\"a\", \"b\"]\n"] {
            let root = read(text).expect(text);
            assert_eq!(toml::to_string(&root).expect("written"), text);
            assert_eq!(root.grpc.around(root.grpc.len()), "a");
        }
    }

    #[test]
    fn none_and_two_of_the_same_are_refused_with_what_would_be_right() {
        for (text, said) in [
            (
                "grpc = []",
                "f:1: grpc: [] is not allowed, it must have at least one address",
            ),
            ("grpc = [\"a\", \"a\"]", "f:1: grpc: \"a\" is in it twice"),
            (
                "grpc = 5",
                "f:1: grpc: this is neither an address nor a list of them",
            ),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.starts_with(said), "{error}");
        }
    }
}
