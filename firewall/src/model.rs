//! A classifier of windows of tokens, run by ONNX Runtime on the thread that asks.
//!
//! The contract: the input `ids`, windows × tokens × slots of 32-bit rows with 0 for nothing; the outputs `score`, for
//! each window how probably it is an attack, and `focus`, for each of its tokens how much it was looked at. Any network
//! with these names and with the tables that it was trained on can be loaded instead of the one that is built in.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use ort::{
    session::{Session, SessionOutputs, builder::GraphOptimizationLevel},
    value::TensorRef,
};

use crate::tables::{InvalidTables, Tables};

/// Windows that are given to the network at once.
const BATCH: usize = 16;

/// Why there is no model, or no score.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error("ONNX Runtime can not be loaded from {path}: {why}")]
    Library { path: PathBuf, why: String },
    #[error(transparent)]
    Tables(#[from] InvalidTables),
    #[error("the model can not be loaded")]
    Load(#[source] ort::Error),
    #[error("the model failed on a window")]
    Run(#[source] ort::Error),
    #[error("the model's output `{name}` has {found} numbers, {expected} are needed")]
    Output {
        name: &'static str,
        found: usize,
        expected: usize,
    },
}

/// The files of a model.
#[derive(Debug, Clone, Copy)]
pub struct Files<'a> {
    pub network: &'a [u8],
    pub tokenizer: &'a str,
}

/// The model that is part of the program.
pub const BUILT_IN: Files<'static> = Files {
    network: include_bytes!("../model/model.onnx"),
    tokenizer: include_str!("../model/tokenizer.json"),
};

/// What the network says of a window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scored {
    /// 0 to 1.
    pub(crate) score: f32,
    /// The token that it looked at most.
    pub(crate) focus: usize,
}

/// A network with its tables. Each thread that scores has its own.
pub struct Model {
    pub(crate) tables: Tables,
    session: Session,
}

impl Model {
    /// Loads a model into the ONNX Runtime of this library file. All models of a process use the library of the first.
    pub fn load(library: &Path, files: Files<'_>) -> Result<Self, ModelError> {
        let tables = Tables::read(files.tokenizer)?;
        open_library(library)?;
        let session = open_session(files.network).map_err(ModelError::Load)?;
        Ok(Self { tables, session })
    }

    /// Scores windows, each of them the rows of its tokens.
    pub(crate) fn score(&mut self, windows: &[&[i32]]) -> Result<Vec<Scored>, ModelError> {
        let mut out = Vec::with_capacity(windows.len());
        for batch in windows.chunks(BATCH) {
            self.batch(batch, &mut out)?;
        }
        Ok(out)
    }

    fn batch(&mut self, windows: &[&[i32]], out: &mut Vec<Scored>) -> Result<(), ModelError> {
        let slots = self.tables.slots;
        let longest = windows.iter().map(|rows| rows.len()).max().unwrap_or(0);
        let mut ids = vec![0_i32; windows.len() * longest];
        for (to, from) in ids.chunks_mut(longest.max(1)).zip(windows) {
            to[..from.len()].copy_from_slice(from);
        }
        let tokens = longest / slots;
        let shape = [windows.len(), tokens, slots];
        let input = TensorRef::from_array_view((shape, &*ids)).map_err(ModelError::Run)?;
        let outputs = self.session.run(ort::inputs!["ids" => input]);
        let outputs = outputs.map_err(ModelError::Run)?;
        let scores = numbers(&outputs, "score", windows.len())?;
        let focus = numbers(&outputs, "focus", windows.len() * tokens)?;
        let most = |shares: &[f32]| {
            let best = shares.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
            best.map_or(0, |(at, _)| at)
        };
        let scored = scores.iter().zip(focus.chunks(tokens.max(1)));
        out.extend(scored.map(|(score, shares)| Scored {
            score: *score,
            focus: most(shares),
        }));
        Ok(())
    }
}

/// An output of the network, which must have so many numbers.
fn numbers<'a>(
    outputs: &'a SessionOutputs<'_>,
    name: &'static str,
    expected: usize,
) -> Result<&'a [f32], ModelError> {
    let wrong = |found| ModelError::Output {
        name,
        found,
        expected,
    };
    let output = outputs.get(name).ok_or_else(|| wrong(0))?;
    let (_, numbers) = output.try_extract_tensor().map_err(ModelError::Run)?;
    if numbers.len() == expected {
        Ok(numbers)
    } else {
        Err(wrong(numbers.len()))
    }
}

/// Loads the library without panicking: the crate `ort` does where it is missing or too old.
fn open_library(library: &Path) -> Result<(), ModelError> {
    let failed = |why: String| ModelError::Library {
        path: library.to_owned(),
        why,
    };
    let path = library.canonicalize().map_err(|e| failed(e.to_string()))?;
    ort::util::preload_dylib(&path).map_err(|e| failed(e.to_string()))?;
    let opened = catch_unwind(AssertUnwindSafe(|| {
        ort::init_from(path.display())
            .with_telemetry(false)
            .commit()
    }));
    let too_old = || failed("it is no ONNX Runtime, or one before 1.22".to_owned());
    let opened = opened.map_err(|_| too_old())?;
    opened.map(|_| ()).map_err(|e| failed(e.to_string()))
}

/// One thread: whoever scores decides how many there are.
fn open_session(network: &[u8]) -> ort::Result<Session> {
    Session::builder()?
        .with_optimization_level(GraphOptimizationLevel::Level3)?
        .with_intra_threads(1)?
        .with_inter_threads(1)?
        .commit_from_memory(network)
}
