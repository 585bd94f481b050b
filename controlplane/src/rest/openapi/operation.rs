//! One operation: what it takes, what it answers, and what it refuses.

mod known;

use std::collections::BTreeMap;

use floopy_shared::domain::plan::Feature;
use http::Method;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{
    super::roles,
    parts,
    schemas::{Schemas, Use},
};

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Anybody,
    /// Whose key may do this.
    Key(&'static str),
    /// By the method: `GET` reads.
    Usual,
    /// Whoever runs the service.
    Operator,
}

/// What is said of an operation.
#[derive(Debug, Clone)]
pub(in super::super) struct Operation {
    id: &'static str,
    summary: &'static str,
    about: Vec<String>,
    parameters: Vec<Value>,
    body: Option<Value>,
    answers: BTreeMap<u16, Value>,
    refusals: Vec<u16>,
    access: Access,
    schemas: Schemas,
    /// Somebody else's reference of the same.
    reference: Option<String>,
    /// What all errors are, where they are in other words.
    error: Option<Value>,
    /// A provider's errors come through, whatever their status.
    has_foreign_errors: bool,
}

/// Every operation with a key.
const REFUSED: [u16; 5] = [401, 403, 429, 500, 503];
/// Every operation of the operator's: no proxy and no limit stands before it.
const REFUSED_OPERATOR: [u16; 4] = [401, 403, 500, 503];
/// A body can be late or too large.
const WITH_BODY: [u16; 2] = [408, 413];

impl Operation {
    /// `id`: the name of a client's method for it.
    pub(super) fn new(id: &'static str, summary: &'static str) -> Self {
        Self {
            id,
            summary,
            about: Vec::new(),
            parameters: Vec::new(),
            body: None,
            answers: BTreeMap::new(),
            refusals: Vec::new(),
            access: Access::Usual,
            schemas: Schemas::default(),
            reference: None,
            error: None,
            has_foreign_errors: false,
        }
    }

    /// A provider's errors come through.
    pub(super) fn passes_errors_on(mut self) -> Self {
        self.has_foreign_errors = true;
        self
    }

    /// Errors are in other words than elsewhere.
    pub(super) fn words_errors_as<T: ToSchema>(mut self) -> Self {
        self.error = Some(self.schemas.add::<T>(Use::Told));
        self
    }

    /// A paragraph of its description.
    pub(super) fn says(mut self, text: &str) -> Self {
        self.about.push(text.to_owned());
        self
    }

    /// Needs no key.
    pub(super) fn for_anybody(self) -> Self {
        let access = Access::Anybody;
        Self { access, ..self }
    }

    /// Needs keys that may do this, whatever the method is.
    pub(super) fn for_keys_that(mut self, permission: &'static str) -> Self {
        self.access = Access::Key(permission);
        self
    }

    /// Needs the operator's key; no proxy answers it.
    pub(super) fn for_operators(self) -> Self {
        let access = Access::Operator;
        Self { access, ..self }
    }

    /// A parameter of the query.
    pub(super) fn query(self, name: &str, schema: Value, text: &str) -> Self {
        self.parameter(("query", name, false), schema, text)
    }

    /// One that must be there.
    pub(super) fn required_query(self, name: &str, schema: Value, text: &str) -> Self {
        self.parameter(("query", name, true), schema, text)
    }

    /// A header of the request.
    pub(super) fn header(self, name: &str, schema: Value, text: &str) -> Self {
        self.parameter(("header", name, false), schema, text)
    }

    /// One that must be there.
    pub(super) fn required_header(self, name: &str, schema: Value, text: &str) -> Self {
        self.parameter(("header", name, true), schema, text)
    }

    /// A part of the path.
    pub(super) fn path(self, name: &str, schema: Value, text: &str) -> Self {
        self.parameter(("path", name, true), schema, text)
    }

    fn parameter(
        mut self,
        (place, name, required): (&str, &str, bool),
        schema: Value,
        text: &str,
    ) -> Self {
        let mut parameter = json!({
            "in": place, "name": name, "required": required, "schema": schema, "description": text,
        });
        if place == "query" && !required {
            parameter["allowEmptyValue"] = json!(true);
        }
        if place == "query" && schema["type"] == "array" {
            parameter["explode"] = json!(false);
        }
        self.parameters.push(parameter);
        self
    }

