//! What is printed once on start: where things are, and something to paste.

use floopy_dataplane::known_providers;

use crate::{
    config::{Effective, Origin},
    system::System,
};

/// The whole of it.
pub(super) fn text(effective: &Effective, system: &System) -> String {
    let proxy = format!("http://{}", system.proxy());
    let mut parts = vec![addresses(effective, system, &proxy), key(effective, system)];
    parts.extend(
        effective
            .warnings
            .iter()
            .map(|warning| format!("  warning: {warning}")),
    );
    let file = system.operator_key_file();
    parts.extend(file.map(|file| format!("  operator   key in {}", file.display())));
    parts.push(providers(effective));
    parts.push(snippets(&proxy, system.minted_key()));
    parts.join("\n")
}

fn addresses(effective: &Effective, system: &System, proxy: &str) -> String {
    let file = effective.file.as_ref().map_or_else(
        || "none; every setting has its default".to_owned(),
        |file| file.display().to_string(),
    );
    format!(
        "\nfloopy is running\n\n  proxy      {proxy}/v1\n  control    http://{}   (dashboard, REST, /metrics)\n  state      {}\n  config     {file}",
        system.rest(),
        effective.config.data_dir.display(),
    )
}

fn key(effective: &Effective, system: &System) -> String {
    match system.minted_key() {
        Some(key) => {
            format!("  API key    {key}\n             shown this once; only its hash is kept")
        }
        None if effective
            .config
            .tenants
            .iter()
            .any(|tenant| tenant.key.is_some()) =>
        {
            "  API key    as configured; for another one: floopy key create".to_owned()
        }
        None => {
            "  API key    of the first start, when it was shown; for another one: floopy key create"
                .to_owned()
        }
    }
}

fn providers(effective: &Effective) -> String {
    if effective.providers.is_empty() {
        let variables: Vec<&str> = known_providers()
            .iter()
            .map(|known| known.env_var)
            .collect();
        return format!(
            "  providers  none, so that every request will be refused.\n\n{}\n{}\n\nTo see it work without any key: floopy demo",
            "No provider key was found. Set one of these and start again:",
            wrap(&variables, 76),
        );
    }
    let named: Vec<String> = effective
        .providers
        .iter()
        .map(|provider| match provider.origin {
            Origin::File => format!("{} (from the file)", provider.name),
            Origin::Variable(name) => format!("{} (from {name})", provider.name),
        })
        .collect();
    format!("  providers  {}", named.join(", "))
}

fn wrap(words: &[&str], width: usize) -> String {
    let mut lines = vec![String::from("  ")];
    for word in words {
        let full = lines
            .last()
            .is_some_and(|line| line.len() + word.len() + 1 > width);
        if full {
            lines.push(String::from("  "));
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(word);
            line.push(' ');
        }
    }
    lines
        .iter()
        .map(|line| line.trim_end())
        .collect::<Vec<_>>()
        .join("\n")
}

fn snippets(proxy: &str, key: Option<&str>) -> String {
    let key = key.unwrap_or("$FLOOPY_API_KEY");
    let python_key = if key.starts_with('$') {
        "os.environ[\"FLOOPY_API_KEY\"]".into()
    } else {
        format!("\"{key}\"")
    };
    let import = if key.starts_with('$') {
        "import os\n"
    } else {
        ""
    };
    format!(
        r#"
Ask, and let Floopy choose the model:

curl {proxy}/v1/chat/completions \
  -H "Authorization: Bearer {key}" \
  -H "Content-Type: application/json" \
  -H "floopy-session-id: first-session" \
  -d '{{"model": "auto", "messages": [{{"role": "user", "content": "What is a canary release?"}}]}}'

Say how the session went, 0 to 10; this is what routing learns from:

curl {proxy}/v1/feedback \
  -H "Authorization: Bearer {key}" \
  -H "Content-Type: application/json" \
  -d '{{"session_id": "first-session", "score": 9, "useful": true}}'

The same in Python (pip install openai):

{import}from openai import OpenAI

client = OpenAI(base_url="{proxy}/v1", api_key={python_key})
reply = client.chat.completions.create(
    model="auto",
    messages=[{{"role": "user", "content": "What is a canary release?"}}],
    extra_headers={{"floopy-session-id": "first-session"}},
)
print(reply.model, reply.choices[0].message.content)
client.post("/feedback", cast_to=object,
            body={{"session_id": "first-session", "score": 9, "useful": True}})
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snippets_name_the_address_the_key_and_the_session() {
        let text = snippets("http://127.0.0.1:8080", Some("fl_abc"));
        for part in [
            "http://127.0.0.1:8080/v1/chat/completions",
            "Bearer fl_abc",
            "\"auto\"",
            "/v1/feedback",
        ] {
            assert!(text.contains(part), "{part}");
        }
        assert_eq!(text.matches("first-session").count(), 4);
        assert!(snippets("http://h", None).contains("os.environ"));
    }

    #[test]
    fn long_lists_are_wrapped() {
        let text = wrap(&["AAAA", "BBBB", "CCCC"], 12);
        assert_eq!(text, "  AAAA BBBB\n  CCCC");
    }
}
