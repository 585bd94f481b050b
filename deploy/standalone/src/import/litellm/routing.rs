//! `router_settings` and `litellm_settings`: names that callers use become routing rules, and what is said of retries and
//! deadlines becomes the proxy's.

use std::collections::BTreeMap;

use floopy_shared::domain::rule::is_name;
use toml::{Table, Value as Toml};

use super::{Conversion, Deployment, Node};

/// As many models as a rule takes.
const MOST: usize = 16;

/// How a name that several deployments have is balanced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Balance {
    Shuffle,
    Latency,
}

/// What a name leads to.
#[derive(Debug)]
struct Group {
    name: String,
    deployments: Vec<Deployment>,
    /// Other names, in the order in which they step in.
    fallbacks: Vec<String>,
}

impl Group {
    /// Where it is first written, for notes.
    fn place(&self) -> (Node, String) {
        let line = self.deployments.first().map_or(1, |it| it.line);
        (Node::empty(line), format!("model_name {:?}", self.name))
    }
}

impl Conversion {
    /// Everything about which deployment serves whom.
    pub(super) fn route(&mut self, document: &Node) {
        let nothing = Node::empty(1);
        let router = document.get("router_settings").unwrap_or(&nothing);
        let settings = document.get("litellm_settings").unwrap_or(&nothing);
        if self.is_map("router_settings", router) {
            self.settings("router_settings", router);
        }
        if self.is_map("litellm_settings", settings) {
            self.settings("litellm_settings", settings);
        }
        let balance = self.balance(router);
        let mut groups = self.groups();
        for (at, section) in [("litellm_settings", settings), ("router_settings", router)] {
            self.fallbacks(at, section, &mut groups);
        }
        if let Some(aliases) = router.get("model_group_alias") {
            self.aliases(aliases, &mut groups);
        }
        let known: BTreeMap<String, Vec<Deployment>> = groups
            .iter()
            .map(|group| (group.name.clone(), group.deployments.clone()))
            .collect();
        let rules = groups
            .iter()
            .filter_map(|group| self.rule(group, &known, balance));
        let rules: Vec<Toml> = rules.map(Toml::Table).collect();
        if !rules.is_empty() {
            self.tenant.insert("rules".to_owned(), rules.into());
        }
    }

    fn balance(&mut self, router: &Node) -> Balance {
        let Some(node) = router.get("routing_strategy") else {
            return Balance::Shuffle;
        };
        let key = "router_settings.routing_strategy";
        match node.text() {
            Some("simple-shuffle") => Balance::Shuffle,
            Some("latency-based-routing") => Balance::Latency,
            Some("cost-based-routing") => {
                let reason = "became equal shares: strategy = \"smart_cost\" of a rule is the cheapest that is good enough";
                self.note(node, key, reason);
                Balance::Shuffle
            }
            Some(_) | None => {
                self.note(node, key, "has no counterpart, and became equal shares");
                Balance::Shuffle
            }
        }
    }

