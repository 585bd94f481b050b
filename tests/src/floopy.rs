//! The system under test: the real binaries, as one process or as three.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    time::Duration,
};

use tempfile::TempDir;

use crate::{
    Api, Settings, Upstream, eventually,
    process::{Process, binary},
    settings::{OTHER_TENANT, TENANT},
};

/// How the planes are put into processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `floopy`: everything in one.
    Standalone,
    /// `floopy-dataplane`, `floopy-controlplane` and `floopy-judge-worker`.
    Split,
}

/// What planes apart seal credentials with; together they make one.
const CREDENTIALS_KEY: &str = "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a";

/// A running system; killed and removed when dropped.
#[derive(Debug)]
pub struct Floopy {
    shape: Shape,
    settings: Settings,
    proxy: Option<Process>,
    control: Option<Process>,
    standby: Option<Process>,
    judge: Option<Process>,
    dir: TempDir,
}

impl Floopy {
    /// Starts a system with one provider and waits until it serves.
    pub async fn start(shape: Shape, upstream: &Upstream) -> Self {
        Self::with(shape, Settings::for_upstream(upstream)).await
    }

    /// The same with other settings.
    pub async fn with(shape: Shape, settings: Settings) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        Self::over(shape, settings, dir).await
    }

    /// The same over what is in a directory already.
    pub async fn over(shape: Shape, settings: Settings, dir: TempDir) -> Self {
        let mut floopy = Self {
            shape,
            settings,
            proxy: None,
            control: None,
            standby: None,
            judge: None,
            dir,
        };
        floopy.write_configs();
        floopy.start_control().await;
        floopy.start_standby().await;
        floopy.start_judge();
        floopy.start_proxy().await;
        floopy.knows_its_tenants().await;
        floopy
    }

    fn write_configs(&self) {
        let dir = self.dir.path();
        let write =
            |name: &str, text: String| fs::write(dir.join(name), text).expect("a config file");
        match self.shape {
            Shape::Standalone => write("floopy.toml", self.settings.standalone(dir)),
            Shape::Split => {
                write("dataplane.toml", self.settings.dataplane(dir));
                write("controlplane.toml", self.settings.controlplane(dir));
                if let Some(text) = self.settings.standby_controlplane(dir) {
                    write("standby.toml", text);
                }
                write("judge.toml", self.settings.judge());
            }
        }
    }

    /// A proxy serves before the first snapshot came; tests begin after it.
    async fn knows_its_tenants(&self) {
        eventually(|| async {
            let answer = self.other_api().get("/v1/models").await;
            // `auto` alone is not a model.
            let ready = answer.json()["data"]
                .as_array()
                .is_some_and(|models| models.len() > 1);
            if ready { Ok(()) } else { Err(answer.text()) }
        })
        .await;
    }

    /// Speaks to the proxy as the usual tenant.
    pub fn api(&self) -> Api {
        Api::new(self.settings.addrs.proxy, TENANT.1)
    }

    /// Speaks to the proxy as another tenant.
    pub fn other_api(&self) -> Api {
        Api::new(self.settings.addrs.proxy, OTHER_TENANT.1)
    }

    /// Speaks to the control plane's REST API as the usual tenant.
    pub fn control_api(&self) -> Api {
        Api::new(self.settings.addrs.rest, TENANT.1)
    }

    /// Speaks to the REST API of the control plane that stands by at first, as the usual tenant.
    pub fn standby_api(&self) -> Api {
        let (rest, _) = self.settings.standby.expect("a second control plane");
        Api::new(rest, TENANT.1)
    }

    /// Speaks to the control plane as whoever runs it, with the key that the first start left.
    pub fn operator_api(&self) -> Api {
        let key = fs::read_to_string(self.operator_key_file()).expect("the operator's key");
        Api::new(self.settings.addrs.rest, key.trim())
    }

    /// Where the first start leaves the operator's key.
    pub fn operator_key_file(&self) -> PathBuf {
        let store = match self.shape {
            Shape::Standalone => "data/control",
            Shape::Split => "control",
        };
        self.dir.path().join(store).join("operator.key")
    }

    /// Speaks to where the proxy's health and metrics are.
    pub fn admin_api(&self) -> Api {
        match self.shape {
            Shape::Standalone => Api::anonymous(self.settings.addrs.rest),
            Shape::Split => Api::anonymous(self.settings.addrs.admin),
        }
    }

    /// Where the proxy listens.
    pub fn proxy_addr(&self) -> SocketAddr {
        self.settings.addrs.proxy
    }

    /// Where the control plane's gRPC listens, if it is a process of its own.
    pub fn grpc_addr(&self) -> SocketAddr {
        self.settings.addrs.grpc
    }

    /// Where everything of this system is kept.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// From its next start on every process has this variable.
    pub fn set_environment(&mut self, name: &str, value: &str) {
        let environment = &mut self.settings.environment;
        environment.push((name.to_owned(), value.to_owned()));
    }

    /// From its next start on the control plane keeps its store there.
    pub fn set_store(&mut self, lines: &str) {
        self.settings = self.settings.clone().store(lines);
        self.write_configs();
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Everything that any process logged.
    pub fn logs(&self) -> String {
        let processes = [&self.proxy, &self.control, &self.standby, &self.judge];
        processes
            .into_iter()
            .flatten()
            .map(Process::log)
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// The operating system's numbers of all processes.
    pub fn process_ids(&self) -> Vec<u32> {
        let processes = [&self.proxy, &self.control, &self.standby, &self.judge];
        processes.into_iter().flatten().map(Process::id).collect()
    }

    /// The process that has the proxy in it.
    pub fn proxy_process(&mut self) -> &mut Process {
        self.proxy.as_mut().expect("the proxy was started")
    }

    /// Starts the proxy, which is everything in the standalone shape, and waits until it answers.
    pub async fn start_proxy(&mut self) {
        let command = match self.shape {
            Shape::Standalone => self.command("floopy", "floopy.toml"),
            Shape::Split => self.command("floopy-dataplane", "dataplane.toml"),
        };
        let limited = limited(command, self.settings.file_limit_kib);
        self.proxy = Some(Process::start(limited, &self.log("proxy.log")));
        self.answers(Api::anonymous(self.proxy_addr())).await;
    }

    /// Starts the control plane where it is a process of its own.
    pub async fn start_control(&mut self) {
        if self.shape == Shape::Split {
            let command = self.command("floopy-controlplane", "controlplane.toml");
            self.control = Some(Process::start(command, &self.log("control.log")));
            self.answers(Api::anonymous(self.settings.addrs.rest)).await;
        }
    }

    /// Starts the second control plane, if there is to be one, and waits until it answers.
    pub async fn start_standby(&mut self) {
        let Some((rest, _)) = self.settings.standby else {
            return;
        };
        let command = self.command("floopy-controlplane", "standby.toml");
        self.standby = Some(Process::start(command, &self.log("standby.log")));
        self.answers(Api::anonymous(rest)).await;
    }

    /// `kill -9` for the second control plane.
    pub fn kill_standby(&mut self) {
        self.standby.take().expect("a second control plane").kill();
    }

    /// The process that has the first control plane in it.
    pub fn control_process(&mut self) -> &mut Process {
        self.control.as_mut().expect("a control plane of its own")
    }

    /// Starts the judge where it is a process of its own.
    pub fn start_judge(&mut self) {
        if self.shape == Shape::Split {
            let command = self.command("floopy-judge-worker", "judge.toml");
            self.judge = Some(Process::start(command, &self.log("judge.log")));
        }
    }

    async fn answers(&mut self, api: Api) {
        let this = std::cell::RefCell::new(self);
        eventually(|| async {
            let died = this.borrow_mut().died();
            assert!(
                died.is_none(),
                "a process ended at its start:\n{}",
                died.unwrap_or_default()
            );
            api.call(http::Method::GET, "/v1/models")
                .try_send()
                .await
                .map(drop)
        })
        .await;
    }

    /// The log of a process that should run and does not.
    fn died(&mut self) -> Option<String> {
        let processes = [
            &mut self.proxy,
            &mut self.control,
            &mut self.standby,
            &mut self.judge,
        ];
        processes
            .into_iter()
            .flatten()
            .find_map(|p| (!p.is_running()).then(|| p.log()))
    }

    pub(crate) fn command(&self, program: &str, config: &str) -> Command {
        let mut command = Command::new(binary(program));
        command
            .current_dir(self.dir.path())
            .arg("--config")
            .arg(self.dir.path().join(config));
        command.env("RUST_LOG", "info").env("NO_COLOR", "1");
        if self.shape == Shape::Split {
            command.env("FLOOPY_CREDENTIALS_KEY", CREDENTIALS_KEY);
        }
        let set = self.settings.environment.iter();
        command.envs(set.map(|(name, value)| (name, value)));
        command
    }

    fn log(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// `kill -9` for the proxy.
    pub fn kill_proxy(&mut self) {
        self.proxy_process().kill();
    }

    /// SIGTERM for the proxy, without waiting.
    pub fn terminate_proxy(&mut self) {
        self.proxy_process().terminate();
    }

    /// Waits for the proxy's end.
    pub async fn proxy_exit(&mut self, deadline: Duration) -> ExitStatus {
        self.proxy_process().exit_status(deadline).await
    }

    /// Stops the proxy properly.
    pub async fn stop_proxy(&mut self) {
        self.terminate_proxy();
        let status = self.proxy_exit(Duration::from_secs(20)).await;
        assert_eq!(status.code(), Some(0), "{}", self.logs());
    }

    /// `kill -9` for the control plane.
    pub fn kill_control(&mut self) {
        self.control
            .take()
            .expect("a control plane of its own")
            .kill();
    }

    /// The control plane stops answering, but its connections stay.
    pub fn freeze_control(&self) {
        self.control
            .as_ref()
            .expect("a control plane of its own")
            .freeze();
    }

    /// It answers again.
    pub fn thaw_control(&self) {
        self.control
            .as_ref()
            .expect("a control plane of its own")
            .thaw();
    }

    /// `kill -9` for the judge.
    pub fn kill_judge(&mut self) {
        self.judge.take().expect("a judge of its own").kill();
    }
}

/// The same program under a shell that lets no file grow beyond the limit: writes fail, nothing is killed.
fn limited(command: Command, kib: Option<u32>) -> Command {
    let Some(kib) = kib else { return command };
    let mut shell = Command::new("bash");
    shell.args([
        "-c",
        &format!("trap '' XFSZ; ulimit -S -f {kib}; exec \"$0\" \"$@\""),
    ]);
    shell.arg(command.get_program()).args(command.get_args());
    if let Some(dir) = command.get_current_dir() {
        shell.current_dir(dir);
    }
    shell.envs(
        command
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    shell
}
