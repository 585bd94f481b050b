//! nginx as a plain reverse proxy: the floor for anything that stands between client and upstream.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::{eventually, ports::free_addr, process::Process};

/// A running nginx.
#[derive(Debug)]
pub struct Nginx {
    pub addr: SocketAddr,
    /// The same without buffering, as streams need it.
    pub streaming: SocketAddr,
    process: Process,
    _dir: TempDir,
}

impl Nginx {
    /// Starts it in front of `upstream`; `None` where there is no nginx on this machine.
    pub async fn start(upstream: SocketAddr) -> Option<Self> {
        let program = program()?;
        let dir = tempfile::tempdir().expect("a directory");
        let (addr, streaming) = (free_addr(), free_addr());
        fs::write(
            dir.path().join("nginx.conf"),
            config([addr, streaming], upstream, dir.path()),
        )
        .expect("written");
        let mut command = Command::new(program);
        command
            .arg("-p")
            .arg(dir.path())
            .args(["-c", "nginx.conf", "-e", "stderr"]);
        let process = Process::start(command, &dir.path().join("nginx.log"));
        eventually(|| async {
            tokio::net::TcpStream::connect(addr)
                .await
                .map_err(|e| (e.to_string(), process.log()))
        })
        .await;
        Some(Self {
            addr,
            streaming,
            process,
            _dir: dir,
        })
    }

    /// The operating system's number of it.
    pub fn id(&self) -> u32 {
        self.process.id()
    }
}

fn program() -> Option<PathBuf> {
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.local/nginx/usr/sbin/nginx");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&path)
        .map(|dir| dir.join("nginx"))
        .find(|p| p.is_file());
    [
        in_path,
        Some(PathBuf::from("/usr/sbin/nginx")),
        Some(unpacked),
    ]
    .into_iter()
    .flatten()
    .find(|p| p.is_file())
}

/// One process, as dying with its parent matters more here than a second worker on two cores.
fn config(addrs: [SocketAddr; 2], upstream: SocketAddr, dir: &Path) -> String {
    let temp = |name: &str| format!("{name}_temp_path {};", dir.join(name).display());
    let temps = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(temp)
        .join(" ");
    let server = |addr: SocketAddr, buffering: &str| {
        format!(
            "server {{\n\
               listen {addr};\n\
               location / {{\n\
                 proxy_pass http://fast; proxy_http_version 1.1; proxy_set_header Connection \"\";\n\
                 proxy_buffering {buffering};\n\
               }}\n\
             }}\n"
        )
    };
    format!(
        "daemon off; master_process off; pid {dir}/nginx.pid;\n\
         events {{ worker_connections 8192; }}\n\
         http {{\n\
           access_log off; {temps}\n\
           keepalive_requests 100000000;\n\
           upstream fast {{ server {upstream}; keepalive 256; keepalive_requests 100000000; }}\n\
           {buffered}{unbuffered}\
         }}\n",
        dir = dir.display(),
        buffered = server(addrs[0], "on"),
        unbuffered = server(addrs[1], "off"),
    )
}
