//! Puts the built dashboard (`dashboard/dist`) into the program; without one there is nothing to put in.

use std::{
    env,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let dist = root.join("dashboard/dist");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=dashboard/dist");
    let mut found = Vec::new();
    if dist.is_dir() {
        files(&dist, &mut found)?;
    }
    found.sort();
    let mut text = String::from("static ASSETS: &[Asset] = &[\n");
    for path in &found {
        let is_packed = path
            .extension()
            .is_some_and(|end| end == "br" || end == "gz");
        let Some(name) = path.strip_prefix(&dist).ok().and_then(Path::to_str) else {
            continue;
        };
        if is_packed || name.starts_with('.') {
            continue;
        }
        let include = |path: &Path| format!("include_bytes!({:?})", path.display().to_string());
        let packed = |end: &str| {
            let beside = PathBuf::from(format!("{}.{end}", path.display()));
            let is_there = found.binary_search(&beside).is_ok();
            is_there
                .then(|| include(&beside))
                .map_or("None".into(), |it| format!("Some({it})"))
        };
        let (plain, brotli, gzip) = (include(path), packed("br"), packed("gz"));
        let line = writeln!(
            text,
            "    Asset {{ path: {name:?}, plain: {plain}, brotli: {brotli}, gzip: {gzip} }},"
        );
        line.map_err(io::Error::other)?;
    }
    text.push_str("];\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("dashboard.rs"), text)
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files(&path, found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}
