//! Whom a request is for, and which route it takes (17 and 19). `forwarding` and the properties of paths try more.

use super::probe::Wrong;
use super::wire::gateway;
use crate::support::gateway::CONFIG;
use crate::support::{Call, Gateway, Http2, Recorder, raw};

/// Targets and fields that name no host, or no one host.
const AMBIGUOUS_HOSTS: [(&str, &str); 44] = [
    ("/v1/x", ""),
    ("/v1/x", "Host: a\r\nHost: a\r\n"),
    ("/v1/x", "Host: a\r\nhost: b\r\n"),
    ("/v1/x", "Host:\r\n"),
    ("/v1/x", "Host: a, b\r\n"),
    ("/v1/x", "Host: a b\r\n"),
    ("/v1/x", "Host: u@a\r\n"),
    ("/v1/x", "Host: a/v1\r\n"),
    ("/v1/x", "Host: a:b\r\n"),
    ("/v1/x", "Host: a:99999\r\n"),
    ("/v1/x", "Host: a:-1\r\n"),
    ("/v1/x", "Host: a:80:80\r\n"),
    ("/v1/x", "Host: [::1\r\n"),
    ("/v1/x", "Host: ::1\r\n"),
    ("/v1/x", "Host: [::1]x\r\n"),
    ("/v1/x", "Host: a#b\r\n"),
    ("/v1/x", "Host: a?b\r\n"),
    ("/v1/x", "Host: a\\b\r\n"),
    ("/v1/x", "Host: http://a\r\n"),
    ("/v1/x", "Host: a%00\r\n"),
    ("/v1/x", "Host: a..b\r\n"),
    ("/v1/x", "Host: .a\r\n"),
    ("/v1/x", "Host: \"a\"\r\n"),
    ("/v1/x", "Host: a;b\r\n"),
    ("/v1/x", "Host: \u{e9}\r\n"),
    ("/v1/x", "Host : a\r\n"),
    ("/v1/x", " Host: a\r\n"),
    ("/v1/x", "X: y\r\n\tHost: a\r\n"),
    ("http://b/v1/x", "Host: a\r\n"),
    ("http://u@a/v1/x", "Host: a\r\n"),
    ("http://u:p@a/v1/x", "Host: a\r\n"),
    ("http://a@b/v1/x", "Host: b\r\n"),
    ("http://a/v1/x", ""),
    ("http:///v1/x", "Host: a\r\n"),
    ("ftp://a/v1/x", "Host: a\r\n"),
    ("file:///v1/x", "Host: a\r\n"),
    ("a/v1/x", "Host: a\r\n"),
    ("a:80", "Host: a\r\n"),
    ("*", "Host: a\r\n"),
    ("?/v1/x", "Host: a\r\n"),
    ("\\v1\\x", "Host: a\r\n"),
    ("http:/v1/x", "Host: a\r\n"),
    ("http://a:x/v1/x", "Host: a:x\r\n"),
    ("http://a\\@b/v1/x", "Host: a\r\n"),
];