    /// The two parameters of a page.
    pub(super) fn pages(self) -> Self {
        let limit = json!({"type": "integer", "minimum": 1, "maximum": 200, "default": 50});
        let cursor = json!({"type": "string"});
        self.query("limit", limit, "Items of a page.").query(
            "cursor",
            cursor,
            "`next_cursor` of the page before, as it is: opaque, signed, and good for the same list only.",
        )
    }

    /// A body that must be there and has no keys but these.
    pub(super) fn takes<T: ToSchema>(mut self) -> Self {
        let schema = self.schemas.add::<T>(Use::Asked);
        self.with_body(schema, true)
    }

    /// The same where nothing need be said.
    pub(super) fn may_take<T: ToSchema>(mut self) -> Self {
        let schema = self.schemas.add::<T>(Use::Asked);
        self.with_body(schema, false)
    }

    /// A body of which these keys are read, and the others passed on.
    pub(super) fn takes_open<T: ToSchema>(mut self) -> Self {
        let schema = self.schemas.add::<T>(Use::PassedOn);
        self.with_body(schema, true)
    }

    /// One of two bodies.
    pub(super) fn takes_either<A: ToSchema, B: ToSchema>(mut self) -> Self {
        let schemas = [
            self.schemas.add::<A>(Use::Asked),
            self.schemas.add::<B>(Use::Asked),
        ];
        self.with_body(json!({"oneOf": schemas}), true)
    }

    fn with_body(mut self, schema: Value, required: bool) -> Self {
        self.body = Some(json!({
            "required": required, "content": {"application/json": {"schema": schema}},
        }));
        self
    }

    /// A body in other forms.
    pub(super) fn takes_forms(mut self, forms: &[(&str, Value)]) -> Self {
        self.body = Some(json!({"required": true, "content": parts::contents(forms)}));
        self
    }

    /// What is answered where all is well.
    pub(super) fn answers<T: ToSchema>(mut self, status: u16, text: &str) -> Self {
        let schema = self.schemas.add::<T>(Use::Told);
        self.answers_with((status, text), &[("application/json", schema)])
    }

    /// The same where it is somebody else's, and they may say more.
    pub(super) fn answers_open<T: ToSchema>(mut self, status: u16, text: &str) -> Self {
        let schema = self.schemas.add::<T>(Use::PassedOn);
        self.answers_with((status, text), &[("application/json", schema)])
    }

    /// The same as a stream of server-sent events, where the request asks for one.
    pub(super) fn or_streams(mut self, text: &str) -> Self {
        for answer in self.answers.values_mut() {
            let whole = answer["description"].as_str().unwrap_or_default();
            answer["description"] = json!(format!("{whole} With `stream: true`: {text}"));
            // What an event is made of is said in the reference.
            answer["content"]["text/event-stream"] = json!({});
        }
        self
    }

    /// A page of these.
    pub(super) fn answers_page<T: ToSchema>(mut self, text: &str) -> Self {
        let item = self.schemas.add::<T>(Use::Told);
        self.answers_with((200, text), &[("application/json", parts::page(&item))])
    }

    /// A page of these, or the bare list where `shape=array` asks for it.
    pub(super) fn answers_page_or_array<T: ToSchema>(mut self, text: &str) -> Self {
        let item = self.schemas.add::<T>(Use::Told);
        let either = json!({"oneOf": [parts::page(&item), {"type": "array", "items": item}]});
        self.answers_with((200, text), &[("application/json", either)])
    }

    /// An answer in other forms.
    pub(super) fn answers_with(
        mut self,
        (status, text): (u16, &str),
        forms: &[(&str, Value)],
    ) -> Self {
        let content = parts::contents(forms);
        self.answers.insert(
            status,
            json!({
                "description": text, "content": content,
                "headers": {"x-request-id": parts::request_id()},
            }),
        );
        self
    }

    /// A header of what is answered.
    pub(super) fn tells(mut self, header: &str, schema: &Value, text: &str) -> Self {
        for answer in self.answers.values_mut() {
            answer["headers"][header] = json!({"schema": schema, "description": text});
        }
        self
    }

