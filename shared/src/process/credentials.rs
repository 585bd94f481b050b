//! Where the keys come from that tenants' credentials are sealed with: the configuration, a file, or a command.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use rand::{TryRngCore, rngs::OsRng};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::config::Secret;
use crate::domain::credential::KeyRing;

/// Where the keys come from if the configuration has none.
const VARIABLE: &str = "FLOOPY_CREDENTIALS_KEY";
/// For a command to say its keys.
const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);
/// Of a file, or of what a command says.
const MAX_BYTES: u64 = 16 << 10;

/// The keys for credentials, at most one of: each may have several, the newest first, apart by blanks or commas.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Credentials {
    /// 32 bytes as 64 hex digits or base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Secret>,
    /// A file that has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
    /// A program, and its arguments, that says it: one that asks a KMS.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub key_command: Vec<String>,
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
#[error("credentials.{field}: {message}")]
pub struct Unloaded {
    pub field: &'static str,
    pub message: String,
}

impl Credentials {
    /// Takes the key from the environment where the configuration has none.
    pub fn or_environment(&mut self, environment: impl Fn(&str) -> Option<String>) {
        let found = environment(VARIABLE).filter(|key| !key.trim().is_empty());
        if let (false, Some(key)) = (self.is_set(), found) {
            self.key = Some(Secret::new(key.trim()));
        }
    }

    /// Those of this file, which is made if there is none, readable by its owner only.
    pub fn made_at(path: &Path) -> Result<Self, Unloaded> {
        let failed = |e: io::Error| Unloaded {
            field: "key_file",
            message: format!("{}: {e}", path.display()),
        };
        if !path.exists() {
            make(path).map_err(failed)?;
        }
        Ok(Self {
            key_file: Some(path.to_owned()),
            ..Self::default()
        })
    }

    /// Whether anything is said of keys.
    pub fn is_set(&self) -> bool {
        self.key.is_some() || self.key_file.is_some() || !self.key_command.is_empty()
    }

    /// Whether no two of them contradict each other.
    pub fn check(&self) -> Result<(), Unloaded> {
        let said = [
            (self.key.is_some(), "key"),
            (self.key_file.is_some(), "key_file"),
            (!self.key_command.is_empty(), "key_command"),
        ];
        let said: Vec<&str> = said
            .iter()
            .filter(|(is, _)| *is)
            .map(|(_, name)| *name)
            .collect();
        match said.as_slice() {
            [first, second, ..] => Err(Unloaded {
                field: "key",
                message: format!("{first} and {second} are both set; one of them says it all"),
            }),
            _ => Ok(()),
        }
    }

    /// The keys; none where nothing is said of them. Waits for the command.
    pub fn load(&self) -> Result<KeyRing, Unloaded> {
        self.check()?;
        let failed = |field| move |message| Unloaded { field, message };
        let (field, text) = if let Some(key) = &self.key {
            ("key", Zeroizing::new(key.expose().to_owned()))
        } else if let Some(file) = &self.key_file {
            let field = "key_file";
            (field, read(file).map_err(failed(field))?)
        } else if let Some((program, arguments)) = self.key_command.split_first() {
            let field = "key_command";
            (
                field,
                ask(program, arguments, PATIENCE).map_err(failed(field))?,
            )
        } else {
            return Ok(KeyRing::default());
        };
        KeyRing::read(&text).map_err(|error| failed(field)(error.to_string()))
    }
}

/// A file that is there is whole.
fn make(path: &Path) -> io::Result<()> {
    let mut bytes = Zeroizing::new([0; 32]);
    OsRng
        .try_fill_bytes(&mut *bytes)
        .map_err(io::Error::other)?;
    let text = Zeroizing::new(hex::encode(*bytes));
    if let Some(directory) = path.parent() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
    }
    let draft = path.with_extension("key.tmp");
    if draft.exists() {
        fs::remove_file(&draft)?;
    }
    let mut file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(&draft)?;
    writeln!(file, "{}", *text)?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

