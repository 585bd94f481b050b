//! What looks at calls for attacks.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What looks at calls for attacks, once a tenant has that done. Until then it costs nothing.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Firewall {
    /// The file of ONNX Runtime, 1.22 or later; absent: what `ORT_DYLIB_PATH` names, else `libonnxruntime.so` beside
    /// the program, in `../lib`, `/usr/local/lib` or `/usr/lib`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub library: Option<PathBuf>,
    /// A folder with another model: `model.onnx` and `tokenizer.json`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<PathBuf>,
    /// Threads that score, each with the model in its memory.
    pub threads: usize,
    /// Calls that wait for one; a tenant has half of the places at most.
    pub queue: usize,
    /// How long a call waits for its score.
    pub deadline_ms: u64,
    /// Of a call, looked at; of longer ones the beginnings and the ends of the messages are.
    pub max_bytes: usize,
}

impl Default for Firewall {
    fn default() -> Self {
        Self {
            library: None,
            model: None,
            threads: 1,
            queue: 256,
            deadline_ms: 300,
            max_bytes: 256 << 10,
        }
    }
}
