//! Key sets in the forms in which issuers publish them, and how tokens name their keys (SECURITY 1 to 3 and 20 to 22).

use std::io::Write;
use std::process::Command;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mfa_gateway_core::token::Algorithm;
use serde_json::{Value, json};

use crate::support::gateway::{assert_invalid, user_claims};
use crate::support::key_server::{KEYS, KeyServer, METADATA, Reply, signer};
use crate::support::process::Process;
use crate::support::rule::with;
use crate::support::signer::{decode, encode, key_set};
use crate::support::{Call, Gateway, Signer, World, until};

const CONFIG: &str = "
listeners: [{ address: 127.0.0.1:0 }]
admin: { address: 127.0.0.1:0 }
issuers:
  - name: idp
    issuer: \"${KEYS}\"
    audiences: [https://api.partnercenter.microsoft.com]
    algorithms: [RS256, PS256, ES256, ES384, ES512, EdDSA]
upstreams: [{ name: api, endpoints: [\"${UPSTREAM}\"] }]
routes: [{ prefix: /v1/, upstream: api }]
";

const OPERATOR: &str = "an-operators-token-of-the-file-0123456789";

async fn gateway(server: &KeyServer) -> Gateway {
    World::new().await.with("KEYS", &server.issuer()).gateway(CONFIG).await
}

/// A gateway whose issuer publishes these entries.
async fn publishing(entries: &[Value]) -> (KeyServer, Gateway) {
    let server = KeyServer::start(&[]).await;
    server.reply(KEYS, Reply::json(key_set(entries)));
    let gateway = gateway(&server).await;
    (server, gateway)
}

/// A token of this issuer that no cache knows, with this header.
fn token(server: &KeyServer, signer: &Signer, header: &Value) -> String {
    let claims = with(user_claims(&server.issuer()), "jti", json!(fastrand::u64(..).to_string()));
    signer.sign(&with(header.clone(), "alg", json!(signer.algorithm.name())), &claims)
}

async fn code(gateway: &Gateway, token: &str) -> u16 {
    gateway.get("/v1/customers", token).await.code()
}

fn without(mut jwk: Value, names: &[&str]) -> Value {
    let members = jwk.as_object_mut().unwrap();
    members.retain(|name, _| !names.contains(&name.as_str()));
    jwk
}

/// The modulus as ASN.1 has it, in padded plain base64.
fn padded(jwk: &Value) -> Value {
    let n = decode(jwk["n"].as_str().unwrap());
    with(jwk.clone(), "n", json!(STANDARD.encode([&[0], &n[..]].concat())))
}

#[tokio::test]
async fn key_sets_are_used_in_the_forms_in_which_they_are_published() {
    let (rsa, p521, ed) =
        (Signer::new(Algorithm::Rs256, "k1"), Signer::new(Algorithm::Es512, "k1"), Signer::new(Algorithm::EdDsa, "k1"));
    let bare = without(rsa.jwk(), &["kid", "use"]);
    let nulls =
        json!({"alg": "RS256", "use": null, "d": null, "p": "", "oth": [], "key_ops": [], "x5c": [], "x5t": ""});
    let nulls = nulls.as_object().unwrap().iter().fold(rsa.jwk(), |jwk, (name, value)| with(jwk, name, value.clone()));
    let symmetric = json!({"kty": "oct", "kid": "k1", "k": "c2VjcmV0"});
    let none = json!({});
    let cases = [
        ("one key without a kid", vec![bare.clone()], &rsa, none.clone()),
        ("an empty kid on both sides", vec![with(bare.clone(), "kid", json!(""))], &rsa, json!({"kid": ""})),
        ("a token without a kid", vec![rsa.jwk()], &rsa, none.clone()),
        ("a token without a kid, and keys of others", vec![ed.jwk(), symmetric, rsa.jwk()], &rsa, none.clone()),
        ("padded", vec![with(padded(&rsa.jwk()), "kid", json!("Ow9/y8"))], &rsa, json!({"kid": "Ow9/y8"})),
        ("nulls", vec![nulls], &rsa, json!({"kid": "k1"})),
        ("a numeric kid", vec![with(rsa.jwk(), "kid", json!(7))], &rsa, json!({"kid": "7"})),
        ("a numeric kid on both sides", vec![with(rsa.jwk(), "kid", json!(7))], &rsa, json!({"kid": 7})),
        ("a numeric kid in the token", vec![with(rsa.jwk(), "kid", json!("7"))], &rsa, json!({"kid": 7})),
        ("one kid for two keys of two types", vec![ed.jwk(), p521.jwk(), rsa.jwk()], &rsa, json!({"kid": "k1"})),
        ("one kid for two keys of one curve", vec![ed.jwk(), p521.jwk()], &p521, json!({"kid": "k1"})),
        ("P-521 with its alg", vec![with(p521.jwk(), "alg", json!("ES512"))], &p521, json!({"kid": "k1"})),
    ];
    for (what, entries, signer, header) in cases {
        let (server, gateway) = publishing(&entries).await;
        assert_eq!(code(&gateway, &token(&server, signer, &header)).await, 200, "{what}");
        let stranger = Signer::new(signer.algorithm, "k1");
        let forged = token(&server, &stranger, &header);
        assert_invalid(what, &gateway.get("/v1/customers", &forged).await, "signature_invalid");
        let unknown = token(&server, signer, &json!({"kid": "unknown"}));
        assert_invalid(what, &gateway.get("/v1/customers", &unknown).await, "key_unknown");
    }
}

#[tokio::test]
async fn in_a_rollover_the_thumbprint_names_the_key() {
    let (old, new) = (Signer::new(Algorithm::Rs256, "a"), Signer::new(Algorithm::Rs256, "b"));
    let entry = |signer: &Signer| with(signer.jwk(), "x5t", json!(signer.kid));
    let (server, gateway) = publishing(&[entry(&old), entry(&new)]).await;
    for (signer, x5t) in [(&old, "a"), (&new, "b")] {
        assert_eq!(code(&gateway, &token(&server, signer, &json!({"typ": "JWT", "x5t": x5t}))).await, 200, "{x5t}");
        assert_eq!(code(&gateway, &token(&server, signer, &json!({"typ": "JWT"}))).await, 200, "few are tried");
    }
    let crossed = token(&server, &old, &json!({"x5t": "b"}));
    assert_invalid("another's thumbprint", &gateway.get("/v1/x", &crossed).await, "signature_invalid");
    let named = token(&server, &old, &json!({"kid": "b", "x5t": "a"}));
    assert_invalid("a kid comes first", &gateway.get("/v1/x", &named).await, "signature_invalid");
    let next = Signer::new(Algorithm::Rs256, "c");
    // A wrong signature has the keys fetched anew. Who joins a fetch that is under way gets what it brings: the old ones.
    let mut fetches = 0;
    while std::mem::replace(&mut fetches, server.count(KEYS)) != server.count(KEYS) {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    server.reply(KEYS, Reply::json(key_set(&[entry(&new), with(entry(&next), "x5t#S256", json!("s+/="))])));
    for header in [json!({"x5t": "c"}), json!({"x5t#S256": "s-_"}), json!({"x5t": "c", "x5t#S256": "s-_"})] {
        assert_eq!(code(&gateway, &token(&server, &next, &header)).await, 200, "{header}: the request waited");
    }
}

#[tokio::test]
async fn s22_without_names_a_rotation_is_learned_in_time_and_forged_tokens_cost_little() {
    let (old, new, forger) = (signer("a"), signer("a"), signer("a"));
    let bare = |signer: &Signer| without(signer.jwk(), &["kid"]);
    let (server, gateway) = publishing(&[bare(&old)]).await;
    let none = json!({});
    for _ in 0..50 {
        assert_eq!(code(&gateway, &token(&server, &forger, &none)).await, 401);
        assert_eq!(code(&gateway, &token(&server, &old, &none)).await, 200);
    }
    assert!(server.count(KEYS) <= 4, "{} fetches", server.count(KEYS));
    server.reply(KEYS, Reply::json(key_set(&[bare(&new)])));
    let rotated = Instant::now();
    until("the new key", async || {
        let _ = code(&gateway, &token(&server, &forger, &none)).await;
        code(&gateway, &token(&server, &new, &none)).await == 200
    })
    .await;
    assert!(rotated.elapsed() < Duration::from_secs(10), "{:?}", rotated.elapsed());
    assert_eq!(code(&gateway, &token(&server, &old, &none)).await, 401, "the old key has stopped");
}

#[tokio::test]
async fn many_unnamed_keys_are_not_tried_and_the_refusal_says_what_is_missing() {
    let signers: Vec<_> = (0..5).map(|at| signer(&at.to_string())).collect();
    let entries: Vec<_> = signers.iter().map(|signer| without(signer.jwk(), &["kid"])).collect();
    let (server, gateway) = publishing(&entries).await;
    let answer = gateway.get("/v1/customers", &token(&server, &signers[0], &json!({}))).await;
    assert_invalid("five keys fit", &answer, "key_unknown");
    assert!(String::from_utf8_lossy(&answer.body).contains("kid"), "{answer:?}");
    server.reply(KEYS, Reply::json(key_set(&entries[..4])));
    until("four", async || code(&gateway, &token(&server, &signers[3], &json!({}))).await == 200).await;
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn documents_with_a_mark_or_compressed_are_read_and_bombs_are_not() {
    let key = signer("a");
    let coded = |coding: &[(&'static str, &str)], body: Vec<u8>| {
        Reply::Answer(200, coding.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(), body)
    };
    let is_gzip = [("Content-Encoding", "gzip")];
    let set = key_set(&[key.jwk()]);
    for at in [KEYS, METADATA] {
        let server = KeyServer::start(&[&key]).await;
        let document = if at == KEYS { set.clone() } else { server.metadata(&server.issuer(), &server.url(KEYS)) };
        for reply in [
            coded(&is_gzip, gzip(&document)),
            coded(&[], gzip(&document)),
            coded(&is_gzip, gzip(&format!("\u{feff}{document}"))),
            Reply::json(format!("\u{feff}{document}")),
        ] {
            server.reply(at, reply);
            let gateway = gateway(&server).await;
            assert_eq!(code(&gateway, &token(&server, &key, &key.header())).await, 200, "at {at}");
        }
        for (reply, told) in [
            (coded(&is_gzip, gzip(&format!("{}{document}", " ".repeat(16 << 20)))), "larger than"),
            (coded(&is_gzip, gzip(&document)[..40].to_vec()), "gzip"),
            (coded(&[("Content-Encoding", "br")], vec![0x8b, 3]), "\"br\""),
        ] {
            server.reply(at, reply);
            let gateway = gateway(&server).await;
            let about = gateway.admin("/readyz").await.json()["issuers"][0].clone();
            assert!(about["lastError"].as_str().unwrap().contains(told), "at {at}: {about}");
        }
    }
}

/// An RSA key that nobody can sign with: only its size counts.
fn any_rsa(kid: &str) -> Value {
    let mut n = [0; 256];
    fastrand::fill(&mut n);
    n[0] |= 0x80;
    n[255] |= 1;
    json!({"kty": "RSA", "kid": kid, "use": "sig", "alg": "RS256", "n": encode(&n), "e": "AQAB", "x5t": format!("t{kid}")})
}

#[tokio::test]
async fn thousands_of_keys_are_used_and_requests_stay_fast() {
    let key = signer("last");
    for count in [3000, 10_000] {
        let mut entries: Vec<_> = (0..count).map(|at| any_rsa(&at.to_string())).collect();
        entries.push(key.jwk());
        let (server, gateway) = publishing(&entries).await;
        until("the keys", async || gateway.admin("/readyz").await.code() == 200).await;
        assert_eq!(code(&gateway, &token(&server, &key, &key.header())).await, 200, "{count}");
        assert_eq!(gateway.admin("/readyz").await.json()["issuers"][0]["keys"], count + 1);
        let forger = Signer::new(Algorithm::Rs256, "forger");
        let start = Instant::now();
        for header in [json!({}), json!({"x5t": "t17"}), json!({"kid": "17"}), json!({"x5t": "unknown"})] {
            for _ in 0..5 {
                // A set that takes long to fetch is an issuer that can't be asked in time.
                let refused = code(&gateway, &token(&server, &forger, &header)).await;
                assert!(refused == 401 || refused == 503 && header == json!({"x5t": "unknown"}), "{header}: {refused}");
                let good = Instant::now();
                assert_eq!(code(&gateway, &token(&server, &key, &key.header())).await, 200);
                assert!(good.elapsed() < Duration::from_secs(1), "{:?}", good.elapsed());
            }
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    }
}

#[tokio::test]
async fn a_thousand_issuers_take_little_memory() {
    let key = signer("a");
    let server = KeyServer::start(&[&key]).await;
    let config = |count: usize| {
        let issuer = |at| {
            let url = server.url(KEYS);
            format!(
                "  - {{ name: i{at}, issuer: 'https://idp.example/{at}', jwks_uri: '{url}', audiences: [a] , algorithms: [ES256] }}\n"
            )
        };
        let issuers: String = (0..count).map(issuer).collect();
        format!(
            "listeners: [{{ address: \"${{TRAFFIC}}\" }}]\nadmin: {{ address: \"${{ADMIN}}\" }}\nissuers:\n{issuers}\
             upstreams: [{{ name: api, endpoints: ['http://127.0.0.1:9'] }}]\nroutes: [{{ prefix: /, upstream: api }}]\n"
        )
    };
    let (one, thousand) = (Process::start(&config(1)).await, Process::start(&config(1000)).await);
    let more = thousand.memory().saturating_sub(one.memory());
    assert!(more < 100 * 1024, "{more} KiB");
}

#[tokio::test]
async fn a_set_without_a_usable_key_says_of_each_entry_why_everywhere() {
    let symmetric = json!({"kty": "oct", "kid": "k1", "k": "c2VjcmV0"});
    let for_encryption = with(Signer::new(Algorithm::Rs256, "k2").jwk(), "use", json!("enc"));
    let whys = [
        r#"entry 1 (kid "k1"): it contains k, a part of a private or symmetric key"#,
        r#"entry 2 (kid "k2"): its use is not sig"#,
    ];
    let server = KeyServer::start(&[]).await;
    server.reply(KEYS, Reply::json(key_set(&[symmetric.clone(), for_encryption.clone()])));
    let mut operators = tempfile::NamedTempFile::new().unwrap();
    writeln!(operators, "{OPERATOR}").unwrap();
    let authentication =
        format!("127.0.0.1:0, authentication: {{ token_file: \"{}\" }} }}", operators.path().display());
    let config = CONFIG.replace("admin: { address: 127.0.0.1:0 }", &format!("admin: {{ address: {authentication}"));
    let gateway = World::new().await.with("KEYS", &server.issuer()).gateway(&config).await;
    let answer = gateway.get("/v1/customers", &token(&server, &signer("k1"), &json!({}))).await;
    assert_eq!((answer.code(), answer.refusal().as_str()), (503, "keys_unavailable"));
    for path in ["/readyz", "/issuers"] {
        let about = gateway.admin_send(&Call::get(path).bearer(OPERATOR)).await.json()["issuers"][0].clone();
        assert_eq!((&about["keys"], &about["skippedKeys"], &about["skipped"]), (&json!(0), &json!(2), &json!(whys)));
        assert!(whys.iter().all(|why| about["lastError"].as_str().unwrap().contains(why)), "{path}: {about}");
    }
    // With one good key beside them they are still told.
    let good = signer("good");
    server.reply(KEYS, Reply::json(key_set(&[symmetric, for_encryption, good.jwk()])));
    until("the good key", async || code(&gateway, &token(&server, &good, &good.header())).await == 200).await;
    let about = gateway.admin("/readyz").await.json()["issuers"][0].clone();
    assert_eq!((&about["keys"], &about["skipped"], &about["lastError"]), (&json!(1), &json!(whys), &Value::Null));
    server.reply(KEYS, Reply::json(key_set(&[good.jwk()])));
    let unknown = token(&server, &good, &json!({"kid": "k1"}));
    until("nothing to tell", async || {
        let _ = code(&gateway, &unknown).await;
        gateway.admin("/readyz").await.json()["issuers"][0]["skipped"] == json!([])
    })
    .await;
}

#[tokio::test]
async fn the_log_and_check_say_of_each_entry_why_it_is_not_used() {
    let (bad, good) = (with(signer("k2").jwk(), "use", json!("enc")), signer("good"));
    let server = KeyServer::start(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.yaml");
    let config = CONFIG.replace("${KEYS}", &server.issuer()).replace("${UPSTREAM}", "http://127.0.0.1:9");
    std::fs::write(&file, config).unwrap();
    let run = async |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mfa-gateway"));
        command.args(arguments).arg("--config").arg(&file);
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    };
    let why = r#"entry 1 (kid "k2"): its use is not sig"#;
    for (entries, line) in [
        (vec![bad.clone()], "fail  issuer idp: the key set is not usable: it has no usable key: "),
        (vec![bad, good.jwk()], "pass  issuer idp: 1 keys, 1 skipped\n        skipped: "),
    ] {
        server.reply(KEYS, Reply::json(key_set(&entries)));
        let output = run(&["check", "--live"]).await;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains(&format!("{line}{why}")), "{text}");
    }
    let process = CONFIG.replacen("127.0.0.1:0", "\"${TRAFFIC}\"", 1).replacen("127.0.0.1:0", "\"${ADMIN}\"", 1);
    let process = process.replace("${KEYS}", &server.issuer()).replace("${UPSTREAM}", "http://127.0.0.1:9");
    let log = Process::start(&process).await.log_up_to("are not used").await;
    assert!(log.contains("its use is not sig"), "{log}");
}
