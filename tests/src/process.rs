//! One process under test: its log in a file, killed when dropped.

use std::{
    fs::{self, File, OpenOptions},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use crate::poll::eventually_within;

/// A running program.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
}

/// The built program of this name, next to the test's own binary.
pub fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    let profile = test.ancestors().find(|dir| dir.join(name).is_file());
    profile
        .unwrap_or_else(|| panic!("{name} is not built: run make test"))
        .join(name)
}

impl Process {
    /// Starts `command`, appending what it prints to `log`.
    pub fn start(mut command: Command, log: &Path) -> Self {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .expect("a log file");
        let errors: File = file.try_clone().expect("a second handle");
        let child = command
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|e| panic!("{command:?} does not start: {e}"));
        Self {
            child,
            log: log.to_owned(),
        }
    }

    /// The operating system's number of it.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything printed so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("its state").is_none()
    }

    /// `kill -9`, and waits for the end.
    pub fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }

    /// Asks it to stop, without waiting.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Interrupts it, without waiting: a database server ends its connections and then itself.
    pub fn interrupt(&self) {
        self.signal("INT");
    }

    /// Asks it to read its configuration again, without waiting.
    pub fn hang_up(&self) {
        self.signal("HUP");
    }

    /// Freezes it, as a machine that stopped answering.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// Wakes it up again.
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    /// Lets its files grow again, as a disk does on which somebody made room.
    pub fn lift_file_limit(&self) {
        let pid = self.child.id().to_string();
        let status = Command::new("prlimit")
            .args(["--pid", &pid, "--fsize=unlimited:unlimited"])
            .status();
        assert!(status.expect("prlimit, of util-linux").success());
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("sh")
            .args(["-c", &format!("kill -{name} {pid}")])
            .status();
        assert!(
            status.expect("a shell").success(),
            "kill -{name} {pid} failed"
        );
    }

    /// Waits for the end.
    pub async fn exit_status(&mut self, deadline: Duration) -> ExitStatus {
        let log = self.log.clone();
        let child = &mut self.child;
        let mut ended = move || child.try_wait().expect("its state");
        eventually_within(deadline, move || {
            let status = ended();
            let log = log.clone();
            async move { status.ok_or_else(|| format!("still running; its log is\n{}", tail(&log))) }
        })
        .await
    }
}

fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already; either way it must not outlive the test.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let name = self
                .log
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let text = format!("--- {name}\n{}\n", tail(&self.log));
            let _ = std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes());
        }
    }
}
