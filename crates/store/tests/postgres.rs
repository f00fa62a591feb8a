//! A Postgres of its own for a test: not as root, on loopback, gone with the test.

use std::fs::{self, File, Permissions};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The user's name; it may do everything in its cluster.
pub(crate) const USER: &str = "gateway";

/// The user's password, with characters that an address needs encoded.
pub(crate) const PASSWORD: &str = "hunter2 %41+/?#&=";

/// A running server with an empty database `postgres`.
pub(crate) struct Postgres {
    programs: PathBuf,
    folder: tempfile::TempDir,
    port: u16,
    server: Option<Child>,
    options: Vec<String>,
}

impl Postgres {
    /// Starts one. `None`, with a loud word, where Postgres isn't installed; there, continuous integration fails.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// Starts one with these settings (`name=value`).
    pub(crate) fn start_with(options: &[&str]) -> Option<Self> {
        let Some(programs) = programs() else {
            let word = "there is no Postgres here (initdb, on the path or in /usr/lib/postgresql/*/bin): its tests did NOT run";
            assert!(std::env::var_os("CI").is_none(), "{word}; install the package postgresql");
            eprintln!("{word}");
            return None;
        };
        let folder = tempfile::Builder::new().prefix("mfa-gateway-postgres-").tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        let mut postgres = Self { programs, folder, port: 0, server: None, options };
        postgres.make_cluster();
        for _ in 0..5 {
            // Somebody else may take the port in between.
            postgres.port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
            if postgres.run() {
                return Some(postgres);
            }
        }
        panic!(
            "Postgres doesn't start: {}",
            fs::read_to_string(postgres.folder.path().join("log")).unwrap_or_default()
        );
    }

    /// Its address, without the password.
    pub(crate) fn url(&self) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/postgres", self.port)
    }

    /// A file with the password.
    pub(crate) fn password_file(&self) -> PathBuf {
        self.folder.path().join("password")
    }

    /// Runs statements as the user, and returns what they print.
    pub(crate) fn sql(&self, text: &str) -> String {
        self.sql_as(&fs::read_to_string(self.password_file()).unwrap(), text)
    }

    /// The same with this password.
    pub(crate) fn sql_as(&self, password: &str, text: &str) -> String {
        let output = Command::new(self.programs.join("psql"))
            .args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", USER, "-d", "postgres"])
            .args(["-p", &self.port.to_string(), "-c", text])
            .env("PGPASSWORD", password)
            .output()
            .unwrap();
        assert!(output.status.success(), "{text}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Ends every process of it at once, as a power cut does.
    pub(crate) fn kill(&mut self) {
        self.signal("KILL");
        if let Some(mut server) = self.server.take() {
            server.wait().unwrap();
        }
        // The other processes belong to nobody now; they are gone when their port is.
        let end = Instant::now() + Duration::from_secs(10);
        while TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).is_err() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Starts it again, at the same port.
    pub(crate) fn restart(&mut self) {
        if self.server.is_some() {
            self.kill();
        }
        assert!(self.run(), "it doesn't start again");
    }

    /// Stops every process of it where it stands, until [`resume`](Self::resume).
    pub(crate) fn pause(&self) {
        self.signal("STOP");
    }

    /// Lets it go on.
    pub(crate) fn resume(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let Some(server) = &self.server else { return };
        let parent = server.id().to_string();
        let mut pids = vec![parent.clone()];
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            // PID (NAME) STATE PARENT …
            let of_ours = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)) == Some(&parent);
            if of_ours {
                pids.push(entry.file_name().into_string().unwrap());
            }
        }
        // One may have ended by itself in the meantime.
        let _ = Command::new("kill").arg(format!("-{name}")).args(pids).stderr(Stdio::null()).status().unwrap();
    }

    /// Makes the cluster, from a copy that the first test leaves behind: making one takes seconds.
    fn make_cluster(&self) {
        let template = Path::new(env!("CARGO_TARGET_TMPDIR")).join("postgres-template");
        let lock = File::create(template.with_extension("lock")).unwrap();
        lock.lock().unwrap();
        fs::write(self.password_file(), PASSWORD).unwrap();
        let (data, made) = (self.folder.path().join("data"), template.join("made"));
        if made.exists() {
            copy(&template.join("data"), &data);
            self.give_away();
            return;
        }
        self.give_away();
        let status = self
            .as_user("initdb")
            .args(["--no-sync", "--encoding=UTF8", "--locale=C", "--auth=scram-sha-256", "--username", USER])
            .arg("--pwfile")
            .arg(self.password_file())
            .arg("--pgdata")
            .arg(&data)
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "initdb failed");
        let _ = fs::remove_dir_all(&template);
        fs::create_dir_all(&template).unwrap();
        copy(&data, &template.join("data"));
        fs::write(made, "").unwrap();
    }

    /// Starts the server, and waits until it responds.
    fn run(&mut self) -> bool {
        let log = File::create(self.folder.path().join("log")).unwrap();
        let data = self.folder.path().join("data");
        let mut command = self.as_user("postgres");
        command.arg("-D").arg(&data).args(["-p", &self.port.to_string()]);
        for option in ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "shared_buffers=16MB"] {
            command.args(["-c", option]);
        }
        for option in &self.options {
            command.args(["-c", option]);
        }
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let mut server = command.spawn().unwrap();
        let end = Instant::now() + Duration::from_secs(30);
        while Instant::now() < end && server.try_wait().unwrap().is_none() {
            // The server writes `ready` into the last line of its own file.
            if fs::read_to_string(data.join("postmaster.pid")).is_ok_and(|text| text.trim_end().ends_with("ready")) {
                self.server = Some(server);
                return true;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = server.kill();
        let _ = server.wait();
        false
    }

    /// Postgres refuses to run as root. The server ends with this process.
    fn as_user(&self, program: &str) -> Command {
        let mut command = Command::new("setpriv");
        command.arg("--pdeathsig=QUIT");
        if is_root() {
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        }
        command.arg(self.programs.join(program)).current_dir(self.folder.path());
        command
    }

    fn give_away(&self) {
        if is_root() {
            let status = Command::new("chown").args(["-R", "65534:65534"]).arg(self.folder.path()).status().unwrap();
            assert!(status.success());
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.kill();
    }
}

fn is_root() -> bool {
    std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").unwrap()) == 0
}

/// The newest version's programs: in Debian's place, or on the path.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut places: Vec<_> = versions.map(|version| version.path().join("bin")).collect();
    places.sort_by(|one, other| other.cmp(one));
    places.extend(std::env::split_paths(&std::env::var_os("PATH")?));
    let is_whole = |folder: &PathBuf| ["initdb", "postgres", "psql"].iter().all(|name| folder.join(name).exists());
    places.into_iter().find(is_whole)
}

fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(status.success());
}
