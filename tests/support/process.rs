//! The gateway as a process of its own: for its log, its signals, its sockets and its memory.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::{Answer, Call, Http1, until};

/// A running process; it is killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    folder: tempfile::TempDir,
    pub(crate) address: SocketAddr,
    admin: SocketAddr,
}

impl Process {
    /// Starts the program with this configuration, in which `${TRAFFIC}` and `${ADMIN}` stand for its addresses, and waits
    /// until it is ready.
    pub(crate) async fn start(config: &str) -> Self {
        let program = std::env::var("MFA_GATEWAY_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_mfa-gateway").to_owned());
        let folder = tempfile::tempdir().unwrap();
        let (address, admin) = (free(), free());
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let file = folder.path().join("gateway.yaml");
        std::fs::write(&file, placed(config, address, admin)).unwrap();
        let mut command = Command::new(program);
        command.args(["serve", "--config"]).arg(&file).stdin(Stdio::null());
        let child = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let process = Self { child, folder, address, admin };
        until("the process to be ready", async || {
            tokio::net::TcpStream::connect(admin).await.is_ok() && process.admin("/readyz").await.code() == 200
        })
        .await;
        process
    }

    /// Writes another configuration into the file.
    pub(crate) fn write(&self, config: &str) {
        std::fs::write(self.file(), placed(config, self.address, self.admin)).unwrap();
    }

    /// Where the configuration is.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("gateway.yaml")
    }

    /// What it logged, once that holds `last`: a thread of its own writes it, a moment later.
    pub(crate) async fn log_up_to(&self, last: &str) -> String {
        let logged = async {
            loop {
                let log = self.log();
                if log.contains(last) {
                    return log;
                }
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        super::within("the log", logged).await
    }

    /// What it logged so far.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.folder.path().join("log")).unwrap()).into_owned()
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([&format!("-{name}"), &self.id()]).status().unwrap().success());
    }

    /// Waits for its end; the exit code, unless a signal ended it.
    pub(crate) async fn end(&mut self) -> Option<i32> {
        let ended = async {
            loop {
                match self.child.try_wait().unwrap() {
                    Some(status) => return status.code(),
                    None => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
                }
            }
        };
        super::within("the process to end", ended).await
    }

    /// Where the admin listener is.
    pub(crate) fn admin_address(&self) -> SocketAddr {
        self.admin
    }

    /// Asks the admin listener.
    pub(crate) async fn admin(&self, path: &str) -> Answer {
        Http1::connect(self.admin).await.send(&Call::get(path)).await
    }

    /// Sends one request over a connection of its own.
    pub(crate) async fn send(&self, call: &Call) -> Answer {
        Http1::connect(self.address).await.send(call).await
    }

    /// The value of a metric, by the whole of its name and labels; 0 if it has none yet.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let text = String::from_utf8(self.admin("/metrics").await.body.to_vec()).unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.map_or(0.0, |value| value.parse().unwrap())
    }

    /// Its process id.
    pub(crate) fn id(&self) -> String {
        self.child.id().to_string()
    }

    /// The memory that it holds, in KiB.
    pub(crate) fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// How many threads it has.
    pub(crate) fn threads(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/task", self.id())).unwrap().count()
    }

    /// How many files and sockets it has open.
    pub(crate) fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.id())).unwrap().count()
    }

    /// The ports on which it listens.
    pub(crate) fn listens(&self) -> Vec<u16> {
        let links = std::fs::read_dir(format!("/proc/{}/fd", self.id())).unwrap();
        let own: Vec<_> = links.filter_map(|link| std::fs::read_link(link.ok()?.path()).ok()).collect();
        let is_own = |inode: &str| own.iter().any(|link| link.as_os_str() == format!("socket:[{inode}]").as_str());
        let mut ports = Vec::new();
        for table in ["tcp", "tcp6", "udp", "udp6"] {
            let text = std::fs::read_to_string(format!("/proc/{}/net/{table}", self.id())).unwrap_or_default();
            for line in text.lines().skip(1) {
                let fields: Vec<_> = line.split_whitespace().collect();
                // `0A` is TCP's LISTEN; a bound UDP socket is `07`.
                if matches!(fields[3], "0A" | "07") && is_own(fields[9]) {
                    ports.push(u16::from_str_radix(fields[1].rsplit(':').next().unwrap(), 16).unwrap());
                }
            }
        }
        ports.sort_unstable();
        ports
    }

    /// The ports that it was told to listen on.
    pub(crate) fn configured(&self) -> Vec<u16> {
        let mut ports = vec![self.address.port(), self.admin.port()];
        ports.sort_unstable();
        ports
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address that nobody uses; the next process may take it before ours does, but ports are many.
fn free() -> SocketAddr {
    std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap()
}

fn placed(config: &str, address: SocketAddr, admin: SocketAddr) -> String {
    config.replace("${TRAFFIC}", &address.to_string()).replace("${ADMIN}", &admin.to_string())
}
