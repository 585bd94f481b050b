//! Everything but models and routing: keys, retries, deadlines, caches.

use toml::{Table, Value as Toml};

use super::{Conversion, Node};

impl Conversion {
    pub(super) fn general_settings(&mut self, section: &Node) {
        if !self.is_map("general_settings", section) {
            return;
        }
        for (key, node) in section.entries() {
            let at = format!("general_settings.{key}");
            match key.as_str() {
                "master_key" => {
                    let secret = self.secret(&at, node);
                    if secret.is_none() {
                        self.note(node, at, "is no text, and was left out");
                    }
                    self.tenant
                        .extend(secret.map(|it| ("key".to_owned(), it.into())));
                }
                "database_url" => {
                    let reason = "its keys, users and spend are LiteLLM's own; make keys with `floopy key create`, and set [control.store] for a PostgreSQL of Floopy's";
                    self.note(node, at, reason);
                }
                _ => self.nothing_like(&at, node),
            }
        }
    }

    pub(super) fn environment(&mut self, section: &Node) {
        for (key, node) in section.entries() {
            let at = format!("environment_variables.{key}");
            self.note(node, at, "set it where floopy is started");
        }
    }

    /// Of the router or of the library: most can be said in either.
    pub(super) fn settings(&mut self, section_name: &str, section: &Node) {
        for (key, node) in section.entries() {
            let at = format!("{section_name}.{key}");
            match key.as_str() {
                // Told where routing is made of them.
                "routing_strategy"
                | "fallbacks"
                | "default_fallbacks"
                | "context_window_fallbacks"
                | "content_policy_fallbacks"
                | "model_group_alias" => {}
                "num_retries" => {
                    let times = self.count(&at, node, 10.0);
                    times
                        .into_iter()
                        .for_each(|it| self.set_proxy("retry", "times", it));
                }
                "timeout" | "request_timeout" => {
                    let total = self.milliseconds(&at, node);
                    total
                        .into_iter()
                        .for_each(|it| self.set_proxy("timeouts", "total_ms", it));
                }
                "stream_timeout" => {
                    let idle = self.milliseconds(&at, node);
                    idle.into_iter()
                        .for_each(|it| self.set_proxy("timeouts", "stream_idle_ms", it));
                }
                "allowed_fails" => {
                    let failures = self.count(&at, node, 1_000.0).map(|it| it.max(1));
                    failures
                        .into_iter()
                        .for_each(|it| self.set_proxy("breaker", "failures", it));
                }
                "cooldown_time" => {
                    let open = self.milliseconds(&at, node);
                    open.into_iter()
                        .for_each(|it| self.set_proxy("breaker", "open_ms", it));
                }
                "cache" if node.is_true() => self.cache(Table::new()),
                "cache" => {}
                "cache_params" => self.cache_params(&at, node),
                "redis_host" | "redis_port" | "redis_password" | "redis_url" => {
                    self.note(
                        node,
                        at,
                        "is what proxies share: set [proxy.redis] url, docs/redis.md says how",
                    );
                }
                "drop_params" => {
                    self.note(node, at, "what a provider has no word for is refused by name, or let go by rule: docs/providers.md");
                }
                "success_callback" | "failure_callback" | "callbacks" => {
                    self.note(
                        node,
                        at,
                        "who is told of calls is set in [proxy.traces], and of events by webhooks",
                    );
                }
                _ => self.nothing_like(&at, node),
            }
        }
    }

    fn cache_params(&mut self, at: &str, params: &Node) {
        for (key, node) in params.entries() {
            let at = format!("{at}.{key}");
            match key.as_str() {
                "ttl" => {
                    let seconds = self.count(&at, node, 31_536_000.0).filter(|it| *it > 0);
                    if let Some(seconds) = seconds {
                        let mut table = Table::new();
                        table.insert("ttl_seconds".to_owned(), seconds.into());
                        self.cache(table);
                    }
                }
                "type" if node.text() == Some("local") => {}
                "type" | "host" | "port" | "password" | "url" | "namespace" => {
                    self.note(node, at, "is where replies are shared: set [proxy.redis] url, docs/redis.md says how");
                }
                _ => self.nothing_like(&at, node),
            }
        }
    }

    /// The tenant's replies are stored.
    fn cache(&mut self, more: Table) {
        let cache = self
            .tenant
            .entry("cache")
            .or_insert_with(|| Table::new().into());
        if let Some(cache) = cache.as_table_mut() {
            cache.extend(more);
            cache.entry("enabled").or_insert(Toml::Boolean(true));
        }
    }
}
