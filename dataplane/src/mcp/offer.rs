//! The tools that a model is told of, each by a name that no other has.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Target, Tool};

/// What providers take in one request, the caller's own among them.
const MAX_TOOLS: usize = 128;
/// Of all that models are told of them: more than any model reads.
const MAX_BYTES: usize = 512 << 10;
/// Of a function's name.
const MAX_NAME: usize = 64;

/// What a model is told of.
#[derive(Debug, Default)]
pub(crate) struct Offer {
    /// As chat completions have them.
    pub functions: Vec<Value>,
    by_name: HashMap<String, Offered>,
    /// Tools that there was no room for.
    pub left_out: usize,
}

/// A tool, and who has it.
#[derive(Debug, Clone)]
pub(crate) struct Offered {
    pub target: Arc<Target>,
    pub tool: String,
}

impl Offer {
    /// Those that may be called. `own`: the names of the caller's own tools.
    pub(crate) fn of(listed: &[(Arc<Target>, Arc<[Tool]>)], own: &HashSet<String>) -> Self {
        let mut offer = Self::default();
        let allowed = || {
            listed.iter().flat_map(|(target, tools)| {
                let may = tools.iter().filter(|tool| target.tools.has(&tool.name));
                may.map(move |tool| (target, tool))
            })
        };
        let mut alike: HashMap<String, usize> = HashMap::new();
        for (_, tool) in allowed() {
            *alike.entry(plain(&tool.name)).or_default() += 1;
        }
        let mut bytes = 0;
        for (target, tool) in allowed() {
            let simple = plain(&tool.name);
            let is_shared = alike.get(&simple).is_some_and(|count| *count > 1);
            let is_taken = |name: &str| own.contains(name) || offer.by_name.contains_key(name);
            let name = if is_shared || is_taken(&simple) {
                distinct(&target.id, &tool.name, is_taken)
            } else {
                simple
            };
            let function = function(&name, tool);
            bytes += function.to_string().len();
            if offer.functions.len() + own.len() >= MAX_TOOLS || bytes > MAX_BYTES {
                offer.left_out += 1;
                continue;
            }
            offer.functions.push(function);
            let offered = Offered {
                target: Arc::clone(target),
                tool: tool.name.clone(),
            };
            offer.by_name.insert(name, offered);
        }
        offer
    }

    /// The tool that a model calls by this name; `None`: it is the caller's own, or nobody's.
    pub(crate) fn get(&self, name: &str) -> Option<&Offered> {
        self.by_name.get(name)
    }
}

fn function(name: &str, tool: &Tool) -> Value {
    let mut function = json!({"name": name, "parameters": tool.schema});
    if let Some(description) = &tool.description {
        function["description"] = json!(description);
    }
    json!({"type": "function", "function": function})
}

/// A name that providers take.
fn plain(name: &str) -> String {
    let taken = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let text: String = name
        .chars()
        .map(|c| if taken(c) { c } else { '_' })
        .collect();
    if text.len() <= MAX_NAME {
        return text;
    }
    let digest = hex::encode(&Sha256::digest(name)[..4]);
    format!("{}_{digest}", &text[..MAX_NAME - 9])
}

/// With the server's id before it, and a number after it where that is not enough.
fn distinct(server: &str, tool: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let whole = format!("{server}_{tool}");
    let mut name = plain(&whole);
    let mut number = 1;
    while is_taken(&name) {
        number += 1;
        name = plain(&format!("{whole}_{number}"));
    }
    name
}

#[cfg(test)]
mod tests {
    use floopy_shared::domain::mcp::Tools;

    use super::*;

    fn listed(id: &str, may: Tools, names: &[&str]) -> (Arc<Target>, Arc<[Tool]>) {
        let target = Target {
            id: id.to_owned(),
            uri: "https://tools.example/".parse().expect("valid"),
            secret: None,
            tools: may,
            timeout_ms: 1,
            max_retries: 0,
            key: [0; 32],
        };
        let tool = |name: &&str| Tool {
            name: (*name).to_owned(),
            description: None,
            schema: json!({"type": "object"}),
        };
        (Arc::new(target), names.iter().map(tool).collect())
    }

    fn names(offer: &Offer) -> Vec<&str> {
        let functions = offer.functions.iter();
        functions
            .filter_map(|function| function["function"]["name"].as_str())
            .collect()
    }

    #[test]
    fn each_tool_has_a_name_of_its_own_that_says_whose_it_is_where_it_must() {
        let all = [
            listed("a", Tools::All, &["find", "count", "my.tool"]),
            listed("b", Tools::All, &["find", "mine"]),
        ];
        let own = HashSet::from(["mine".to_owned(), "b_mine".to_owned()]);
        let offer = Offer::of(&all, &own);
        assert_eq!(
            names(&offer),
            ["a_find", "count", "my_tool", "b_find", "b_mine_2"]
        );
        let found = offer.get("b_find").expect("offered");
        assert_eq!(
            (found.target.id.as_str(), found.tool.as_str()),
            ("b", "find")
        );
        assert_eq!(offer.get("my_tool").expect("offered").tool, "my.tool");
        assert!(offer.get("mine").is_none() && offer.get("find").is_none());
    }

    #[test]
    fn what_may_not_be_called_is_not_told_of() {
        let only = Tools::Only(vec!["find".to_owned(), "gone".to_owned()]);
        let offer = Offer::of(&[listed("a", only, &["find", "rm"])], &HashSet::new());
        assert_eq!(names(&offer), ["find"]);
    }

    #[test]
    fn there_are_never_more_than_providers_take_and_no_name_is_too_long() {
        let many: Vec<String> = (0..200).map(|n| format!("{}{n}", "x".repeat(90))).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let own = HashSet::from(["mine".to_owned()]);
        let offer = Offer::of(&[listed("a", Tools::All, &many)], &own);
        assert_eq!((offer.functions.len(), offer.left_out), (127, 73));
        let found: HashSet<&str> = names(&offer).into_iter().collect();
        assert_eq!(found.len(), 127);
        assert!(found.iter().all(|name| name.len() <= MAX_NAME));
    }
}
