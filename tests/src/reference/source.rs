//! What the sources say of the configuration's structures.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use syn::{
    Attribute, Expr, ExprLit, Fields, GenericArgument, Item, ItemEnum, ItemStruct, Lit, Meta,
    PathArguments, Type, UseTree,
};

/// Where structures of the configuration are.
const ROOTS: [&str; 5] = [
    "deploy/standalone",
    "dataplane",
    "controlplane",
    "judge-worker",
    "shared",
];

/// What files with structures of the configuration have in their paths.
const PLACES: [&str; 4] = ["config", "catalog", "plans.rs", "telemetry.rs"];

/// Structures that the configuration knows by another name.
const RENAMED: [(&str, &str); 1] = [("Model", "Entry")];

/// A key.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub name: String,
    pub doc: String,
    /// The last name in its type, within `Option` and `Vec`.
    pub inner: String,
    /// The crate that the type is said to be of.
    pub of: Option<&'static str>,
    pub is_list: bool,
    pub is_optional: bool,
    pub has_default: bool,
}

/// What a name in the sources is.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Table(Vec<Field>),
    Choice(Vec<(String, String)>),
}

/// One structure.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub krate: &'static str,
    pub name: String,
    pub doc: String,
    pub kind: Kind,
}

/// All structures, by crate and name.
#[derive(Debug, Default)]
pub(super) struct Sources(BTreeMap<(&'static str, String), Found>);

impl Sources {
    pub(super) fn read() -> Self {
        let mut sources = Self::default();
        for krate in ROOTS {
            for path in files(&repository().join(krate).join("src")) {
                let name = path.to_string_lossy();
                if !PLACES.iter().any(|place| name.contains(place)) {
                    continue;
                }
                let text = fs::read_to_string(&path).expect("a source file");
                let parsed = syn::parse_file(&text).expect("it compiles, so it parses");
                let shared = shared_names(&parsed.items);
                for item in parsed.items {
                    sources.take(krate, item, &shared);
                }
            }
        }
        sources
    }

    fn take(&mut self, krate: &'static str, item: Item, shared: &BTreeSet<String>) {
        let found = if let Item::Struct(item) = &item {
            table(krate, item, shared)
        } else if let Item::Enum(item) = &item {
            Some(choice(krate, item))
        } else {
            None
        };
        if let Some(found) = found {
            // Where a name stands twice, the one with keys of its own that are told about is meant.
            self.0
                .entry((krate, found.name.clone()))
                .and_modify(|known| {
                    if known.doc.is_empty() {
                        *known = found.clone();
                    }
                })
                .or_insert(found);
        }
    }

    /// The structure of this name, as it is meant within a crate.
    pub(super) fn get(&self, krate: &str, name: &str) -> Option<&Found> {
        let renamed = RENAMED.iter().find(|(known_as, _)| *known_as == name);
        let name = renamed.map_or(name, |(_, name)| name);
        let by_nearness = std::iter::once(krate).chain(ROOTS);
        by_nearness
            .filter_map(|krate| ROOTS.iter().find(|root| **root == krate))
            .find_map(|krate| self.0.get(&(*krate, name.to_owned())))
    }

    pub(super) fn find(&self, krate: &str, name: &str) -> &Found {
        let found = self.get(krate, name);
        found.unwrap_or_else(|| panic!("{name} of {krate} is not in the sources"))
    }
}

/// What a file takes from the shared crate: a structure of the same name that its own crate has is not meant.
fn shared_names(items: &[Item]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for item in items {
        if let Item::Use(item) = item
            && let UseTree::Path(path) = &item.tree
            && path.ident == "floopy_shared"
        {
            add_leaves(&path.tree, &mut names);
        }
    }
    names
}

fn add_leaves(tree: &UseTree, names: &mut BTreeSet<String>) {
    match tree {
        UseTree::Path(path) => add_leaves(&path.tree, names),
        UseTree::Name(name) => {
            names.insert(name.ident.to_string());
        }
        UseTree::Rename(name) => {
            names.insert(name.rename.to_string());
        }
        UseTree::Group(group) => group.items.iter().for_each(|tree| add_leaves(tree, names)),
        UseTree::Glob(_) => {}
    }
}

fn table(krate: &'static str, item: &ItemStruct, shared: &BTreeSet<String>) -> Option<Found> {
    let Fields::Named(fields) = &item.fields else {
        return None;
    };
    let defaults = serde(&item.attrs).iter().any(|word| word == "default");
    let fields = fields.named.iter().map(|field| {
        let (inner, is_list, is_optional) = inner(&field.ty);
        let of = plane(&field.ty).or_else(|| shared.contains(&inner).then_some("shared"));
        let has_own = serde(&field.attrs).iter().any(|word| word == "default");
        Field {
            name: field.ident.as_ref().expect("named").to_string(),
            doc: doc(&field.attrs),
            inner,
            of,
            is_list,
            is_optional,
            has_default: defaults || has_own,
        }
    });
    Some(Found {
        krate,
        name: item.ident.to_string(),
        doc: doc(&item.attrs),
        kind: Kind::Table(fields.collect()),
    })
}

fn choice(krate: &'static str, item: &ItemEnum) -> Found {
    let variant = |variant: &syn::Variant| {
        let name = snake_case(&variant.ident.to_string());
        (name, doc(&variant.attrs))
    };
    Found {
        krate,
        name: item.ident.to_string(),
        doc: doc(&item.attrs),
        kind: Kind::Choice(item.variants.iter().map(variant).collect()),
    }
}

/// As files spell a variant: `DropOldest` is `drop_oldest`.
fn snake_case(name: &str) -> String {
    let mut spelled = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !spelled.is_empty() {
            spelled.push('_');
        }
        spelled.extend(letter.to_lowercase());
    }
    spelled
}

/// The last name of a type, whether it is a list of such, and whether it may be absent.
fn inner(of: &Type) -> (String, bool, bool) {
    let Type::Path(path) = of else {
        return (String::new(), false, false);
    };
    let Some(last) = path.path.segments.last() else {
        return (String::new(), false, false);
    };
    let name = last.ident.to_string();
    let argument = match &last.arguments {
        PathArguments::AngleBracketed(list) => list.args.iter().find_map(|argument| {
            if let GenericArgument::Type(of) = argument {
                Some(of)
            } else {
                None
            }
        }),
        PathArguments::None | PathArguments::Parenthesized(_) => None,
    };
    match (name.as_str(), argument) {
        ("Option", Some(of)) => {
            let (name, is_list, _) = inner(of);
            (name, is_list, true)
        }
        ("Vec", Some(of)) => (inner(of).0, true, false),
        _ => (name, false, false),
    }
}

/// Whose a type is, as it is written in the file of the whole: `proxy::Limits`, `Vec<control::Model>`.
fn plane(of: &Type) -> Option<&'static str> {
    let words = quote::quote!(#of).to_string();
    let prefixes = [("proxy ::", "dataplane"), ("control ::", "controlplane")];
    let said = prefixes.iter().find(|(prefix, _)| words.contains(prefix));
    said.map(|(_, krate)| *krate)
}

/// The words of a documentation comment, as one line.
fn doc(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| {
        let Meta::NameValue(pair) = &attribute.meta else {
            return None;
        };
        let Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) = &pair.value
        else {
            return None;
        };
        pair.path
            .is_ident("doc")
            .then(|| text.value().trim().to_owned())
    });
    lines.collect::<Vec<_>>().join(" ")
}

