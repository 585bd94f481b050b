//! OpenAI's files and batches, and Anthropic's Message Batches: strict about what they are asked.

mod said;

use std::{
    collections::{BTreeMap, HashSet},
    fmt::Write,
};

use bytes::Bytes;
use http::{HeaderMap, Method, request::Parts};
use serde_json::{Value, json};

use self::said::{check_request, fails, message_batch, message_result, output_line, parts_of};

/// What a provider has of files and batches.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    files: BTreeMap<String, File>,
    batches: BTreeMap<String, Job>,
    serial: u64,
    /// Batches go on until they are let go.
    pub(super) is_held: bool,
    /// Why questions were refused that no client may ask.
    pub(super) refused: Vec<String>,
}

#[derive(Debug)]
struct File {
    name: String,
    purpose: String,
    content: Bytes,
}

#[derive(Debug)]
enum Work {
    /// Lines of an input file.
    OpenAi {
        input: String,
        lines: Vec<Value>,
    },
    Anthropic {
        requests: Vec<Value>,
    },
}

#[derive(Debug)]
struct Job {
    work: Work,
    asked: Value,
    is_cancelled: bool,
    is_done: bool,
    files: [Option<String>; 2],
}

/// A status and a body.
type Said = (u16, Bytes);

fn told(value: &Value) -> Said {
    (200, value.to_string().into())
}

/// Models of this name always fail.
pub const FAILING_MODEL: &str = "alpha-fails";

impl Jobs {
    /// The answer to a question about files or batches; `None`: it is about something else.
    pub(super) fn answer(&mut self, parts: &Parts, body: &Bytes) -> Option<Said> {
        let path = parts.uri.path().strip_prefix("/v1/")?;
        let segments: Vec<&str> = path.split('/').collect();
        let is_ours = matches!(
            segments.as_slice(),
            ["files" | "batches", ..] | ["messages", "batches", ..]
        );
        if !is_ours {
            return None;
        }
        let is_anthropic = segments.first() == Some(&"messages");
        let said = credentials(&parts.headers, is_anthropic)
            .and_then(|()| self.of(&parts.method, &segments, (&parts.headers, body)));
        Some(said.unwrap_or_else(|why| {
            self.refused.push(format!("{} {path}: {why}", parts.method));
            let error = json!({"type": "error", "error": {"type": "invalid_request_error", "message": why}});
            (400, error.to_string().into())
        }))
    }

    fn of(
        &mut self,
        method: &Method,
        segments: &[&str],
        (headers, body): (&HeaderMap, &Bytes),
    ) -> Result<Said, String> {
        match (method, segments) {
            (&Method::POST, ["files"]) => self.upload(headers, body),
            (&Method::GET, ["files", id]) => Ok(self.file(id)),
            (&Method::GET, ["files", id, "content"]) => Ok(self
                .files
                .get(*id)
                .map_or_else(missing, |file| (200, file.content.clone()))),
            (&Method::DELETE, ["files", id]) => {
                let gone = self.files.remove(*id).is_some();
                Ok(if gone {
                    told(&json!({"id": id, "object": "file", "deleted": true}))
                } else {
                    missing()
                })
            }
            (&Method::POST, ["batches"]) => self.create(body),
            (&Method::POST, ["messages", "batches"]) => self.create_messages(headers, body),
            (&Method::GET, ["batches", id] | ["messages", "batches", id]) => Ok(self.look(id)),
            (&Method::POST, ["batches", id, "cancel"] | ["messages", "batches", id, "cancel"]) => {
                Ok(self.cancel(id))
            }
            (&Method::GET, ["messages", "batches", id, "results"]) => self.results(id),
            _ => Err("there is no such path".to_owned()),
        }
    }

    fn name(&mut self, prefix: &str) -> String {
        self.serial += 1;
        format!("{prefix}{:04}", self.serial)
    }

