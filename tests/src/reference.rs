//! The reference of the configuration, made from the code: keys and their words from the sources, defaults from what
//! runs.

mod render;
mod source;

use std::collections::BTreeMap;

use self::{render::Section, source::Sources};

/// One program's file.
#[derive(Debug)]
pub struct File {
    pub name: &'static str,
    /// Whose it is, in a sentence.
    pub about: &'static str,
    /// The crate of its root, and the root.
    root: (&'static str, &'static str),
    defaults: toml::Value,
}

/// The files of all programs.
pub fn files() -> Vec<File> {
    let value = |config: Result<toml::Value, toml::ser::Error>| config.expect("defaults serialise");
    let file = |name, about, krate, defaults| File {
        name,
        about,
        root: (krate, "Config"),
        defaults,
    };
    vec![
        file(
            "floopy.toml",
            "`floopy`, everything in one process. Read from the working directory where it is there, or from \
             `--config FILE`.",
            "deploy/standalone",
            value(toml::Value::try_from(
                floopy_standalone::config::Config::default(),
            )),
        ),
        file(
            "dataplane.toml",
            "`floopy-dataplane --config FILE`, a proxy of its own.",
            "dataplane",
            value(toml::Value::try_from(floopy_dataplane::Config::default())),
        ),
        file(
            "controlplane.toml",
            "`floopy-controlplane --config FILE`.",
            "controlplane",
            value(toml::Value::try_from(floopy_controlplane::Config::default())),
        ),
        file(
            "judge-worker.toml",
            "`floopy-judge-worker --config FILE`.",
            "judge-worker",
            value(toml::Value::try_from(floopy_judge_worker::Config::default())),
        ),
    ]
}

/// The whole page.
pub fn page() -> String {
    let sources = Sources::read();
    let mut page = render::Page::default();
    page.head();
    let mut told = BTreeMap::new();
    for file in files() {
        page.file(&file);
        let root = sources.find(file.root.0, file.root.1);
        let sections = Section::of_file(&sources, root, &file.defaults);
        for section in &sections {
            let there: Option<&String> = told.get(&section.place());
            page.section(&sources, section, there.map(String::as_str));
            told.entry(section.place())
                .or_insert_with(|| section.title());
        }
    }
    page.environment();
    page.text
}

/// Environment variables that the code reads and the page does not tell of.
pub fn untold_variables(page: &str) -> Vec<String> {
    let mut named = source::variables();
    named.retain(|name| !page.contains(&format!("`{name}`")));
    named.into_iter().collect()
}
