//! A real PostgreSQL server, gone with the test.

use std::{path::Path, process::Command, time::Duration};

use tempfile::TempDir;

use crate::{Settings, authority::Authority, eventually, ports::free_addr, process::Process};

/// A server that can be stopped and started again.
#[derive(Debug)]
pub struct Postgres {
    process: Option<Process>,
    dir: TempDir,
    /// Where it listens by TLS alone, if it does.
    tls_port: Option<u16>,
}

impl Postgres {
    /// Starts one with an empty database and waits until it answers.
    pub async fn start() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        Self::in_dir(dir, None).await
    }

    /// The same of one that is reached by TLS at 127.0.0.1, by a certificate of this authority.
    pub async fn with_tls(authority: &Authority) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        authority.write(dir.path());
        authority.issue(dir.path(), "server");
        Self::in_dir(dir, Some(free_addr().port())).await
    }

    async fn in_dir(dir: TempDir, tls_port: Option<u16>) -> Self {
        let mut server = Self {
            process: None,
            dir,
            tls_port,
        };
        server.start_again().await;
        server
    }

    /// Starts it over what it has, and waits until it answers.
    pub async fn start_again(&mut self) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/postgres.sh");
        let mut command = Command::new(script);
        command.arg(self.dir.path());
        if let Some(port) = self.tls_port {
            command.env("TLS_PORT", port.to_string());
        }
        let log = self.dir.path().join("log");
        self.process = Some(Process::start(command, &log));
        // Written once it takes connections.
        let pid_file = self.dir.path().join("data/postmaster.pid");
        eventually(|| async {
            let text = std::fs::read_to_string(&pid_file).unwrap_or_default();
            let status = text.lines().nth(7).unwrap_or_default().trim();
            if status == "ready" {
                Ok(())
            } else {
                Err(format!("the server is not up: {text:?}"))
            }
        })
        .await;
    }

    /// Stops it: open connections end at once.
    pub async fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.interrupt();
            process.exit_status(Duration::from_secs(30)).await;
        }
    }

    /// Runs one of PostgreSQL's own programs against it.
    pub async fn run(&self, program: &str, arguments: &[&str]) {
        let mut command = tokio::process::Command::new(program);
        command.args(["--username=postgres", "--host"]);
        command.arg(self.dir.path()).args(arguments);
        let output = command.output().await.expect("PostgreSQL's programs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{program}: {said}");
    }

    /// It takes questions and answers none.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// It answers again.
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    /// To the server and to each process that it has for a connection.
    fn signal(&self, name: &str) {
        let pid = self.process.as_ref().map(Process::id).expect("it runs");
        let script = format!("kill -{name} {pid} $(ps -o pid= --ppid {pid})");
        let status = Command::new("sh").args(["-c", &script]).status();
        assert!(status.expect("a shell").success(), "{script} failed");
    }

    /// What it keeps, and its log.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// How it is reached.
    pub fn url(&self) -> String {
        let host = self.dir.path();
        format!(
            "postgres://postgres@localhost/postgres?host={}",
            host.display()
        )
    }

    /// How it is reached by TLS at this name.
    pub fn tls_url(&self, host: &str) -> String {
        let port = self.tls_port.expect("it listens by TLS");
        format!("postgres://postgres:pg-secret@{host}:{port}/postgres")
    }

    /// Settings under which the control plane keeps its store there.
    pub fn keeps(&self, settings: Settings) -> Settings {
        settings.store(&format!("url = \"{}\"", self.url()))
    }
}
