//! Whether two questions ask the same: a small model of sentences, built in, and a check of every word.
//!
//! `embed` makes a short vector of a text, `rows` finds the nearest of many, and `verify` says whether the answer to one
//! may be given to the other. The vectors only propose: what is accepted has passed the check. Pure functions, no I/O.

pub mod answers;
pub mod embed;
mod lexicon;
pub mod rows;
mod stem;
mod text;
pub mod verify;