    /// Deployments by the names that callers use, in the order of the file.
    fn groups(&self) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        for deployment in &self.deployments {
            let of_name = groups.iter_mut().find(|it| it.name == deployment.alias);
            match of_name {
                Some(group) => group.deployments.push(deployment.clone()),
                None => groups.push(Group {
                    name: deployment.alias.clone(),
                    deployments: vec![deployment.clone()],
                    fallbacks: Vec::new(),
                }),
            }
        }
        groups
    }

    fn fallbacks(&mut self, at: &str, section: &Node, groups: &mut [Group]) {
        for (key, node) in section.entries() {
            let at = format!("{at}.{key}");
            match key.as_str() {
                "fallbacks" => {
                    let pairs = node.items().iter().flat_map(Node::entries);
                    for (name, others) in pairs {
                        self.steps_in((&at, others), name, groups);
                    }
                }
                "default_fallbacks" => {
                    let names: Vec<String> = groups.iter().map(|it| it.name.clone()).collect();
                    for name in names {
                        self.steps_in((&at, node), &name, groups);
                    }
                }
                "context_window_fallbacks" | "content_policy_fallbacks" => {
                    let reason = "Floopy leaves out models whose context is too short by itself, and goes on after any failure of a model: see fallbacks";
                    self.note(node, at, reason);
                }
                _ => {}
            }
        }
    }

    fn steps_in(&mut self, (at, others): (&str, &Node), name: &str, groups: &mut [Group]) {
        let names: Vec<String> = others.items().iter().filter_map(Node::shown).collect();
        for other in names.iter().filter(|it| it.as_str() != name) {
            let is_known = groups.iter().any(|group| group.name == *other);
            let group = groups.iter_mut().find(|group| group.name == name);
            match group.filter(|_| is_known) {
                Some(group) if group.fallbacks.contains(other) => {}
                Some(group) => group.fallbacks.push(other.clone()),
                None => {
                    let reason = format!(
                        "{name:?} or {other:?} was not brought over: this step was left out"
                    );
                    self.note(others, at, reason);
                }
            }
        }
    }

    fn aliases(&mut self, aliases: &Node, groups: &mut Vec<Group>) {
        for (alias, node) in aliases.entries() {
            let key = format!("router_settings.model_group_alias.{alias}");
            let meant = node
                .shown()
                .or_else(|| node.get("model").and_then(Node::shown));
            let found = groups
                .iter()
                .find(|group| Some(&group.name) == meant.as_ref());
            let Some(found) = found else {
                self.note(node, key, "names a model that was not brought over");
                continue;
            };
            groups.push(Group {
                name: alias.clone(),
                deployments: found.deployments.clone(),
                fallbacks: found.fallbacks.clone(),
            });
        }
    }

    /// The rule of a name; `None` where its only model goes by that name anyway.
    fn rule(
        &mut self,
        group: &Group,
        known: &BTreeMap<String, Vec<Deployment>>,
        balance: Balance,
    ) -> Option<Table> {
        let own = distinct(&group.deployments);
        let others = group.fallbacks.iter().filter_map(|name| known.get(name));
        let mut models = own.clone();
        for other in others.flatten() {
            if !models.contains(&other.model) {
                models.push(other.model.clone());
            }
        }
        let own_name = models[0].split_once('/').map(|(_, model)| model);
        if models.len() == 1 && own_name == Some(&group.name) {
            return None;
        }
        let name = self.rule_name(group)?;
        let (place, key) = group.place();
        if models.len() > MOST {
            let reason = format!(
                "has {} models, of which the first {MOST} were taken",
                models.len()
            );
            self.note(&place, &*key, reason);
            models.truncate(MOST);
        }
        let own = &own[..own.len().min(models.len())];
        let has_others = models.len() > own.len();
        if has_others && own.len() > 1 {
            let reason =
                "is served in the order of the file: shares and fallbacks are not in one rule";
            self.note(&place, key, reason);
        }
        let strategy = match (own.len(), has_others, balance) {
            (1, false, _) => "legacy_model",
            (_, true, _) => "fallback",
            (_, false, Balance::Latency) => "latency_based",
            (_, false, Balance::Shuffle) => "weighted",
        };
        let mut rule = Table::new();
        if strategy == "weighted" {
            let weights = own.iter().map(|model| weight(&group.deployments, model));
            let weights = weights.map(Toml::Float).collect();
            rule.insert("weights".to_owned(), Toml::Array(weights));
        }
        rule.insert("name".to_owned(), name.into());
        rule.insert("strategy".to_owned(), strategy.into());
        let models = models.into_iter().map(Toml::String).collect();
        rule.insert("models".to_owned(), Toml::Array(models));
        Some(rule)
    }

    /// What callers name a rule by; `None`: there can be none.
    fn rule_name(&mut self, group: &Group) -> Option<String> {
        let (place, key) = group.place();
        let allowed = |c: char| if is_name(&c.to_string()) { c } else { '-' };
        let name: String = group.name.chars().map(allowed).collect();
        if !is_name(&name) || self.has_rule(&name) {
            let reason = "cannot be the name of a rule of its own, and was left out";
            self.note(&place, key, reason);
            return None;
        }
        let reason = format!(
            "callers ask for it with model = \"auto\" and the header floopy-routing-rule: {name}"
        );
        self.note(&place, key, reason);
        self.names.push(name.clone());
        Some(name)
    }

    fn has_rule(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }
}

/// Each model once: two deployments of one model at one provider are one here.
fn distinct(deployments: &[Deployment]) -> Vec<String> {
    let mut models: Vec<String> = Vec::new();
    for deployment in deployments {
        if !models.contains(&deployment.model) {
            models.push(deployment.model.clone());
        }
    }
    models
}

/// The share of a model: those of its deployments together, one each where nothing is said.
fn weight(deployments: &[Deployment], model: &str) -> f64 {
    let of_model = deployments.iter().filter(|it| it.model == model);
    of_model.map(|it| it.weight.unwrap_or(1.0).max(0.0)).sum()
}
