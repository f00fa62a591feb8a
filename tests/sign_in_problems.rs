//! Sign-ins in a configuration: what they become, and what an operator reads if they contradict something.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use mfa_gateway::config::Config;
use mfa_gateway::oidc::ClientAuthentication;
use mfa_gateway::session::SignInSettings;
use mfa_gateway_store::Kind;

const FILE: &str = "\
listeners: [{ address: 127.0.0.1:8080 }]
issuers:
  - { name: idp, issuer: https://idp.example/, audiences: [api] }
  - { name: entra, entra: { tenants: any }, audiences: [api], mfa_evidence: { any: [EVIDENCE] } }
sign_in:
  - name: portal
    issuer: ISSUER
    public_url: PUBLIC
    client_id: gateway
    authentication: none
    # MORE
upstreams: [{ name: api, endpoints: [http://127.0.0.1:5000] }]
routes:
  - { prefix: /v1/, upstream: api }
  - { prefix: /, upstream: api, credential: session ROUTE }
";

const AMR: &str = "{ claim: amr, contains: mfa }";

/// The file, with what is written in the place of its words.
fn file(changes: &[(&str, &str)]) -> String {
    let defaults = [("ISSUER", "idp"), ("PUBLIC", "https://portal.example"), ("EVIDENCE", AMR), ("ROUTE", "")];
    let mut text = FILE.to_owned();
    for (word, value) in changes.iter().copied().chain(defaults) {
        text = text.replacen(word, value, 1);
    }
    text
}

fn read(text: &str) -> Config {
    Config::parse("f.yaml", text, HashMap::new()).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn sign_in(changes: &[(&str, &str)]) -> SignInSettings {
    read(&file(changes)).sign_ins.remove(0)
}

/// A sign-in with these lines more.
fn more(lines: &str) -> String {
    file(&[("# MORE", lines)])
}

fn problems(text: &str) -> Vec<(String, String)> {
    match Config::parse("f.yaml", text, HashMap::new()) {
        Ok(_) => Vec::new(),
        Err(error) => error.problems().iter().map(|one| (one.field.clone(), one.message.clone())).collect(),
    }
}

fn warnings(text: &str) -> Vec<String> {
    read(text).warnings.iter().map(|one| format!("{}: {}", one.problem().field, one.problem().message)).collect()
}

#[track_caller]
fn assert_problem(text: &str, field: &str, part: &str) {
    let found = problems(text);
    assert_eq!(found.len(), 1, "{found:?}\n{text}");
    assert_eq!(found[0].0, field, "{found:?}\n{text}");
    assert!(found[0].1.contains(part), "{found:?}\n{text}");
}

#[test]
fn a_short_sign_in_has_sensible_defaults() {
    let config = read(&file(&[]));
    let [sign_in] = &*config.sign_ins else { panic!() };
    assert_eq!((sign_in.public.as_str(), &*sign_in.base_path), ("https://portal.example/", "/.mfa-gateway/"));
    assert_eq!((&*sign_in.callback, sign_in.cookie.session()), ("/.mfa-gateway/callback", "__Host-mfa-gateway"));
    assert_eq!(sign_in.client.scope(), "openid profile");
    let hours = |hours: u64| Duration::from_secs(hours * 3600);
    assert_eq!((sign_in.times.idle, sign_in.times.absolute, sign_in.times.refresh), (hours(1), hours(12), None));
    assert_eq!(sign_in.times.transaction, Duration::from_secs(600));
    assert!(sign_in.keep.iter().any(|keep| keep.claim == ["amr"]));
    let [api, page] = &*config.routes else { panic!() };
    assert!(api.sessions.is_none() && api.forward_authorization);
    assert!(page.sessions.is_some_and(|sessions| !sessions.or_token && sessions.counts_as_use));
    assert!(!page.forward_authorization, "an upstream gets no token unless the route says so");
    assert!(matches!(config.store.unwrap().kind, Kind::Memory));
}

#[test]
fn an_access_token_that_is_forwarded_is_kept_fresh() {
    let settings = sign_in(&[("ROUTE", ", authorization: forward")]);
    assert_eq!(settings.times.refresh, Some(Duration::from_secs(60)));
    assert_eq!(settings.client.scope(), "openid profile offline_access");
    let text = file(&[("ROUTE", ", authorization: forward"), ("# MORE", "session: { refresh: \"off\" }")]);
    assert!(warnings(&text).iter().any(|one| one.contains("sign_in[0].session.refresh: a route forwards")));
    let settings = sign_in(&[("# MORE", "session: { refresh: { margin: 5s }, idle: 2s, absolute: 3s }")]);
    assert_eq!(settings.times.refresh, Some(Duration::from_secs(5)));
    assert_eq!((settings.times.idle, settings.times.absolute), (Duration::from_secs(2), Duration::from_secs(3)));
}

#[test]
fn a_step_up_asks_what_the_product_takes_unless_the_file_says_it() {
    let asked = |changes: &[(&str, &str)]| sign_in(changes).step_up;
    assert_eq!(asked(&[("ISSUER", "entra")]).amr_values, ["mfa"], "at the v1 endpoint, whose ID tokens have amr");
    let acrs = "{ claim: acrs, contains: c1 }";
    assert!(asked(&[("ISSUER", "entra"), ("EVIDENCE", acrs)]).claims.unwrap().contains("\"acrs\""));
    let own = "step_up: { acr_values: [gold], prompt: login, max_age: 5m, claims: '{\"id_token\": {}}' }";
    let own = asked(&[("# MORE", own)]);
    assert_eq!(
        (own.acr_values, own.max_age, own.prompt.as_deref()),
        (vec!["gold".to_owned()], Some(300), Some("login"))
    );
    for (step_up, field, part) in [
        ("prompt: none", "prompt", "the issuer shows nothing"),
        ("prompt: logon", "prompt", "no value of `prompt`"),
        ("claims: '[]'", "claims", "not a JSON object"),
        ("acr_values: [\"a b\"]", "acr_values", "has a space"),
        ("max_age: 0s", "max_age", "a duration of 0"),
    ] {
        assert_problem(&more(&format!("step_up: {{ {step_up} }}")), &format!("sign_in[0].step_up.{field}"), part);
    }
}

#[test]
fn entras_endpoints_are_told_apart() {
    let place = |changes: &[(&str, &str)]| {
        let config = read(&file(changes));
        config.keys[config.issuers[config.sign_ins[0].issuer].keys].name.clone()
    };
    let acrs = "{ claim: acrs, contains: c1 }";
    assert_eq!(place(&[("ISSUER", "entra")]), "entra v1.0");
    assert_eq!(place(&[("ISSUER", "entra"), ("EVIDENCE", acrs)]), "entra v2.0");
    assert_eq!(place(&[("ISSUER", "entra"), ("# MORE", "endpoint: v2")]), "entra v2.0");
    let v2 = file(&[("ISSUER", "entra"), ("# MORE", "endpoint: v2")]);
    assert!(warnings(&v2).iter().any(|one| one.contains("v2 endpoint have no `amr`")), "{:?}", warnings(&v2));
    let v2 = file(&[("ISSUER", "entra"), ("EVIDENCE", acrs), ("# MORE", "endpoint: v2")]);
    assert!(!warnings(&v2).iter().any(|one| one.contains("endpoint")));
    let refused = file(&[("ISSUER", "entra"), ("# MORE", "endpoint: v2\n    step_up: { amr_values: [mfa] }")]);
    assert_problem(&refused, "sign_in[0].step_up.amr_values", "AADSTS901002");
    assert_problem(&more("endpoint: v1"), "sign_in[0].endpoint", "only Microsoft Entra ID");
}

#[test]
fn an_issuer_may_be_for_sign_in_alone() {
    let own = "{ name: staff, issuer: https://staff.example/, product: keycloak }";
    let config = read(&file(&[("ISSUER", own)]));
    let issuer = &config.issuers[config.sign_ins[0].issuer];
    assert_eq!(
        (&*issuer.profile.name, issuer.rules.audiences.len()),
        ("staff", 0),
        "no access token of it is accepted"
    );
    assert_problem(&file(&[("ISSUER", "ipd")]), "sign_in[0].issuer", "there is no issuer `ipd`");
    let twice = "{ name: idp, issuer: https://staff.example/ }";
    assert_problem(&file(&[("ISSUER", twice)]), "sign_in[0].issuer.name", "another issuer has this name");
    let same = "{ name: b, issuer: https://idp.example/ }";
    assert_problem(&file(&[("ISSUER", same)]), "sign_in[0].issuer", "another issuer accepts the same `iss`");
    let without = file(&[]).replacen(", audiences: [api]", "", 1);
    assert_eq!(problems(&without), [], "an issuer that a sign-in names needs no audience");
    let keys = "{ name: b, issuer: https://b.example/, jwks_uri: https://b.example/keys }";
    assert_problem(&file(&[("ISSUER", keys)]), "sign_in[0].issuer", "discovery document");
    let shared = file(&[]).replacen("audiences: [api]", "audiences: [api, gateway]", 1);
    assert!(warnings(&shared).iter().any(|one| one.starts_with("issuers[0].audiences: `gateway` is the client")));
}

#[test]
fn browsers_see_the_gateway_at_an_origin_with_tls() {
    for good in ["https://portal.example:8443", "http://localhost:8080", "http://127.0.0.1", "\"http://[::1]:1/\""] {
        assert_eq!(problems(&file(&[("PUBLIC", good)])), [], "{good}");
    }
    for (bad, part) in [
        ("http://portal.example", "over https alone"),
        ("http://localhost.example", "over https alone"),
        ("portal.example", "not an http or https URL"),
        ("https://portal.example/app", "more than an origin"),
        ("https://portal.example?a", "more than an origin"),
        ("https://u@portal.example", "user name"),
    ] {
        assert_problem(&file(&[("PUBLIC", bad)]), "sign_in[0].public_url", part);
    }
    let open = file(&[]).replace("127.0.0.1:8080", "0.0.0.0:8080");
    let no_tls = |text: &str| warnings(text).iter().any(|one| one.contains("no listener has TLS"));
    assert!(no_tls(&open) && !no_tls(&file(&[])) && !no_tls(&format!("trusted_proxies: [10.0.0.1]\n{open}")));
}

#[test]
fn the_gateways_own_paths_are_nobody_elses() {
    for (line, field, part) in [
        ("base_path: /", "base_path", "not a path with a slash at either end"),
        ("base_path: /x", "base_path", "not a path with a slash at either end"),
        ("base_path: /x/../", "base_path", "not a path with a slash at either end"),
        ("redirect: callback", "redirect", "not a path of the gateway's own"),
        ("redirect: /.mfa-gateway/sign-out", "redirect", "another page of its own"),
    ] {
        assert_problem(&more(line), &format!("sign_in[0].{field}"), part);
    }
    for route in ["prefix: /.mfa-gateway/", "path: /.mfa-gateway/x", "prefix: /.mfa-gateway/a/", "path: /cb"] {
        let text = more("redirect: /cb").replace("prefix: /v1/", route);
        assert_problem(&text, "routes[0]", "no request reaches the route");
    }
    let text = more("redirect: /cb").replace("prefix: /v1/", "prefix: /cb/");
    assert_eq!(problems(&text), [], "the path of the callback alone is taken");
}

#[test]
fn two_sign_ins_share_neither_paths_nor_cookies() {
    let second = |lines: &str| {
        let entry =
            "- { name: staff, issuer: idp, public_url: https://staff.example, client_id: b, authentication: none";
        let text = file(&[("ROUTE", ", sign_in: portal")]);
        text.replace("upstreams:", &format!("  {entry}, {lines} }}\nupstreams:"))
    };
    assert_eq!(problems(&second("base_path: /.staff/, session: { cookie: staff }")), []);
    for (lines, field, part) in [
        ("session: { cookie: staff }", "base_path", "already has its own pages"),
        ("base_path: /.mfa-gateway/b/, session: { cookie: staff }", "base_path", "already has its own pages"),
        ("base_path: /.staff/", "session.cookie", "already has cookies"),
        ("base_path: /.staff/, session: { cookie: mfa-gateway-b }", "session.cookie", "already has cookies"),
        ("base_path: /.staff/, session: { cookie: MFA-gateway }", "session.cookie", "already has cookies"),
        ("base_path: /.staff/, redirect: /.mfa-gateway/b, session: { cookie: b }", "redirect", "already has this path"),
    ] {
        assert_problem(&second(lines), &format!("sign_in[1].{field}"), part);
    }
    let unnamed = second("base_path: /.staff/, session: { cookie: staff }").replace(", sign_in: portal", "");
    assert_problem(&unnamed, "routes[1].credential", "the route names none");
    let names = [("__Host-a", "puts `__Host-`"), ("a b", "letters, digits"), ("\"\"", "letters, digits")];
    for (name, part) in names {
        assert_problem(&more(&format!("session: {{ cookie: {name} }}")), "sign_in[0].session.cookie", part);
    }
}

#[test]
fn a_route_takes_the_credential_that_fits() {
    for (route, field, part) in [
        (", sign_in: portl", ".sign_in", "there is no sign-in `portl`"),
        (", token_from: { header: X-T }", ".token_from", "the route takes no tokens"),
        (", cors: { origins: [https://a.example] }", ".cors", "could act for people who signed in"),
        (", at_expiry: close", ".at_expiry", "there is no token that could expire"),
    ] {
        assert_problem(&file(&[("ROUTE", route)]), &format!("routes[1]{field}"), part);
    }
    for (route, field, part) in [
        ("sign_in: portal", ".sign_in", "the route takes tokens"),
        ("shared_cache: true", ".shared_cache", "the route takes tokens"),
        ("counts_as_use: false", ".counts_as_use", "the route takes tokens"),
        ("credential: either, require: public", ".credential", "reads no token"),
        ("credential: either, cors: { origins: [https://a.example], credentials: true }", ".cors", "could act for"),
        ("token_from: { cookie: __Host-mfa-gateway }", ".token_from", "keeps for itself"),
        ("token_from: { cookie: __HOST-mfa-gateway-ab }", ".token_from", "keeps for itself"),
    ] {
        let text = file(&[]).replace("prefix: /v1/, upstream: api", &format!("prefix: /v1/, upstream: api, {route}"));
        assert_problem(&text, &format!("routes[0]{field}"), part);
    }
    let without = file(&[]);
    let (before, rest) = without.split_once("sign_in:").unwrap();
    let text = format!("{before}upstreams:{}", rest.split_once("upstreams:").unwrap().1);
    assert_problem(&text, "routes[1].credential", "there is no `sign_in`");
}

#[test]
fn a_client_proves_itself_in_one_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &str| written(folder.path(), name, text);
    let (secret, empty) = (path("secret", "s3cret\n"), path("empty", "\n"));
    let with = |lines: &str| file(&[("authentication: none", lines)]);
    let of = |lines: &str| read(&with(lines)).sign_ins.remove(0).client.authentication;
    let basic = of(&format!("client_secret_file: {secret}"));
    assert!(matches!(basic, ClientAuthentication::SecretBasic(_)));
    let post = of(&format!("client_secret_file: {secret}\n    authentication: post"));
    assert!(matches!(post, ClientAuthentication::SecretPost(_)));
    assert!(!format!("{:?}", read(&with(&format!("client_secret_file: {secret}")))).contains("s3cret"));
    for (lines, field, part) in [
        ("# none", "", "the client has no credential"),
        ("authentication: post", ".authentication", "this needs a secret"),
        ("authentication: private_key_jwt", ".authentication", "this needs a private key"),
        (&format!("client_secret_file: {secret}\n    authentication: none"), ".authentication", "has a credential"),
        (&format!("client_secret_file: {secret}\n    private_key_file: {secret}"), "", "two credentials"),
        (&format!("client_secret_file: {secret}\n    key_id: a"), ".key_id", "no `private_key_file`"),
        (&format!("client_secret_file: {empty}"), ".client_secret_file", "it is empty"),
        ("client_secret_file: /nonexistent", ".client_secret_file", "/nonexistent can't be used"),
        (&format!("private_key_file: {secret}"), ".private_key_file", "no private key in PEM"),
    ] {
        assert_problem(&with(lines), &format!("sign_in[0]{field}"), part);
    }
    for (lines, field, part) in [
        ("scopes: [profile]", ".scopes", "sends no ID token"),
        ("scopes: [openid, \"a b\"]", ".scopes[1]", "not one scope"),
        ("parameters: { state: x }", ".parameters.state", "sets `state` itself"),
    ] {
        assert_problem(&more(lines), &format!("sign_in[0]{field}"), part);
    }
}

#[test]
fn what_is_lost_with_the_process_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let key = written(folder.path(), "key", "AAEC/v80NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGU=\n");
    let all = warnings(&file(&[]));
    assert!(all.iter().any(|one| one.starts_with("sign_in[0].session.keys: `portal` seals cookies with a random key")));
    assert!(all.iter().any(|one| one.starts_with("sign_in: sessions are kept in memory")));
    let state = format!("state: {{ directory: /var/lib/x }}\n{}", more(&format!("session: {{ keys: [{key}] }}")));
    assert_eq!(warnings(&state), Vec::<String>::new());
    assert!(matches!(read(&state).store.unwrap().kind, Kind::Sqlite { .. }));
    let store = "store: { postgres: \"postgres://gateway@db.example/gateway\", outage: 1m }\n";
    assert_problem(&format!("{store}{}", file(&[])), "sign_in[0].session.keys", "replicas that share sessions");
    let config = read(&format!("{store}{}", more(&format!("session: {{ keys: [{key}] }}"))));
    let sessions = config.sessions.unwrap();
    assert!(matches!(config.store.unwrap().kind, Kind::Postgres(_)));
    assert_eq!(sessions.outage, Duration::from_secs(60));
    for (store, field, part) in [
        ("postgres: \"postgres://u:hunter2@db/x\"", ".postgres", "contains the password"),
        ("postgres: db", ".postgres", "not a URL"),
        ("postgres: \"mysql://u@db/x\"", "", "none of Postgres"),
        ("password_file: /p", ".password_file", "none is named"),
        ("outage: 0s", ".outage", "a duration of 0"),
    ] {
        let text = format!("store: {{ {store} }}\n{}", more(&format!("session: {{ keys: [{key}] }}")));
        assert_problem(&text, &format!("store{field}"), part);
        assert!(!problems(&text)[0].1.contains("hunter2"));
    }
}

#[test]
fn keys_times_and_templates_are_tried() {
    let folder = tempfile::tempdir().unwrap();
    let short = written(folder.path(), "short", "c2hvcnQ=\n");
    assert_problem(&more(&format!("session: {{ keys: [{short}] }}")), "sign_in[0].session.keys", "not 32");
    assert_problem(&more("session: { keys: [] }"), "sign_in[0].session.keys", "is empty");
    assert_problem(&more("session: { idle: 2h, absolute: 1h }"), "sign_in[0].session.idle", "would end before");
    assert_problem(&more("session: { absolute: 31days }"), "sign_in[0].session.absolute", "out of range");
    assert_problem(&more("transaction: 2h"), "sign_in[0].transaction", "out of range");
    let pages = tempfile::tempdir().unwrap();
    let place = pages.path().display();
    written(pages.path(), "signed-out.html", "{% extends \"layout.html\" %}");
    written(pages.path(), ".hidden", "");
    assert_eq!(sign_in(&[("# MORE", &format!("pages: {place}"))]).templates.len(), 1);
    written(pages.path(), "message.html", "\n{{ nothing }}");
    assert_problem(&more(&format!("pages: {place}")), "sign_in[0].pages", "`message.html` can't be rendered");
    assert_problem(&more("pages: /nonexistent"), "sign_in[0].pages", "/nonexistent can't be read");
}

fn written(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path.display().to_string()
}