fn read(path: &Path) -> Result<Zeroizing<String>, String> {
    let failed = |e: io::Error| format!("{}: {e}", path.display());
    let file = fs::File::open(path).map_err(failed)?;
    all_of(file).map_err(failed)
}

fn all_of(mut from: impl Read) -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::with_capacity(MAX_BYTES as usize));
    from.by_ref().take(MAX_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// What a program says. What it says of its troubles goes where ours go.
fn ask(
    program: &str,
    arguments: &[String],
    patience: Duration,
) -> Result<Zeroizing<String>, String> {
    let failed = |e: io::Error| format!("{program}: {e}");
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut child = command.spawn().map_err(failed)?;
    // Held here, too, so that waiting for it takes its time.
    let (told, heard) = mpsc::sync_channel(1);
    if let Some(output) = child.stdout.take() {
        let told = told.clone();
        thread::spawn(move || told.send(all_of(output)));
    }
    let deadline = Instant::now() + patience;
    let mut said = None;
    let status = loop {
        let next = heard.recv_timeout(POLL).ok();
        said = said.or(next);
        match child.try_wait().map_err(failed)? {
            Some(status) => break status,
            None if Instant::now() < deadline => {}
            None => {
                // It may have ended in between.
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("{program} said nothing within {patience:?}"));
            }
        }
    };
    if !status.success() {
        return Err(format!("{program} failed: {status}"));
    }
    let said = said.or_else(|| heard.recv_timeout(patience).ok());
    said.ok_or_else(|| format!("{program} has no output"))?
        .map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn command(script: &str) -> Credentials {
        Credentials {
            key_command: ["sh", "-c", script].map(str::to_owned).to_vec(),
            ..Credentials::default()
        }
    }

    #[test]
    fn keys_come_from_the_configuration_a_file_or_a_command() {
        let key = "ab".repeat(32);
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(&file, format!("{key}\n{}\n", "cd".repeat(32))).expect("written");
        let mut found = Credentials::default();
        found.or_environment(|name| (name == VARIABLE).then(|| key.clone()));
        let sources = [
            (found, 1),
            (command(&format!("echo {key}")), 1),
            (
                Credentials {
                    key_file: Some(file.path().into()),
                    ..Credentials::default()
                },
                2,
            ),
        ];
        let newest = KeyRing::read(&key).expect("valid").ids().next();
        for (source, count) in sources {
            let ring = source.load().expect("loaded");
            assert_eq!((ring.ids().next(), ring.ids().count()), (newest, count));
        }
        let none = Credentials::default().load().expect("nothing said");
        assert_eq!(none.ids().count(), 0);
    }

    #[test]
    fn a_key_is_made_once_and_only_its_owner_reads_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("control/credentials.key");
        let ids = || {
            let ring = Credentials::made_at(&path).expect("made").load();
            ring.expect("loaded").ids().collect::<Vec<_>>()
        };
        let first = ids();
        assert_eq!((first.len(), ids()), (1, first));
        let mode = path.metadata().expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn what_goes_wrong_is_said_by_field_and_without_the_key() {
        let both = Credentials {
            key: Some(Secret::new("marker")),
            ..command("true")
        };
        let cases = [
            (both, "credentials.key: key and key_command are both set"),
            (
                command("echo marker"),
                "credentials.key_command: key 1 has 6 characters",
            ),
            (
                command("exit 3"),
                "credentials.key_command: sh failed: exit status: 3",
            ),
            (
                Credentials {
                    key_file: Some("/nowhere".into()),
                    ..Credentials::default()
                },
                "credentials.key_file: /nowhere",
            ),
        ];
        for (source, expected) in cases {
            let error = source.load().expect_err(expected).to_string();
            assert!(
                error.starts_with(expected) && !error.contains("marker"),
                "{error}"
            );
        }
        let silent = ask("sleep", &["60".to_owned()], Duration::from_millis(30));
        let error = silent.expect_err("too late");
        assert!(error.starts_with("sleep said nothing within"), "{error}");
    }
}