#[tokio::test]
async fn s17_the_backend_gets_exactly_one_valid_host_and_the_client_never_chooses_the_backend() {
    let elsewhere = Recorder::start().await;
    let other = elsewhere.url().replace("http://", "");
    let (gateway, wire) = gateway().await;
    let bearer = format!("Authorization: Bearer {}\r\nConnection: close\r\n", gateway.jane());
    let mut wrong = Wrong::default();
    for (target, fields) in AMBIGUOUS_HOSTS {
        let answer =
            raw::exchange(gateway.address(), format!("GET {target} HTTP/1.1\r\n{fields}{bearer}\r\n").as_bytes()).await;
        let arrived = wire.take();
        wrong.unless(
            raw::status(&answer) == 400,
            format!("{target} {fields:?}: {}", answer.lines().next().unwrap_or_default()),
        );
        wrong.unless(arrived.is_empty(), format!("{target} {fields:?} arrived"));
    }
    let absolute = format!("http://{other}/v1/x");
    for (target, host) in [
        ("/v1/x", "a"),
        ("/v1/x", "a.example."),
        ("/v1/x", "a:8080"),
        ("/v1/x", "127.0.0.1"),
        ("/v1/x", "[::1]:80"),
        ("/v1/x", other.as_str()),
        (absolute.as_str(), other.as_str()),
        ("http://A.example/v1/x", "a.example"),
        ("/v1/x", "a-label-of-63-letters-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
    ] {
        let fields = format!(
            "Host: {host}\r\nX-Forwarded-Host: {other}\r\nX-Host: {other}\r\nX-Original-Host: {other}\r\nForwarded: host={other}\r\n"
        );
        let answer =
            raw::exchange(gateway.address(), format!("GET {target} HTTP/1.1\r\n{fields}{bearer}\r\n").as_bytes()).await;
        wrong.unless(raw::status(&answer) == 200, format!("{target} with {host}: {answer}"));
        let arrived = String::from_utf8(wire.take()).unwrap().to_ascii_lowercase();
        let named: Vec<_> = arrived.lines().filter(|line| line.starts_with("host")).collect();
        wrong.unless(arrived.starts_with("get /v1/x http/1.1\r\n"), format!("{target} arrived as {arrived:.60}"));
        wrong.unless(
            named == [format!("host: {}", host.to_ascii_lowercase())],
            format!("{target} with {host}: {named:?}"),
        );
        wrong.unless(
            host == other || !arrived.replace("x-forwarded-host: a", "").contains(&other),
            format!("{host}: {arrived}"),
        );
    }
    wrong.unless(elsewhere.count() == 0, "another server was asked");
}

/// A public prefix and a protected one below it, side by side, and in another letter case.
const RULES: &str = "{ prefix: /open/, upstream: api, require: public }
  - { prefix: /open/Secret/, upstream: api }
  - { prefix: /files/, upstream: api }
  - { path: /files/logo.png, upstream: api, require: public }";

/// What some server takes for a slash, or for nothing.
const SLASHES: [&str; 33] = [
    "/",
    "//",
    "///",
    "%2f",
    "%2F",
    "%5c",
    "\\",
    "/./",
    "/.//",
    "/x/../",
    "/x/..%2f",
    "/x/%2e%2e/",
    "/;/",
    "/;x=y/",
    "/%3b/",
    "/..;/",
    "%252f",
    "%25%32%66",
    "%c0%af",
    "%e0%80%af",
    "%ef%bc%8f",
    "%u002f",
    "/%20/",
    "/%00/",
    "/%09/",
    "/.%00/",
    "/%2e/",
    "/~/../",
    "/%e2%80%8b/",
    "#/",
    "?/",
    "%23/",
    "%3f/",
];

/// What some server takes for `Secret`.
const WORDS: [&str; 25] = [
    "Secret",
    "secret",
    "SECRET",
    "Secre%74",
    "%53ecret",
    "Secret.",
    "Secret%20",
    "%20Secret",
    "Secret;x",
    "Secret%3bx",
    "Secret%00",
    "S%65cret",
    "Secret::$DATA",
    "Secret%2e",
    "Secre%2574",
    "%ef%bc%b3ecret",
    "\u{17f}ecret",
    "%c5%bfecret",
    "Secret%ff",
    "Secret%",
    "Secret%zz",
    "Secr\u{200b}et",
    "Secret%0d%0a",
    "./Secret",
    "x/../Secret",
];

/// Spellings that lead, or might lead, from a public path to a protected one.
fn spellings() -> Vec<String> {
    let mut targets = Vec::new();
    for slash in SLASHES {
        targets.extend([
            format!("/open{slash}Secret/x"),
            format!("/open/Secret{slash}x"),
            format!("{slash}open/Secret/x"),
            format!("/open{slash}Secret"),
        ]);
        targets.extend([
            format!("/files{slash}x"),
            format!("/files/logo.png{slash}x"),
            format!("/files/logo.png{slash}../x"),
            format!("/open/..{slash}files/x"),
        ]);
    }
    targets.extend(
        WORDS
            .iter()
            .flat_map(|word| [format!("/open/{word}/x"), format!("/open/{word}"), format!("http://a/open/{word}/x")]),
    );
    targets.extend(
        [
            "/files/logo.pngx",
            "/files/logo",
            "/files/LOGO.PNG",
            "/files/logo.png.",
            "/files/logo.png%20",
            "/filesx",
            "/openx",
            "/open",
            "/OPEN/x",
            "/v1",
            "/v1x",
            "/V1/x",
        ]
        .map(str::to_owned),
    );
    targets
}

#[tokio::test]
async fn s19_no_spelling_leads_around_a_stricter_route() {
    let config = CONFIG.replace("{ path: /healthz, upstream: api, require: public }", RULES);
    let gateway = Gateway::with(&config).await;
    let http2 = Http2::connect(gateway.address()).await;
    let mut wrong = Wrong::default();
    for target in &spellings() {
        let before = gateway.world.upstream.count();
        let answer = raw::request(gateway.address(), "GET", target, &[]).await;
        let seen = gateway.world.upstream.seen();
        // Without a token only what every reading leaves in the public part may arrive, byte for byte as it came.
        let plain = target.split(['?', '#']).next().unwrap_or_default();
        let public = plain == "/open" || plain == "/open/" || plain == "/files/logo.png";
        let arrived = seen.len() > before;
        wrong
            .unless(!arrived || public, format!("{target} arrived as {}", seen.last().map_or("", |seen| &seen.target)));
        wrong.unless(
            arrived || matches!(raw::status(&answer), 400 | 401 | 404),
            format!("{target}: {}", answer.lines().next().unwrap_or_default()),
        );
        if target.is_ascii()
            && target.starts_with('/')
            && !target.contains(['\\', '#'])
            && target.parse::<http::Uri>().is_ok()
        {
            let before = gateway.world.upstream.count();
            let code = http2.send(&Call::get(target)).await.code();
            wrong.unless(
                public || matches!(code, 400 | 401 | 404) && gateway.world.upstream.count() == before,
                format!("{target} over HTTP/2: {code}"),
            );
        }
    }
    for target in [
        "/open/",
        "/open/x",
        "/open/x/Secret/y",
        "/open/Secrets",
        "/open/xSecret/",
        "/files/logo.png",
        "/files/logo.png?x=/../y",
    ] {
        let answer = raw::request(gateway.address(), "GET", target, &[]).await;
        wrong.unless(
            raw::status(&answer) == 200,
            format!("{target} is public: {}", answer.lines().next().unwrap_or_default()),
        );
        wrong.unless(
            gateway.world.upstream.seen().last().is_some_and(|seen| seen.target == target),
            format!("{target} arrived otherwise"),
        );
    }
}
