//! A Redis server, gone with the test.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use redis::{Client, cmd};

/// Makes everything that is with a judge look as if it had been there for an hour.
const AGE: &str = "for _, key in ipairs(redis.call('KEYS', '*:waiting:*')) do
    for _, held in ipairs(redis.call('XPENDING', key, 'judges', '-', '+', 1000)) do
        redis.call('XCLAIM', key, 'judges', held[2], 0, held[1], 'IDLE', 3600000, 'JUSTID')
    end
end
return 0";

/// It keeps nothing when it is killed, and can be frozen.
pub(in crate::queue) struct Server {
    child: Child,
    dir: tempfile::TempDir,
}

impl Server {
    pub(in crate::queue) async fn start() -> Self {
        let dir = tempfile::tempdir().expect("temporary directory");
        let child = spawn(dir.path());
        let server = Self { child, dir };
        server.ready().await;
        server
    }

    pub(in crate::queue) fn url(&self) -> String {
        format!("unix://{}", socket(self.dir.path()))
    }

    /// It answers nobody any more, and keeps what it has.
    pub(in crate::queue) fn freeze(&self) {
        self.signal("STOP");
    }

    pub(in crate::queue) fn thaw(&self) {
        self.signal("CONT");
    }

    /// How many names there are.
    pub(in crate::queue) async fn names(&self) -> u64 {
        self.ask(&["DBSIZE"]).await.expect("answers")
    }

    /// Lets every lease end.
    pub(in crate::queue) async fn age(&self) {
        self.ask(&["EVAL", AGE, "0"]).await.expect("answers");
    }

    async fn ask(&self, question: &[&str]) -> redis::RedisResult<u64> {
        let client = Client::open(self.url())?;
        let mut connection = client.get_multiplexed_async_connection().await?;
        let mut asked = cmd(question[0]);
        asked.arg(&question[1..]);
        asked.query_async(&mut connection).await
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("sh")
            .args(["-c", &format!("kill -{name} {id}")])
            .status();
        assert!(status.expect("a shell").success());
    }

    async fn ready(&self) {
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        for _ in 0..1_500 {
            tick.tick().await;
            if self.ask(&["DBSIZE"]).await.is_ok() {
                return;
            }
        }
        panic!("the server does not come up: run deploy/setup/setup.sh test");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn socket(dir: &Path) -> String {
    dir.join("socket").display().to_string()
}

fn spawn(dir: &Path) -> Child {
    let mut command = Command::new("redis-server");
    command.args(["--port", "0", "--save", "", "--appendonly", "no"]);
    command
        .args(["--unixsocket", &socket(dir)])
        .arg("--dir")
        .arg(dir);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("redis-server runs")
}