    /// What it refuses beside what all do.
    pub(super) fn refuses(mut self, status: u16) -> Self {
        self.refusals.push(status);
        self
    }

    pub(super) fn schemas(&self) -> Schemas {
        self.schemas.clone()
    }

    /// As it stands in the document. `forwarded`: the proxy asks the control plane.
    pub(super) fn to_value(
        &self,
        (method, path): (&str, &str),
        (tag, forwarded): (&str, bool),
    ) -> Value {
        let forwarded = forwarded && self.access != Access::Operator;
        let mut responses: BTreeMap<String, Value> = self
            .statuses(method, path, forwarded)
            .into_iter()
            .map(|status| (status.to_string(), self.refusal(status)))
            .collect();
        if self.has_foreign_errors {
            let text = "The provider's own error, in the caller's form.";
            responses.insert("default".to_owned(), json!({"description": text}));
        }
        let answers = self.answers.iter();
        responses.extend(answers.map(|(status, answer)| (status.to_string(), answer.clone())));
        let mut operation = json!({
            "operationId": self.id,
            "summary": self.summary,
            "description": self.description((method, path), forwarded),
            "tags": [tag],
            "parameters": self.parameters(method, path, forwarded),
            "responses": responses,
        });
        if let Some(body) = &self.body {
            operation["requestBody"] = body.clone();
        }
        if let Some(url) = &self.reference {
            operation["externalDocs"] = json!({"url": url});
        }
        if self.access == Access::Anybody {
            operation["security"] = json!([]);
        }
        operation
    }

    fn refusal(&self, status: u16) -> Value {
        match &self.error {
            None => parts::refer(status),
            Some(error) => parts::refusal(status, error),
        }
    }

    fn statuses(&self, method: &str, path: &str, forwarded: bool) -> Vec<u16> {
        let mut statuses = self.refusals.clone();
        match self.access {
            Access::Anybody => return statuses,
            Access::Operator => statuses.extend(REFUSED_OPERATOR),
            Access::Key(_) | Access::Usual => statuses.extend(REFUSED),
        }
        if path.contains('{') {
            statuses.push(404);
        }
        if self.body.is_some()
            || !self.parameters.is_empty()
            || path.contains('{')
            || method != "get"
        {
            statuses.push(400);
        }
        if self.body.is_some() {
            statuses.extend(WITH_BODY);
        }
        if forwarded {
            statuses.push(504);
        }
        if forwarded && method == "post" {
            statuses.push(422);
        }
        statuses
    }

    fn description(&self, (method, path): (&str, &str), forwarded: bool) -> String {
        let mut about = self.about.clone();
        let permission = match self.access {
            Access::Anybody | Access::Operator => None,
            Access::Key(permission) => Some(permission),
            Access::Usual if method == "get" => Some("read"),
            Access::Usual => Some("write"),
        };
        about.push(match permission {
            Some(permission) => format!("Permission of the key: {permission}."),
            None if self.access == Access::Operator => "Needs the operator's key.".to_owned(),
            None => "No key is needed.".to_owned(),
        });
        let needed = Method::from_bytes(method.to_uppercase().as_bytes());
        let needed = needed.ok().filter(|_| forwarded && method != "get");
        if let Some(role) = needed.map(|method| roles::needed(&method, path)) {
            let role = role.as_str();
            about.push(format!("Role of the key: `{role}` or above."));
        }
        if let Some(feature) = Feature::of_path(path) {
            let feature = feature.as_str();
            about.push(format!(
                "Plans: those with `{feature}`; others are refused with 403 `plan_required`."
            ));
        }
        about.join("\n\n")
    }

    fn parameters(&self, method: &str, path: &str, forwarded: bool) -> Vec<Value> {
        let mut parameters = self.parameters.clone();
        let names = path
            .split('{')
            .skip(1)
            .filter_map(|rest| rest.split('}').next());
        for name in names {
            if !parameters.iter().any(|known| known["name"] == name) {
                parameters.push(parts::path_parameter(name));
            }
        }
        if forwarded && method == "post" {
            parameters.push(parts::idempotency_key());
        }
        parameters
    }
}
