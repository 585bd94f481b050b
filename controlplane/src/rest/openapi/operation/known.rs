//! What is known of an operation beside what it takes and answers.

use super::Operation;

impl Operation {
    /// The keys of its query.
    pub(in super::super) fn query_keys(&self) -> Vec<String> {
        let of_query = self.parameters.iter().filter(|it| it["in"] == "query");
        let names = of_query.filter_map(|it| it["name"].as_str());
        names.map(str::to_owned).collect()
    }

    /// Where the same is described by whoever thought of it.
    pub(in super::super) fn links_to(mut self, url: &str) -> Self {
        self.reference = Some(url.to_owned());
        self
    }
}
