//! Counting the tokens of a request (<https://docs.claude.com/en/api/messages-count-tokens>).

use serde::{Deserialize, Serialize};

use super::read;
use crate::{Invalid, InvalidReply, Request};

/// Reads what is to be counted: a request without a limit of its reply.
pub fn read_count_request(body: &[u8]) -> Result<Request, Invalid> {
    read::read(body, false)
}

#[derive(Serialize, Deserialize)]
struct Count {
    input_tokens: u64,
}

/// The reply.
pub fn write_count(input_tokens: u64) -> Vec<u8> {
    serde_json::to_vec(&Count { input_tokens }).unwrap_or_default()
}

/// Reads a reply.
pub fn read_count(body: &[u8]) -> Result<u64, InvalidReply> {
    let count: Result<Count, _> = serde_json::from_slice(body);
    let invalid = |e| InvalidReply(format!("a count that cannot be read: {e}"));
    count.map(|count| count.input_tokens).map_err(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counting_needs_no_limit_and_answers_one_number() {
        let body = br#"{"model":"m","messages":[{"role":"user","content":"Hi"}]}"#;
        let request = read_count_request(body).unwrap();
        assert_eq!(request.sampling.max_output_tokens, None);
        assert!(super::super::read_request(body).is_err());
        assert_eq!(write_count(14), br#"{"input_tokens":14}"#);
        assert_eq!(read_count(&write_count(14)), Ok(14));
        assert_eq!(read_count(br#"{"input_tokens":3,"new":1}"#), Ok(3));
        assert!(read_count(br#"{"input_tokens":-1}"#).is_err() && read_count(b"{}").is_err());
    }
}
