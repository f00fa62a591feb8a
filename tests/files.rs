//! A file that hangs, or that is none, keeps no request waiting: at the start, at a reload, at the end.
//!
//! A FIFO without a partner stands for a network drive that hangs: an ordinary `open` of it never returns.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mfa_gateway_core::clock::Clock;

use crate::support::key_server::{AUTHORITY, CERTIFICATE, PRIVATE_KEY};
use crate::support::{Call, Process, Recorder, World, until, within};

/// How long a request may take while something hangs. Ordinary ones take a millisecond.
const PROMPT: Duration = Duration::from_secs(2);

const PUBLIC: &str = "
listeners: [{ address: \"${TRAFFIC}\" }]
admin: { address: \"${ADMIN}\" }
upstreams: [{ name: api, endpoints: [\"${UPSTREAM}\"] }]
routes: [{ prefix: /, upstream: api, require: public }]
";

/// Every kind of file that a configuration names. `${DIR}` is theirs.
const ALL: &str = "
threads: 2
listeners:
  - { address: \"${TRAFFIC}\" }
  - { address: \"127.0.0.1:0\", tls: { certificates: [{ certificate_file: ${DIR}/tls.crt, key_file: ${DIR}/tls.key }], client_certificates: { ca_file: ${DIR}/clients.pem } } }
admin: { address: \"${ADMIN}\", authentication: { token_file: ${DIR}/tokens } }
issuers:
  - { name: idp, issuer: \"${ISSUER}\", audiences: [a], keys: { ca_file: ${DIR}/issuer.pem } }
upstreams:
  - { name: api, endpoints: [\"${UPSTREAM}\"] }
  - { name: tls, endpoints: [\"https://127.0.0.1:1\"], tls: { ca_file: ${DIR}/upstream.pem, certificate_file: ${DIR}/own.crt, key_file: ${DIR}/own.key } }
routes: [{ prefix: /, upstream: api, require: public }]
telemetry: { traces: { endpoint: \"http://127.0.0.1:1\", headers_file: ${DIR}/headers, ca_file: ${DIR}/collector.pem } }
";

const FILES: [(&str, &str); 10] = [
    ("tls.crt", CERTIFICATE),
    ("tls.key", PRIVATE_KEY),
    ("clients.pem", AUTHORITY),
    ("tokens", "a-token-of-at-least-thirty-two-characters\n"),
    ("issuer.pem", AUTHORITY),
    ("upstream.pem", AUTHORITY),
    ("own.crt", CERTIFICATE),
    ("own.key", PRIVATE_KEY),
    ("headers", "a: b\n"),
    ("collector.pem", AUTHORITY),
];

fn fifo(path: &Path) {
    let _ = fs::remove_file(path);
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

async fn world() -> World {
    World::at(Clock::default(), Recorder::start().await).await
}

/// Asserts that the gateway serves, on each of its threads, and its admin listener too.
async fn serves(what: &str, process: &Process) {
    for _ in 0..4 {
        let start = Instant::now();
        assert_eq!(within(what, process.send(&Call::get("/x"))).await.code(), 200, "{what}");
        assert_eq!(within(what, process.admin("/livez")).await.code(), 200, "{what}");
        assert!(start.elapsed() < PROMPT, "{what}: {:?}", start.elapsed());
    }
}

async fn ends(what: &str, mut process: Process) {
    let start = Instant::now();
    process.signal("TERM");
    assert_eq!(process.end().await, Some(0), "{what}");
    assert!(start.elapsed() < Duration::from_secs(5), "{what}: {:?}", start.elapsed());
}

fn put_files(folder: &Path) {
    for (name, content) in FILES {
        fs::write(folder.join(name), content).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_file_that_a_configuration_names_stops_requests_when_a_fifo_takes_its_place() {
    let (world, folder) = (world().await, tempfile::tempdir().unwrap());
    put_files(folder.path());
    let world = world.with("DIR", folder.path().to_str().unwrap());
    let process = Process::start(&world.text(ALL)).await;
    let failures = "mfa_gateway_config_reload_failures_total";
    let mut failed = 0.0;
    for (name, content) in FILES {
        let path = folder.path().join(name);
        fifo(&path);
        process.signal("HUP");
        failed += 1.0;
        until(name, async || process.metric(failures).await >= failed).await;
        serves(name, &process).await;
        fs::remove_file(&path).unwrap();
        fs::write(&path, content).unwrap();
    }
    let file = process.file();
    let text = fs::read_to_string(&file).unwrap();
    fifo(&file);
    process.signal("HUP");
    until("the configuration", async || process.metric(failures).await > failed).await;
    serves("the configuration", &process).await;
    // It also recovers, and within a poll notices that without a signal.
    fs::remove_file(&file).unwrap();
    fs::write(&file, text).unwrap();
    until("the recovery", async || process.metric("mfa_gateway_config_reloads_total").await > 0.0).await;
    assert!(process.log().contains("FIFO"), "the log names the cause");
    ends("all", process).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_with_a_fifo_in_place_of_a_file_fails_at_once_and_names_it() {
    let (world, folder) = (world().await, tempfile::tempdir().unwrap());
    put_files(folder.path());
    let world = world.with("DIR", folder.path().to_str().unwrap());
    let file = folder.path().join("gateway.yaml");
    let run = |command: &str| {
        let text = world.text(ALL).replace("${TRAFFIC}", "127.0.0.1:0").replace("${ADMIN}", "127.0.0.1:0");
        if !fs::exists(&file).unwrap() {
            fs::write(&file, text).unwrap();
        }
        let start = Instant::now();
        let output = Command::new(env!("CARGO_BIN_EXE_mfa-gateway"))
            .args([command, "--config"])
            .arg(&file)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    for (name, content) in FILES {
        let path = folder.path().join(name);
        fifo(&path);
        for command in ["check", "serve"] {
            let (code, told) = run(command);
            assert!(
                code == Some(1) && told.contains(name) && told.contains("FIFO"),
                "{command} {name}: {code:?} {told}"
            );
        }
        fs::remove_file(&path).unwrap();
        fs::write(&path, content).unwrap();
    }
    assert_eq!(run("check").0, Some(0));
    fifo(&file);
    for command in ["check", "serve"] {
        let (code, told) = run(command);
        assert!(code == Some(1) && told.contains("gateway.yaml") && told.contains("FIFO"), "{code:?} {told}");
    }
}

/// Runs a command on a configuration: its exit code, and what it printed.
fn run(command: &str, config: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.yaml");
    let placed = config.replace("${TRAFFIC}", "127.0.0.1:0").replace("${ADMIN}", "127.0.0.1:0");
    fs::write(&file, placed.replace("${UPSTREAM}", "http://127.0.0.1:1")).unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_mfa-gateway"));
    let output = program.args([command, "--config"]).arg(&file).stdin(Stdio::null()).output().unwrap();
    let printed = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(printed).unwrap())
}

#[test]
fn a_log_that_cannot_be_opened_is_a_problem_for_check_and_serve_with_its_field_and_file() {
    let folder = tempfile::tempdir().unwrap();
    for field in ["decision_output", "access_output"] {
        for path in [folder.path().to_owned(), folder.path().join("none/log")] {
            let config = format!("{PUBLIC}log: {{ {field}: {} }}\n", path.display());
            for command in ["check", "serve"] {
                let (code, told) = run(command, &config);
                let named = told.contains(&format!("log.{field}")) && told.contains(path.to_str().unwrap());
                assert!(code == Some(1) && named && told.contains("fix:"), "{command}: {code:?} {told}");
            }
        }
    }
    let good = folder.path().join("log");
    assert_eq!(run("check", &format!("{PUBLIC}log: {{ access_output: {} }}\n", good.display())).0, Some(0));
    assert!(!good.exists(), "a check makes nothing");
}

#[test]
fn a_check_warns_of_what_serving_would_do_without() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let issuer = "issuers: [{ name: idp, issuer: \"https://idp.example/\", audiences: [a] }]\n";
    let with = |directory: &Path| format!("{PUBLIC}{issuer}state: {{ directory: {} }}\n", directory.display());
    let (code, told) = run("check", &with(folder.path()));
    assert!(code == Some(0) && told.contains("state.directory") && told.contains("chmod"), "{told}");
    assert!(!run("check", &with(&folder.path().join("own"))).1.contains("state.directory"), "it can be made");
    assert!(!folder.path().join("own").exists(), "a check makes nothing");
    let (code, told) = run("check", &PUBLIC.replace("${TRAFFIC}", "192.0.2.1:80"));
    assert!(code == Some(0) && told.contains("listeners[0].address") && told.contains("doesn't have"), "{told}");
}

fn logging_to(world: &World, path: &Path) -> String {
    let log = format!("log: {{ decisions: all, decision_output: {0}, access_output: {0} }}\n", path.display());
    world.text(PUBLIC) + &log
}

/// The lines that the gateway says it has lost.
async fn lost(process: &Process) -> f64 {
    process.metric("mfa_gateway_log_lines_lost_total{log=\"decisions\"}").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_a_fifo_without_a_reader_keeps_nobody_waiting() {
    let (world, folder) = (world().await, tempfile::tempdir().unwrap());
    let path = folder.path().join("log");
    fifo(&path);
    let process = Process::start(&logging_to(&world, &path)).await;
    serves("at the start", &process).await;
    for signal in ["HUP", "USR1"] {
        process.signal(signal);
        serves(signal, &process).await;
    }
    until("the lost lines", async || lost(&process).await > 0.0).await;
    // A reader that comes gets what is logged from then on.
    let mut reader = open_both(&path);
    until("a line", async || {
        process.send(&Call::get("/x")).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        readable(&mut reader).contains("event")
    })
    .await;
    ends("with a reader", process).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_whose_reader_died_keeps_nobody_waiting() {
    let (world, folder) = (world().await, tempfile::tempdir().unwrap());
    let path = folder.path().join("log");
    fifo(&path);
    let mut reader = Command::new("cat").arg(&path).stdout(Stdio::null()).spawn().unwrap();
    let process = Process::start(&logging_to(&world, &path)).await;
    serves("with a reader", &process).await;
    reader.kill().unwrap();
    reader.wait().unwrap();
    for signal in ["HUP", "USR1", "HUP"] {
        process.signal(signal);
        serves(signal, &process).await;
    }
    until("the lost lines", async || lost(&process).await > 0.0).await;
    // Rotation helps: what takes its place is written.
    fs::remove_file(&path).unwrap();
    process.signal("USR1");
    until("the file", async || path.exists()).await;
    process.send(&Call::get("/x")).await;
    until("the line", async || fs::read_to_string(&path).unwrap().contains("\"event\":\"decision\"")).await;
    ends("after the rotation", process).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_whose_reader_does_not_read_can_be_rotated_and_ends_promptly() {
    let (world, folder) = (world().await, tempfile::tempdir().unwrap());
    let path = folder.path().join("log");
    fifo(&path);
    let _reader = open_both(&path);
    let process = Process::start(&logging_to(&world, &path)).await;
    // More than a pipe holds.
    for _ in 0..150 {
        process.send(&Call::get("/x")).await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    serves("a full pipe", &process).await;
    fs::rename(&path, folder.path().join("old")).unwrap();
    process.signal("USR1");
    until("the new file", async || fs::metadata(&path).is_ok_and(|about| about.len() > 0)).await;
    serves("a new file", &process).await;
    ends("after the rotation", process).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_that_other_servers_know_do_not_end_the_process() {
    let (world, folder) = (world().await, tempfile::tempdir().unwrap());
    let (path, old) = (folder.path().join("log"), folder.path().join("log.1"));
    let process = Process::start(&logging_to(&world, &path)).await;
    for signal in ["USR2", "ALRM", "USR1"] {
        process.signal(signal);
        serves(signal, &process).await;
    }
    fs::rename(&path, &old).unwrap();
    process.signal("USR1");
    until("the new file", async || path.exists()).await;
    assert_eq!(process.metric("mfa_gateway_config_reloads_total").await.to_bits(), 0.0_f64.to_bits(), "no reload");
    process.signal("QUIT");
    let mut process = process;
    assert_eq!(process.end().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_keys_that_are_no_file_keep_nobody_from_starting() {
    let (world, folder) = (world().await, tempfile::tempdir().unwrap());
    let state = folder.path().join("state");
    let config = world.text(
        "
listeners: [{ address: \"${TRAFFIC}\" }]
admin: { address: \"${ADMIN}\" }
issuers: [{ name: idp, issuer: \"${ISSUER}\", audiences: [a] }]
upstreams: [{ name: api, endpoints: [\"${UPSTREAM}\"] }]
routes: [{ prefix: /, upstream: api, require: public }]
",
    ) + &format!("state: {{ directory: {} }}\n", state.display());
    let stored = || -> Option<PathBuf> { fs::read_dir(&state).ok()?.next()?.ok().map(|entry| entry.path()) };
    let process = Process::start(&config).await;
    until("the stored keys", async || stored().is_some_and(|path| path.extension().is_some_and(|is| is == "json")))
        .await;
    ends("the first", process).await;
    fifo(&stored().unwrap());
    let process = Process::start(&config).await;
    serves("a FIFO of keys", &process).await;
    assert!(process.log_up_to("stored keys are not used").await.contains("not a regular file"));
    ends("the second", process).await;
}

/// Both ends of a FIFO, so that neither waits for the other.
fn open_both(path: &Path) -> fs::File {
    fs::OpenOptions::new().read(true).write(true).open(path).unwrap()
}

fn readable(file: &mut fs::File) -> String {
    let mut bytes = vec![0; 1 << 16];
    let count = file.read(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes[..count]).into_owned()
}
