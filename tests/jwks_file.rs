//! Keys from a file (`jwks_file`): rotation, broken files, and files that hang.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::gateway::{assert_invalid, user_claims};
use crate::support::key_server::{set_of, signer};
use crate::support::{Gateway, Signer, World, skip, until};

const CONFIG: &str = "
listeners: [{ address: 127.0.0.1:0 }]
admin: { address: 127.0.0.1:0 }
issuers:
  - { name: idp, issuer: https://idp.example/, jwks_file: \"${FILE}\", audiences: [https://api.partnercenter.microsoft.com], algorithms: [ES256] }
upstreams: [{ name: api, endpoints: [\"${UPSTREAM}\"] }]
routes: [{ prefix: /v1/, upstream: api }]
";

/// A folder with a file of these signers' keys.
fn folder(signers: &[&Signer]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    fs::write(&file, set_of(signers)).unwrap();
    (folder, file)
}

/// Puts another file in its place, as operators do.
fn replace(file: &Path, text: &str) {
    let new = file.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::rename(new, file).unwrap();
}

async fn gateway(file: &Path) -> Gateway {
    World::new().await.with("FILE", file.to_str().unwrap()).gateway(CONFIG).await
}

fn token(signer: &Signer) -> String {
    let mut claims = user_claims("https://idp.example/");
    claims["jti"] = json!(fastrand::u64(..).to_string());
    signer.token(&claims)
}

async fn code(gateway: &Gateway, signer: &Signer) -> u16 {
    gateway.get("/v1/customers", &token(signer)).await.code()
}

async fn about(gateway: &Gateway) -> Value {
    gateway.admin("/readyz").await.json()["issuers"][0].clone()
}

#[tokio::test]
async fn s20_a_key_in_a_file_works_at_once_and_a_removed_one_stops_in_seconds() {
    let (old, new) = (signer("old"), signer("new"));
    let (_folder, file) = folder(&[&old]);
    let gateway = gateway(&file).await;
    let cached = token(&old);
    assert_eq!(gateway.get("/v1/customers", &cached).await.code(), 200);
    assert_eq!(about(&gateway).await["source"], "file");
    assert_invalid("not there yet", &gateway.get("/v1/x", &token(&new)).await, "key_unknown");
    replace(&file, &set_of(&[&old, &new]));
    assert_eq!(code(&gateway, &new).await, 200, "the request waited");
    replace(&file, &set_of(&[&new]));
    let removed = Instant::now();
    until("the old key to stop", async || gateway.get("/v1/customers", &cached).await.code() == 401).await;
    assert!(removed.elapsed() < Duration::from_secs(10), "{:?}", removed.elapsed());
    assert_eq!(code(&gateway, &new).await, 200);
}

#[tokio::test]
async fn s21_a_file_that_is_broken_or_hangs_leaves_the_known_keys_working_and_requests_fast() {
    let key = signer("a");
    let (_folder, file) = folder(&[&key]);
    let gateway = gateway(&file).await;
    assert_eq!(code(&gateway, &key).await, 200);
    let fifo = || assert!(Command::new("mkfifo").arg(&file).status().unwrap().success());
    let spoil: [(&str, &dyn Fn()); 5] = [
        ("is not JSON", &|| fs::write(&file, &set_of(&[&key])[..30]).unwrap()),
        ("has no keys", &|| fs::write(&file, "{\"keys\":[]}").unwrap()),
        ("not a regular file", &|| {
            fs::remove_file(&file).unwrap();
            std::os::unix::fs::symlink("/dev/zero", &file).unwrap();
        }),
        ("could not be read", &|| fs::remove_file(&file).unwrap()),
        ("not a regular file", &fifo),
    ];
    for (told, spoil) in spoil {
        spoil();
        skip(Duration::from_secs(9)).await;
        until(told, async || about(&gateway).await["lastError"].as_str().is_some_and(|error| error.contains(told)))
            .await;
        let start = Instant::now();
        assert_eq!(code(&gateway, &signer("unknown")).await, 503, "{told}");
        assert_eq!(code(&gateway, &key).await, 200, "{told}");
        assert!(start.elapsed() < Duration::from_secs(2), "{told}: {:?}", start.elapsed());
        assert_eq!(about(&gateway).await["keys"], 1, "{told}");
    }
    fs::remove_file(&file).unwrap();
    fs::write(&file, set_of(&[&key])).unwrap();
    skip(Duration::from_secs(9)).await;
    until("recovery", async || about(&gateway).await["lastError"].is_null()).await;
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_a_problem_with_its_name_and_field_and_a_reload_reads_it() {
    let (key, new) = (signer("a"), signer("new"));
    let (_folder, file) = folder(&[&key]);
    let gateway = gateway(&file).await;
    replace(&file, &set_of(&[&new]));
    gateway.reload(CONFIG);
    until("the new key", async || code(&gateway, &new).await == 200).await;
    let problem = |text: &str, variables: &[(&str, &str)]| {
        let put_in = |text: String, (name, value): &(&str, &str)| text.replace(name, value);
        let text = variables.iter().fold(text.to_owned(), put_in).replace("${UPSTREAM}", "http://127.0.0.1:9");
        let error = mfa_gateway::config::Config::parse("f", &text, std::collections::HashMap::new()).unwrap_err();
        assert_eq!(error.problems().len(), 1, "{error}");
        (error.problems()[0].field.clone(), error.to_string())
    };
    replace(&file, r#"{"keys":[{"kty":"oct","kid":"h","k":"AA"}]}"#);
    let (field, text) = problem(CONFIG, &[("${FILE}", file.to_str().unwrap())]);
    assert_eq!(field, "issuers[0].jwks_file");
    assert!(text.contains(file.to_str().unwrap()) && text.contains("entry 1 (kid \"h\")"), "{text}");
    replace(&file, &set_of(&[&key]));
    let both = CONFIG.replace("jwks_file:", "jwks_uri: https://idp.example/keys, jwks_file:");
    assert_eq!(problem(&both, &[("${FILE}", file.to_str().unwrap())]).0, "issuers[0].jwks_file");
    fs::remove_file(&file).unwrap();
    assert!(Command::new("mkfifo").arg(&file).status().unwrap().success());
    let start = Instant::now();
    let (_, text) = problem(CONFIG, &[("${FILE}", file.to_str().unwrap())]);
    assert!(text.contains("not a regular file") && start.elapsed() < Duration::from_secs(2), "{text}");
}
