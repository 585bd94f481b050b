//! What commands have in common that ask a running Floopy.

use clap::Args;
use http::Method;
use serde_json::Value;

use super::{
    ClientError, Remote, Source,
    tables::{self, Column},
};
use crate::console::Console;

/// What is shown, and of whom it is asked.
#[derive(Debug, Args)]
pub(crate) struct Asked<R: Source = Remote> {
    #[command(flatten)]
    pub(super) remote: R,
    /// Print the answer as it came
    #[arg(long)]
    pub(super) json: bool,
}

impl<R: Source> Asked<R> {
    /// A whole list, page by page where it has several only its first.
    pub(super) async fn list(
        &self,
        path: &str,
        columns: &[Column],
        console: &mut Console,
    ) -> Result<(), ClientError> {
        let found = self.listed(path, columns, console).await?;
        if found["has_more"] == true && !self.json {
            console.complain("there are more; --limit shows up to 200");
        }
        Ok(())
    }

    /// A page of a list, and how to go on where the command takes `--after`.
    pub(super) async fn page(
        &self,
        path: &str,
        columns: &[Column],
        console: &mut Console,
    ) -> Result<(), ClientError> {
        let found = self.listed(path, columns, console).await?;
        if let Some(next) = found["next_cursor"].as_str().filter(|_| !self.json) {
            console.complain(&format!("there are more; go on with --after {next}"));
        }
        Ok(())
    }

    async fn listed(
        &self,
        path: &str,
        columns: &[Column],
        console: &mut Console,
    ) -> Result<Value, ClientError> {
        let found = self.remote.client()?.ask(Method::GET, path, None).await?;
        self.show(console, &found, |found| {
            tables::of(&items(found, "/items"), columns)
        });
        Ok(found)
    }

    pub(super) async fn delete(
        &self,
        at: &str,
        id: &str,
        console: &mut Console,
    ) -> Result<(), ClientError> {
        let client = self.remote.client()?;
        let path = format!("{at}/{}", escaped(id));
        let gone = client.ask(Method::DELETE, &path, None).await?;
        self.show(console, &gone, |_| format!("{id} is gone"));
        Ok(())
    }

    pub(super) fn show(
        &self,
        console: &mut Console,
        answer: &Value,
        table: impl FnOnce(&Value) -> String,
    ) {
        if self.json {
            console.say(&answer.to_string());
        } else {
            console.say(&table(answer));
        }
    }
}

/// A list within an answer.
pub(super) fn items(answer: &Value, pointer: &str) -> Vec<Value> {
    let items = answer.pointer(pointer).and_then(Value::as_array);
    items.cloned().unwrap_or_default()
}

/// The pairs that have values.
pub(super) fn query(pairs: &[(&str, &Option<String>)]) -> String {
    let pair = |(name, value): &(&str, &Option<String>)| {
        let value = value.as_deref()?;
        Some(format!("{name}={}", escaped(value)))
    };
    pairs.iter().filter_map(pair).collect::<Vec<_>>().join("&")
}

/// All but letters, digits and what RFC 3986 calls unreserved.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_escaped_and_what_is_not_given_is_not_said() {
        let some = Some("a b/ü".to_owned());
        assert_eq!(query(&[("x", &some), ("y", &None)]), "x=a%20b%2F%C3%BC");
    }
}
