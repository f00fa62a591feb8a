//! Where keys come from: discovery, TLS, proxies and the disk (SECURITY 21 and 23), seen from outside.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use mfa_gateway_core::clock::Clock;
use serde_json::{Value, json};

use crate::key_lifecycle::{CONFIG, HOUR, failures, gateway, readiness, status, token};
use crate::support::gateway::START;
use crate::support::key_server::{AUTHORITY, KEYS, KeyServer, METADATA, Reply, signer};
use crate::support::{Gateway, Recorder, World, skip, until};

/// A gateway that keeps keys in this directory.
async fn gateway_with_state(server: &KeyServer, directory: &Path, clock: &Clock) -> Gateway {
    let world = World::at(clock.clone(), Recorder::start().await).await;
    let config = format!("{CONFIG}state: {{ directory: \"{}\" }}\n", directory.display());
    world.with("KEYS", &server.issuer()).with("MORE", "").gateway(&config).await
}

#[tokio::test]
async fn s23_a_start_without_keys_is_unready_says_why_and_heals_by_itself() {
    let key = signer("a");
    let server = KeyServer::start(&[&key]).await;
    server.reply_all(&Reply::status(500));
    let gateway = gateway(&server, "").await;
    let refusal = gateway.get("/v1/x", &token(&server, &key)).await;
    assert_eq!((refusal.code(), refusal.refusal().as_str()), (503, "keys_unavailable"));
    assert!(refusal.header("retry-after").is_some());
    let (code, about) = readiness(&gateway).await;
    assert_eq!((code, about["fetched"].clone(), about["keys"].clone()), (503, Value::Null, json!(0)));
    assert!(about["lastError"].as_str().unwrap().contains("500"), "{about}");
    assert!(about["nextRefresh"].is_string());
    server.recover(&[&key]);
    until("readiness", async || readiness(&gateway).await.0 == 200).await;
    assert_eq!(status(&gateway, &token(&server, &key)).await, 200);
}

#[tokio::test]
async fn s23_metadata_of_another_issuer_or_with_an_unusable_key_address_are_refused_and_tried_again() {
    let key = signer("a");
    let (server, elsewhere) = (KeyServer::start(&[&key]).await, Recorder::start().await);
    let keys_at = |url: &str| Reply::json(server.metadata(&server.issuer(), url));
    let with_password = server.url(KEYS).replace("http://", "http://user:secret@");
    let cases = [
        ("another issuer", Reply::json(server.metadata("https://other.example/", &server.url(KEYS)))),
        ("a slash more", Reply::json(server.metadata(&format!("{}/", server.issuer()), &server.url(KEYS)))),
        ("no issuer", Reply::json(json!({"jwks_uri": server.url(KEYS)}).to_string())),
        ("no address", Reply::json(json!({"issuer": server.issuer()}).to_string())),
        ("plain http elsewhere", keys_at("http://192.0.2.1/keys")),
        ("a password", keys_at(&with_password)),
        ("a file", keys_at("file:///etc/passwd")),
        ("no URL", keys_at("/keys")),
        ("a long one", keys_at(&format!("https://idp.example/{}", "a".repeat(100_000)))),
        ("a redirect", Reply::Answer(307, vec![("Location", format!("{}/x", elsewhere.url()))], Vec::new())),
    ];
    server.reply(METADATA, Reply::status(500));
    let gateway = gateway(&server, "").await;
    for (what, reply) in cases {
        server.reply(METADATA, reply);
        let before = failures(&gateway).await;
        skip(Duration::from_secs(11)).await;
        until(what, async || failures(&gateway).await > before).await;
        let (code, about) = readiness(&gateway).await;
        assert_eq!((code, about["keys"].clone()), (503, json!(0)), "{what}");
        let error = about["lastError"].as_str().unwrap();
        assert!(!error.contains("secret") && error.len() < 1000, "{what}: {error}");
    }
    assert_eq!((server.count(KEYS), elsewhere.count()), (0, 0), "something was fetched all the same");
    server.recover(&[&key]);
    skip(Duration::from_secs(11)).await;
    until("recovery", async || status(&gateway, &token(&server, &key)).await == 200).await;
}

#[tokio::test]
async fn an_outage_of_the_metadata_alone_changes_nothing_until_the_keys_may_not_grow_older() {
    let (key, new) = (signer("a"), signer("new"));
    let server = KeyServer::start(&[&key]).await;
    let gateway = gateway(&server, ", max_stale: 6h").await;
    server.recover(&[&key, &new]);
    server.reply(METADATA, Reply::Closed);
    assert_eq!(status(&gateway, &token(&server, &new)).await, 200, "a rotation is learned without the metadata");
    let about = readiness(&gateway).await.1;
    assert!(about["lastError"].as_str().unwrap().contains("earlier discovery document is used"), "{about}");
    gateway.world.clock.advance(6 * HOUR);
    skip(HOUR).await;
    until("the keys to be withdrawn", async || status(&gateway, &token(&server, &key)).await == 503).await;
}