/// The words in `#[serde(…)]`.
fn serde(attributes: &[Attribute]) -> Vec<String> {
    let mut words = Vec::new();
    for attribute in attributes {
        if !attribute.path().is_ident("serde") {
            continue;
        }
        let read = attribute.parse_nested_meta(|meta| {
            words.extend(meta.path.get_ident().map(ToString::to_string));
            if meta.input.peek(syn::Token![=]) {
                meta.value()?.parse::<Lit>()?;
            }
            Ok(())
        });
        read.expect("an attribute of serde");
    }
    words
}

/// Environment variables of ours that programs read, by the look of their names.
pub(super) fn variables() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for krate in ROOTS {
        for path in files(&repository().join(krate).join("src")) {
            let text = fs::read_to_string(&path).expect("a source file");
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            names.extend(
                code.split('"')
                    .filter(|word| is_variable(word))
                    .map(str::to_owned),
            );
        }
    }
    names
}

fn is_variable(word: &str) -> bool {
    let ours = word.starts_with("FLOOPY_") || word.ends_with("_API_KEY");
    ours && word
        .chars()
        .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("tests.rs") {
            found.push(path);
        }
    }
    // What is nearer to the root is meant where a name stands twice.
    found.sort_by_key(|path| (path.components().count(), path.clone()));
    found
}

/// The root of the repository.
pub(super) fn repository() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("tests is a folder of it").to_owned()
}
