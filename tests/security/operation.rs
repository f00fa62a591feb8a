//! What an operator relies on: the log, the ports, a reload, and strictness (32 to 35).

use std::time::Duration;

use mfa_gateway_core::clock::Clock;
use mfa_gateway_demo::people;
use mfa_gateway_demo::provider::TokenOptions;
use serde_json::json;

use super::probe::Wrong;
use super::wire::gateway;
use crate::support::{Call, Http1, Process, Recorder, World, raw, until};

/// What a process is configured with; it tells the real time.
const CONFIG: &str = "
listeners: [{ address: ${TRAFFIC} }]
admin: { address: ${ADMIN} }
issuers:
  - { name: idp, issuer: \"${ISSUER}\", audiences: [https://api.partnercenter.microsoft.com] }
upstreams: [{ name: api, endpoints: [\"${UPSTREAM}\"] }]
routes:
  - { prefix: /v1/, upstream: api }
";

async fn world() -> World {
    World::at(Clock::default(), Recorder::start().await).await
}

fn token(world: &World, person: &people::Person) -> String {
    world.provider.access_token_for(person, &TokenOptions::default())
}

#[tokio::test]
async fn s32_tokens_cookies_and_forged_lines_never_reach_the_log() {
    let world = world().await;
    for format in ["text", "json"] {
        let config = format!("{CONFIG}log: {{ level: trace, format: {format}, decisions: all }}\n");
        let process = Process::start(&world.text(&config)).await;
        let mut claims = world.provider.claims_for(&people::john(), &TokenOptions::default());
        let forged = "x\n2026-01-01T00:00:00Z  INFO mfa_gateway: FORGED\r\n\u{1b}[31mRED\u{1b}]0;title\u{7}\u{9b}31m\u{2028}\u{202e}";
        for name in ["oid", "tid", "appid", "sub"] {
            claims[name] = json!(forged);
        }
        claims["amr"] = json!([forged]);
        let tokens = [
            token(&world, &people::jane()),
            token(&world, &people::john()),
            world.provider.mint(&claims),
            format!("{}x", token(&world, &people::jane())),
        ];
        for token in &tokens {
            let call = Call::get("/v1/customers?access_key=QUERYSECRET").bearer(token);
            let call = call
                .header("cookie", "session=COOKIESECRET")
                .header("x-api-key", "KEYSECRET")
                .header("ms-requestid", "FORGED;1");
            process.send(&call).await;
        }
        process.send(&Call::get("/v1/x").header("authorization", "Basic QkFTSUNTRUNSRVQ=")).await;
        for odd in [
            "GET /v1/\x1b[31mFORGED HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /v1/x HTTP/1.1\r\nHost: \x1b[31m\r\nX: \n2026 FORGED\r\n\r\n",
            "\x1b[31mFORGED\n",
        ] {
            raw::exchange_half_closed(process.address, odd.as_bytes()).await;
        }
        process.send(&Call::get("/livez")).await;
        let log = process.log_up_to("no_route").await;
        assert!(log.contains("decision"), "{log}");
        let mut wrong = Wrong::default();
        let own_colours = format == "text";
        for secret in ["COOKIESECRET", "KEYSECRET", "QUERYSECRET", "QkFTSUNTRUNSRVQ="] {
            wrong.unless(!log.contains(secret), format!("{format}: {secret} is in the log"));
        }
        for part in tokens.iter().flat_map(|token| token.split('.').skip(1)) {
            wrong.unless(!log.contains(part), format!("{format}: a token's part is in the log"));
        }
        for line in log.lines() {
            let raw = line.chars().any(|char| char.is_control() && char != '\t')
                || line.contains(['\u{2028}', '\u{202e}', '\u{9b}']);
            wrong.unless(
                !raw || own_colours && line.contains("\u{1b}[2m") && !line.contains("\u{1b}[31m"),
                format!("{format}: a raw control character: {line:?}"),
            );
            wrong.unless(
                !line.starts_with("2026-01-01") && !line.starts_with("2026 F"),
                format!("{format}: a forged line: {line:?}"),
            );
            wrong.unless(
                format != "json" || serde_json::from_str::<serde_json::Value>(line).is_ok(),
                format!("no JSON: {line:?}"),
            );
        }
    }
}

#[tokio::test]
async fn s33_the_traffic_port_serves_nothing_of_its_own_and_only_configured_ports_listen() {
    let world = world().await;
    let process = Process::start(&world.text(CONFIG)).await;
    let mut connection = Http1::connect(process.address).await;
    for path in [
        "/",
        "/metrics",
        "/livez",
        "/readyz",
        "/healthz",
        "/health",
        "/ready",
        "/live",
        "/status",
        "/config",
        "/debug",
        "/debug/pprof/",
        "/debug/vars",
        "/admin",
        "/admin/",
        "/server-status",
        "/stats",
        "/actuator",
        "/actuator/env",
        "/env",
        "/api",
        "/keys",
        "/.well-known/jwks.json",
        "/.well-known/openid-configuration",
        "/favicon.ico",
        "/robots.txt",
        "/reload",
        "/shutdown",
        "/quit",
        "/version",
        "/explain",
        "/openapi.json",
        "/_",
        "/~",
        "/v2/x",
    ] {
        for call in [Call::get(path), Call::post(path, ""), Call::get(path).bearer(&token(&world, &people::jane()))] {
            let answer = connection.send(&call).await;
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            assert_eq!((answer.code(), answer.refusal().as_str()), (404, "no_route"), "{path}: {body}");
            assert!(!body.contains("0.1.0") && answer.header("server").is_none(), "{path}: {body}");
        }
    }
    assert_eq!(world.upstream.count(), 0);
    assert_eq!(process.listens(), process.configured());
    let without = world.text(&CONFIG.replace("admin:", "# admin:"));
    process.write(&without);
    assert_eq!(process.listens(), process.configured());
}

#[tokio::test]
async fn s34_a_broken_or_missing_configuration_changes_nothing_and_a_good_one_counts_at_once() {
    let world = world().await;
    let strict = world.text(CONFIG);
    let lax = strict.replace("upstream: api }", "upstream: api, mode: report }");
    assert_ne!(strict, lax);
    let process = Process::start(&strict).await;
    let (jane, john) = (token(&world, &people::jane()), token(&world, &people::john()));
    let codes = async || {
        let code = async |token: &str| process.send(&Call::get("/v1/x").bearer(token)).await.code();
        (code(&jane).await, code(&john).await)
    };
    let failed = async || process.metric("mfa_gateway_config_reload_failures_total").await;
    let broken = [
        "",
        "x",
        "\0",
        "{",
        "listeners: []",
        &strict[..strict.len() / 2],
        &lax.replace("prefix:", "prefx:"),
        &lax.replace("mode: report", "mode: reprt"),
        &lax.replace("idp,", "idp, audiences: [],"),
        &format!("{lax}surprise: 1\n"),
        &lax.replace("upstream: api", "upstream: other"),
        &lax.replace("http://", "ftp://"),
        &"a: &a [*a,*a]\n".repeat(50),
        &lax.replace("127.0.0.1", "127.0.0.1.1"),
    ];
    let attempts_at_first = failed().await;
    for (attempts, text) in broken.into_iter().enumerate() {
        process.write(text);
        process.signal("HUP");
        #[expect(clippy::cast_precision_loss, reason = "a small count")]
        let expected = attempts_at_first + attempts as f64 + 0.5;
        until("the attempt to fail", async || failed().await > expected).await;
        assert_eq!(codes().await, (200, 401), "after {text:.40}");
    }
    std::fs::remove_file(process.file()).unwrap();
    let before = failed().await;
    process.signal("HUP");
    until("the attempt to fail", async || failed().await > before).await;
    assert_eq!(codes().await, (200, 401), "without a file");
    let mut connection = Http1::connect(process.address).await;
    for round in 0..5 {
        for (text, expected) in [(&lax, (200, 200)), (&strict, (200, 401))] {
            process.write(text);
            process.signal("HUP");
            until("the new configuration to count", async || codes().await == expected).await;
            assert_eq!(
                connection.send(&Call::get("/v1/x").bearer(&jane)).await.code(),
                200,
                "round {round}: a kept connection"
            );
        }
    }
    // Without a signal too, when the file changes.
    process.write(&lax);
    until("the changed file to be noticed", async || codes().await == (200, 200)).await;
}

/// Heads with a permitted token that a lenient server would take.
fn lenient(auth: &str) -> Vec<(String, String)> {
    let end = "Connection: close\r\n\r\n";
    let mut cases = Vec::new();
    for version in [
        "HTTP/1.2",
        "HTTP/1.10",
        "HTTP/1.01",
        "HTTP/01.1",
        "HTTP/1",
        "HTTP/1.",
        "HTTP/.1",
        "HTTP/2.0",
        "HTTP/2",
        "HTTP/3",
        "HTTP/0.9",
        "http/1.1",
        "Http/1.1",
        "HTTPS/1.1",
        "HTTP /1.1",
        "HTTP/1.1x",
        "HTTP/1,1",
        "HTTP/-1.1",
        "HTTP/+1.1",
        "ICY/1.1",
        "XTTP/1.1",
        "",
    ] {
        cases.push((format!("version {version:?}"), format!("GET /v1/x {version}\r\nHost: a\r\n{auth}\r\n{end}")));
    }
    for blank in ["  ", "\t", "\x0b", "\x0c", "\r", "\u{a0}", " \t", "\0"] {
        cases.push((
            format!("{blank:?} behind the method"),
            format!("GET{blank}/v1/x HTTP/1.1\r\nHost: a\r\n{auth}\r\n{end}"),
        ));
        cases.push((
            format!("{blank:?} behind the target"),
            format!("GET /v1/x{blank}HTTP/1.1\r\nHost: a\r\n{auth}\r\n{end}"),
        ));
        cases.push((
            format!("{blank:?} behind the version"),
            format!("GET /v1/x HTTP/1.1{blank}\r\nHost: a\r\n{auth}\r\n{end}"),
        ));
        cases.push((
            format!("{blank:?} before the method"),
            format!("{blank}GET /v1/x HTTP/1.1\r\nHost: a\r\n{auth}\r\n{end}"),
        ));
        cases.push((
            format!("{blank:?} before the colon"),
            format!("GET /v1/x HTTP/1.1\r\nHost: a\r\n{auth}\r\nX{blank}: y\r\n{end}"),
        ));
        cases.push((
            format!("{blank:?} in a name"),
            format!("GET /v1/x HTTP/1.1\r\nHost: a\r\n{auth}\r\nX{blank}Y: y\r\n{end}"),
        ));
        cases.push((
            format!("a line that begins with {blank:?}"),
            format!("GET /v1/x HTTP/1.1\r\nHost: a\r\n{auth}\r\nX: y\r\n{blank}z\r\n{end}"),
        ));
    }
    for line_end in ["\n", "\r", "\n\r", "\r\r\n", "\x0b", "\u{85}", "\u{2028}"] {
        let lines = ["GET /v1/x HTTP/1.1", "Host: a", auth, "Connection: close", "", ""];
        cases.push((format!("lines that end in {line_end:?}"), lines.join(line_end)));
        for at in 0..4 {
            let mut text = String::new();
            for (line, part) in lines.iter().enumerate().take(5) {
                text += part;
                text += if line == at { line_end } else { "\r\n" };
            }
            cases.push((format!("line {at} ends in {line_end:?}"), text));
        }
    }
    for control in (0_u8..0x20).filter(|byte| !b"\t\r\n".contains(byte)).chain([0x7f]).map(char::from) {
        cases.push((
            format!("{control:?} in a value"),
            format!("GET /v1/x HTTP/1.1\r\nHost: a\r\n{auth}\r\nX: a{control}b\r\n{end}"),
        ));
        cases.push((
            format!("{control:?} in the target"),
            format!("GET /v1/x{control} HTTP/1.1\r\nHost: a\r\n{auth}\r\n{end}"),
        ));
    }
    cases
}

#[tokio::test]
async fn s35_where_the_rfcs_allow_leniency_there_is_none() {
    let (gateway, wire) = gateway().await;
    let auth = format!("Authorization: Bearer {}", gateway.jane());
    let mut wrong = Wrong::default();
    for (what, request) in lenient(&auth) {
        let exchange = raw::exchange_half_closed(gateway.address(), request.as_bytes());
        let Ok(answer) = tokio::time::timeout(Duration::from_secs(12), exchange).await else {
            wrong.unless(false, format!("{what} hangs"));
            continue;
        };
        // What never became a head gets no answer; bytes beyond ASCII may stand in a value, but not in a token.
        wrong.unless(
            matches!(raw::status(&answer), 0 | 400 | 401 | 505),
            format!("{what}: {}", answer.lines().next().unwrap_or_default()),
        );
        wrong.unless(wire.take().is_empty(), format!("{what} arrived"));
    }
    let answer = raw::exchange(
        gateway.address(),
        format!("GET /v1/x HTTP/1.1\r\nHost: a\r\n{auth}\r\nX:\ta \t\r\nConnection: close\r\n\r\n").as_bytes(),
    )
    .await;
    wrong.unless(raw::status(&answer) == 200, "white space around a value is allowed (RFC 9112 section 5.1)");
}