#[tokio::test]
async fn one_issuers_silence_delays_no_other() {
    let (key, new) = (signer("a"), signer("new"));
    let (silent, server) = (KeyServer::start(&[&key]).await, KeyServer::start(&[&key]).await);
    silent.reply_all(&Reply::Silent);
    let other = format!("  - name: silent\n    issuer: \"{}\"\n    audiences: [x]\n", silent.issuer());
    let config = CONFIG.replace("issuers:\n", &format!("issuers:\n{other}"));
    let world = World::new().await.with("KEYS", &server.issuer()).with("MORE", "");
    let gateway = world.gateway(&config).await;
    assert_eq!(status(&gateway, &token(&server, &key)).await, 200);
    server.recover(&[&new]);
    let start = Instant::now();
    assert_eq!(status(&gateway, &token(&server, &new)).await, 200);
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_restart_during_an_outage_serves_with_the_keys_on_disk() {
    let key = signer("a");
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    let server = KeyServer::start(&[&key]).await;
    let clock = Clock::manual(START);
    let stored = || std::fs::read_dir(&state).map_or(0, Iterator::count);
    let first = gateway_with_state(&server, &state, &clock).await;
    until("the keys to be written", async || stored() == 1).await;
    drop(first);
    server.reply_all(&Reply::Silent);
    clock.advance(HOUR);
    let start = Instant::now();
    let gateway = gateway_with_state(&server, &state, &clock).await;
    assert_eq!(status(&gateway, &token(&server, &key)).await, 200);
    assert!(start.elapsed() < Duration::from_secs(10));
    let (code, about) = readiness(&gateway).await;
    assert_eq!((code, &about["source"], &about["ageSeconds"]), (200, &json!("disk"), &json!(3600)));
    server.recover(&[&key]);
    skip(HOUR).await;
    until("newer keys", async || readiness(&gateway).await.1["source"] == "issuer").await;
    drop(gateway);
    // Older than they may be, they are of no use.
    server.reply_all(&Reply::Closed);
    clock.advance(25 * HOUR);
    let gateway = gateway_with_state(&server, &state, &clock).await;
    assert_eq!(status(&gateway, &token(&server, &key)).await, 503);
}

#[tokio::test]
async fn stored_keys_that_are_broken_or_cannot_be_written_do_no_harm() {
    let key = signer("a");
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    let server = KeyServer::start(&[&key]).await;
    let clock = Clock::manual(START);
    let first = gateway_with_state(&server, &state, &clock).await;
    let file = || Some(std::fs::read_dir(&state).ok()?.next()?.unwrap().path());
    until("the keys to be written", async || file().is_some_and(|file| file.extension().unwrap() == "json")).await;
    drop(first);
    let file = file().unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(&state)), (0o600, 0o700));
    std::fs::remove_file(&file).unwrap();
    // A directory in the file's place can neither be read nor replaced.
    std::fs::create_dir_all(file.join("x")).unwrap();
    let gateway = gateway_with_state(&server, &state, &clock).await;
    assert_eq!(status(&gateway, &token(&server, &key)).await, 200);
    let failed = "mfa_gateway_jwks_store_failures_total{issuer=\"idp\"}";
    until("the failure to be counted", async || gateway.metric(failed).await > 0.0).await;
}

#[tokio::test]
async fn keys_come_over_tls_from_the_configured_authority_only() {
    let key = signer("a");
    let server = KeyServer::tls(&[&key]).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    std::fs::write(&file, AUTHORITY).unwrap();
    let trusting = gateway(&server, &format!(", ca_file: \"{}\"", file.display())).await;
    assert_eq!(status(&trusting, &token(&server, &key)).await, 200);
    let other = gateway(&server, "").await;
    assert_eq!(status(&other, &token(&server, &key)).await, 503);
    assert!(readiness(&other).await.1["lastError"].as_str().unwrap().contains("certificate"));
}

#[tokio::test]
async fn loopback_and_what_no_proxy_names_are_fetched_from_directly_and_the_rest_through_the_proxy() {
    let (server, proxy) = (KeyServer::start(&[&signer("a")]).await, Recorder::start().await);
    let directory = tempfile::tempdir().unwrap();
    let check = async |issuer: &str, more: &str, no_proxy: &str| {
        let config = CONFIG.replace("${KEYS}", issuer).replace("${MORE}", more).replace("${UPSTREAM}", &proxy.url());
        let file = directory.path().join("gateway.yaml");
        std::fs::write(&file, config).unwrap();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_mfa-gateway"));
        command.args(["check", "--live", "--config"]).arg(file).env_remove("no_proxy").env("NO_PROXY", no_proxy);
        for name in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            command.env(name, proxy.url());
        }
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let output = check(&server.issuer(), "", "").await;
    assert!(output.contains("pass  issuer idp"), "{output}");
    assert_eq!(proxy.count(), 0);
    for no_proxy in ["*.invalid", "other.invalid, idp.invalid:81"] {
        check("http://idp.invalid:81", ", allow_http: true", no_proxy).await;
        assert_eq!(proxy.count(), 0, "{no_proxy}");
    }
    check("http://idp.invalid", ", allow_http: true", "*.idp.invalid,idp.invalid:81").await;
    assert!(proxy.count() > 0, "the proxy was not used");
}
