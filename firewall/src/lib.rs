//! Whether a text tries to give a model orders that are not its user's: a small classifier, in process.
//!
//! `library` finds ONNX Runtime, `tables` says what each character and token is, `encoded` and `fold` undo disguises, `tokens` cuts, `ids` makes
//! numbers of it, `model` gives them to ONNX Runtime, and `scan` looks at the messages of a call. The model was made by
//! `train/`; `model/CARD.md` says of what, how good it is, and what it misses.

mod encoded;
mod fold;
mod ids;
pub mod library;
pub mod model;
pub mod scan;
pub mod tables;
mod tokens;