    fn upload(&mut self, headers: &HeaderMap, body: &Bytes) -> Result<Said, String> {
        let kind = headers.get("content-type").and_then(|v| v.to_str().ok());
        let kind = kind.ok_or("no content type")?;
        let boundary = kind.strip_prefix("multipart/form-data; boundary=");
        let boundary = boundary.ok_or_else(|| format!("content-type is {kind}"))?;
        let parts = parts_of(body, boundary)?;
        let part = |name: &str| {
            let disposition = format!("name=\"{name}\"");
            let found = parts.iter().find(|(head, _)| head.contains(&disposition));
            found.ok_or_else(|| format!("no part {name}"))
        };
        let purpose = String::from_utf8_lossy(&part("purpose")?.1).into_owned();
        let (head, content) = part("file")?;
        let name = head
            .split("filename=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next());
        let name = name.ok_or("the file has no name")?.to_owned();
        let id = self.name("file-up");
        let file = File {
            name,
            purpose,
            content: content.clone(),
        };
        self.files.insert(id.clone(), file);
        Ok(self.file(&id))
    }

    fn file(&self, id: &str) -> Said {
        self.files.get(id).map_or_else(missing, |file| {
            told(&json!({"id": id, "object": "file", "bytes": file.content.len(), "created_at": 1_800_000_000,
                "filename": file.name, "purpose": file.purpose, "status": "processed"}))
        })
    }

    fn create(&mut self, body: &Bytes) -> Result<Said, String> {
        let asked: Value = serde_json::from_slice(body).map_err(|e| e.to_string())?;
        let known = ["input_file_id", "endpoint", "completion_window", "metadata"];
        let fields = asked.as_object().ok_or("no object")?;
        if let Some(odd) = fields.keys().find(|name| !known.contains(&name.as_str())) {
            return Err(format!("unknown field {odd}"));
        }
        let input = asked["input_file_id"]
            .as_str()
            .ok_or("no input_file_id")?
            .to_owned();
        let file = self
            .files
            .get(&input)
            .ok_or("there is no such input file")?;
        let lines: Result<Vec<Value>, _> = file
            .content
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(serde_json::from_slice)
            .collect();
        let lines = lines.map_err(|e| e.to_string())?;
        let id = self.name("batch_up");
        self.begin(id, asked, Work::OpenAi { input, lines })
    }

    fn create_messages(&mut self, headers: &HeaderMap, body: &Bytes) -> Result<Said, String> {
        let length = headers.get("content-length").and_then(|v| v.to_str().ok());
        if length != Some(body.len().to_string().as_str()) {
            return Err(format!(
                "content-length is {length:?} for {} bytes",
                body.len()
            ));
        }
        let asked: Value = serde_json::from_slice(body).map_err(|e| e.to_string())?;
        let fields = asked.as_object().ok_or("no object")?;
        let requests = asked["requests"].as_array().filter(|_| fields.len() == 1);
        let requests = requests.ok_or("something else than requests")?.clone();
        let mut names = HashSet::new();
        for request in &requests {
            check_request(request)?;
            if !names.insert(request["custom_id"].to_string()) {
                return Err(format!("custom_id {} occurs twice", request["custom_id"]));
            }
        }
        let id = self.name("msgbatch_up");
        self.begin(id, Value::Null, Work::Anthropic { requests })
    }

    fn begin(&mut self, id: String, asked: Value, work: Work) -> Result<Said, String> {
        let job = Job {
            work,
            asked,
            is_cancelled: false,
            is_done: false,
            files: [None, None],
        };
        let said = told(&shown(&id, &job));
        self.batches.insert(id, job);
        Ok(said)
    }

    /// A batch is done when it is looked at, unless it is held.
    fn look(&mut self, id: &str) -> Said {
        let Some(mut job) = self.batches.remove(id) else {
            return missing();
        };
        if !job.is_done && (!self.is_held || job.is_cancelled) {
            job.is_done = true;
            self.finish(&mut job);
        }
        let said = told(&shown(id, &job));
        self.batches.insert(id.to_owned(), job);
        said
    }

    fn finish(&mut self, job: &mut Job) {
        let Work::OpenAi { lines, .. } = &job.work else {
            return;
        };
        if job.is_cancelled {
            return;
        }
        let (mut good, mut bad) = (String::new(), String::new());
        // The order of an output file is not that of its input.
        for line in lines.iter().rev() {
            let out = if fails(&line["body"]) {
                &mut bad
            } else {
                &mut good
            };
            let _ = writeln!(out, "{}", output_line(line));
        }
        for (place, (name, content)) in [("output", good), ("error", bad)].into_iter().enumerate() {
            if content.is_empty() {
                continue;
            }
            let id = self.name("file-out");
            let file = File {
                name: format!("{name}.jsonl"),
                purpose: "batch_output".to_owned(),
                content: content.into(),
            };
            self.files.insert(id.clone(), file);
            job.files[place] = Some(id);
        }
    }

    fn cancel(&mut self, id: &str) -> Said {
        self.batches.get_mut(id).map_or_else(missing, |job| {
            job.is_cancelled = !job.is_done;
            told(&shown(id, job))
        })
    }

    fn results(&mut self, id: &str) -> Result<Said, String> {
        let job = self.batches.get(id).filter(|job| job.is_done);
        let job = job.ok_or("there are no results")?;
        let Work::Anthropic { requests } = &job.work else {
            return Err("not a batch of messages".to_owned());
        };
        let mut lines = String::new();
        for request in requests.iter().rev() {
            let result = if job.is_cancelled {
                json!({"type": "canceled"})
            } else {
                message_result(request)
            };
            let line = json!({"custom_id": request["custom_id"], "result": result});
            let _ = writeln!(lines, "{line}");
        }
        Ok((200, lines.into()))
    }
}

fn missing() -> Said {
    let error = json!({"error": {"message": "no such object", "type": "invalid_request_error"}});
    (404, error.to_string().into())
}

fn credentials(headers: &HeaderMap, is_anthropic: bool) -> Result<(), String> {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    let is_right = if is_anthropic {
        text("x-api-key") == Some("sk-up") && text("anthropic-version") == Some("2023-06-01")
    } else {
        text("authorization") == Some("Bearer sk-up")
    };
    is_right
        .then_some(())
        .ok_or_else(|| "wrong credentials".to_owned())
}

fn shown(id: &str, job: &Job) -> Value {
    match &job.work {
        Work::OpenAi { input, lines } => {
            let status = match (job.is_done, job.is_cancelled) {
                (true, true) => "cancelled",
                (true, false) => "completed",
                (false, true) => "cancelling",
                (false, false) => "in_progress",
            };
            let failed = lines.iter().filter(|line| fails(&line["body"])).count();
            let (completed, failed) = if status == "completed" {
                (lines.len() - failed, failed)
            } else {
                (0, 0)
            };
            json!({"id": id, "object": "batch", "endpoint": job.asked["endpoint"], "errors": null,
                "input_file_id": input, "completion_window": "24h", "status": status,
                "output_file_id": job.files[0], "error_file_id": job.files[1], "created_at": 1_800_000_000,
                "completed_at": null, "metadata": job.asked["metadata"],
                "request_counts": {"total": lines.len(), "completed": completed, "failed": failed}})
        }
        Work::Anthropic { requests } => message_batch(id, job, requests),
    }
}
