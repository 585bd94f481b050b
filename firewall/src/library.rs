//! Where ONNX Runtime is.

use std::{
    env,
    path::{Path, PathBuf},
};

/// The variable that names it, as everything that uses ONNX Runtime knows it.
pub const VARIABLE: &str = "ORT_DYLIB_PATH";

const NAME: &str = "libonnxruntime.so";
/// Seen from the folder of the program: beside it, as it is installed, and as a checkout has it.
const BESIDE: [&str; 4] = ["", "../lib", "../lib/floopy", "../../.local/lib"];
const SYSTEM: [&str; 2] = ["/usr/local/lib", "/usr/lib"];

/// The file that is named, else the one that the environment names, else the first that is found; the name alone where
/// none is, which nobody can open.
pub fn find(named: Option<&Path>) -> PathBuf {
    if let Some(named) = named {
        return named.to_owned();
    }
    if let Some(named) = env::var_os(VARIABLE).filter(|named| !named.is_empty()) {
        return named.into();
    }
    let program = env::current_exe().ok();
    let folder = program.as_deref().and_then(Path::parent);
    let beside = folder
        .into_iter()
        .flat_map(|folder| BESIDE.map(|place| folder.join(place)));
    let mut places = beside.chain(SYSTEM.map(PathBuf::from));
    places
        .find_map(|place| Some(place.join(NAME)).filter(|file| file.is_file()))
        .unwrap_or_else(|| NAME.into())
}
