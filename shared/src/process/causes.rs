//! Errors of libraries, whose own text often says nothing and whose cause does.

use std::error::Error;

/// The innermost reason.
pub fn innermost(error: &dyn Error) -> String {
    let mut reason = error;
    while let Some(source) = reason.source() {
        reason = source;
    }
    reason.to_string()
}

/// An error with all that caused it, each said once.
pub fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text += &format!(": {said}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("no connection")]
    struct Outer(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Inner(#[source] io::Error);

    #[test]
    fn every_cause_is_said_once_and_the_last_by_itself() {
        let error = Outer(Inner(io::Error::other("refused")));
        assert_eq!(causes(&error), "no connection: refused");
        assert_eq!(innermost(&error), "refused");
    }
}
