//! The Helm chart as Helm renders it: Go's templates with the few functions of Helm's that the chart uses.

use std::{collections::HashMap, fs, path::Path};

use gtmpl::{Context, FuncError, Template, Value};

/// Each template of a chart that was rendered, by file name.
pub fn render(chart: &Path, values: &serde_json::Value) -> Vec<(String, String)> {
    let release = HashMap::from([("Name", "live"), ("Namespace", "llm")]);
    let release = release
        .into_iter()
        .map(|(k, v)| (k.to_owned(), Value::from(v)));
    let given = HashMap::from([
        ("Values".to_owned(), value(values)),
        ("Release".to_owned(), Value::Map(release.collect())),
    ]);
    let given = Context::from(Value::Map(given));
    let folder = fs::read_dir(chart.join("templates")).expect("templates");
    let files = folder.map(|file| file.expect("a file").path());
    let mut rendered: Vec<_> = files
        .map(|file| {
            let text = fs::read_to_string(&file).expect("text");
            let name = file
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            let mut template = Template::default();
            template.add_funcs(&[
                ("quote", quote as gtmpl::Func),
                ("indent", indent),
                ("toYaml", to_yaml),
            ]);
            template
                .parse(&text)
                .unwrap_or_else(|e| panic!("{name}: {e}"));
            let rendered = template.render(&given);
            let rendered = rendered.unwrap_or_else(|e| panic!("{name}: {e}"));
            assert!(!rendered.contains("<no value>"), "{name}:\n{rendered}");
            (name, rendered)
        })
        .collect();
    rendered.sort();
    rendered
}

fn value(json: &serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match json {
        Json::Null => Value::Nil,
        Json::Bool(is) => Value::from(*is),
        Json::Number(number) => number.as_i64().map_or_else(
            || Value::from(number.as_f64().unwrap_or(f64::NAN)),
            Value::from,
        ),
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(all) => Value::Array(all.iter().map(value).collect()),
        Json::Object(fields) => Value::Map(
            fields
                .iter()
                .map(|(name, json)| (name.clone(), value(json)))
                .collect(),
        ),
    }
}

/// Back again.
fn json(of: &Value) -> serde_json::Value {
    match of {
        Value::Bool(is) => (*is).into(),
        Value::String(text) => text.as_str().into(),
        Value::Number(number) => number
            .as_i64()
            .map_or_else(|| number.as_f64().into(), serde_json::Value::from),
        Value::Array(all) => all.iter().map(json).collect(),
        Value::Object(fields) | Value::Map(fields) => {
            let fields = fields.iter().map(|(name, of)| (name.clone(), json(of)));
            serde_json::Value::Object(fields.collect())
        }
        Value::NoValue | Value::Nil | Value::Function(_) => serde_json::Value::Null,
    }
}

fn quote(given: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::from(json(one(given)?).to_string()))
}

/// In lines, as Helm says it, so that more lines can follow; what is within them is JSON, which is YAML too.
fn to_yaml(given: &[Value]) -> Result<Value, FuncError> {
    let lines: Vec<String> = match json(one(given)?) {
        serde_json::Value::Array(all) => all.iter().map(|item| format!("- {item}")).collect(),
        serde_json::Value::Object(fields) => {
            let fields = fields.iter();
            fields.map(|(name, of)| format!("{name}: {of}")).collect()
        }
        plain @ (serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::String(_)) => vec![plain.to_string()],
    };
    Ok(Value::from(lines.join("\n")))
}

fn one(given: &[Value]) -> Result<&Value, FuncError> {
    given
        .first()
        .ok_or_else(|| FuncError::AtLeastXArgs(String::from("one"), 1))
}

fn indent(given: &[Value]) -> Result<Value, FuncError> {
    let [Value::Number(by), Value::String(text)] = given else {
        return Err(FuncError::UnableToConvertFromValue);
    };
    let by = usize::try_from(by.as_i64().unwrap_or(0)).unwrap_or(0);
    let lines = text.lines().map(|line| format!("{}{line}", " ".repeat(by)));
    Ok(Value::from(lines.collect::<Vec<_>>().join("\n")))
}
