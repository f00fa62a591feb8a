//! What holds of any bytes whatever. The fuzz targets and the property tests both call these.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderName, HeaderValue};
use mfa_gateway::config::Config;
use mfa_gateway::routing::CanonicalPath;
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::token::{Algorithm, AppOnlyProof, AuthTimeForm, IssuerRule, KeySet, TokenRules, Unverified};
use mfa_gateway_wire::headers;

/// A token that is taken apart was written in the one way in which it can be, and is not believed without a key.
pub(crate) fn token(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(unverified) = Unverified::parse(text) else { return };
    let parts: Vec<_> = text.split('.').collect();
    assert_eq!(parts.len(), 3);
    for part in parts {
        let decoded = URL_SAFE_NO_PAD.decode(part).expect("base64url");
        assert_eq!(URL_SAFE_NO_PAD.encode(decoded), part, "another spelling of the same token");
    }
    let issuer = unverified.issuer().unwrap_or_default().to_owned();
    let rules = TokenRules {
        issuer: IssuerRule::Exact(issuer),
        audiences: Vec::new(),
        algorithms: Algorithm::ALL.to_vec(),
        clock_skew: std::time::Duration::ZERO,
        required: Vec::new(),
        client_ids: Vec::new(),
        class: AppOnlyProof::Any.into(),
        auth_time: AuthTimeForm::Seconds,
    };
    assert!(unverified.verify(&[], &rules, Timestamp::from_secs(0)).is_err());
    client_token(text);
}

/// The same for the tokens that an issuer makes for a client.
fn client_token(text: &str) {
    use mfa_gateway_core::token::{
        ClientTokenRules, ExpectedIdToken, Occasion, UnverifiedIdToken, UnverifiedLogoutToken,
    };
    let (id_token, logout_token) = (UnverifiedIdToken::parse(text), UnverifiedLogoutToken::parse(text));
    assert!(id_token.is_err() || logout_token.is_ok(), "without a typ of its own, a token may be either");
    let rules = ClientTokenRules {
        issuer: IssuerRule::Exact(String::new()),
        client_id: String::new(),
        required: Vec::new(),
        algorithms: Algorithm::ALL.to_vec(),
        clock_skew: std::time::Duration::ZERO,
        max_token_age: std::time::Duration::MAX,
        auth_time: AuthTimeForm::Seconds,
    };
    let now = Timestamp::from_secs(0);
    let expected = ExpectedIdToken { occasion: Occasion::SignIn { nonce: "" }, access_token: "" };
    assert!(id_token.is_err() || id_token.is_ok_and(|token| token.verify(&[], &rules, &expected, now).is_err()));
    assert!(logout_token.is_err() || logout_token.is_ok_and(|token| token.verify(&[], &rules, now).is_err()));
}

/// A key set that is read again has the same keys, also behind a byte order mark, and no token has many of them tried.
pub(crate) fn key_set(data: &[u8]) {
    let first = match KeySet::parse(data, None) {
        Ok(first) => first,
        Err(error) => return assert!(error.to_string().len() < 10_000, "an error without end"),
    };
    for algorithm in Algorithm::ALL {
        for kid in first.iter().map(|key| key.kid()).chain([None, Some("")]) {
            for key in first.find(kid, algorithm).unwrap_or_default() {
                assert!(key.algorithms().contains(&algorithm.name()), "a key for another algorithm");
                assert!(kid.is_none() || key.kid() == kid, "a key of another name");
            }
            assert!(first.find(kid, algorithm).map_or(0, |keys| keys.len()) <= 4, "too many candidates");
        }
    }
    let marked = KeySet::parse(&["\u{feff}".as_bytes(), data].concat(), Some(&first));
    assert!(
        data.starts_with("\u{feff}".as_bytes()) || marked.is_ok_and(|marked| marked.iter().all(|key| first.holds(key)))
    );
    if let Some(nulls) = with_nulls(data) {
        assert!(KeySet::parse(nulls.as_bytes(), None).is_ok(), "members that say nothing cost the keys");
    }
    let again = KeySet::parse(data, Some(&first)).expect("it was a key set");
    assert_eq!(first.iter().count(), again.iter().count());
    assert_eq!(first.skipped(), again.skipped());
    for key in first.iter() {
        assert!(again.iter().any(|other| std::sync::Arc::ptr_eq(key, other)), "an unchanged key became another");
    }
}

/// The same key set, with members in each entry that say nothing.
fn with_nulls(data: &[u8]) -> Option<String> {
    let mut document: serde_json::Value = serde_json::from_slice(data).ok()?;
    for entry in document.get_mut("keys")?.as_array_mut()?.iter_mut().filter_map(serde_json::Value::as_object_mut) {
        for name in ["use", "alg", "key_ops", "d", "k", "x5t", "x5c", "issuer"] {
            entry.entry(name).or_insert(serde_json::Value::Null);
        }
    }
    Some(document.to_string())
}

/// An accepted path stays as it is, and none of its segments can be read as a step to elsewhere.
pub(crate) fn path(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(path) = CanonicalPath::parse(text) else { return };
    assert_eq!(path.as_str(), text);
    let lower = text.to_ascii_lowercase();
    for odd in ["//", "\\", "%5c", "%2e", "%00", "%252f", "?", "#"] {
        assert!(!lower.contains(odd), "{odd} in {text}");
    }
    assert!(text.split('/').all(|segment| !matches!(segment, "." | "..")));
    assert!(text.bytes().all(|byte| byte.is_ascii_graphic()));
    // Without forms that only some routes forward, no server may find other names in the pattern of a route.
    if path.unambiguous().is_ok() {
        for odd in [";", "%2f", "%3b", "%3f", "%23", "[", "]", "%c2%a5", "%e2%82%a9", "%ef%bc%8f"] {
            assert!(!lower.contains(odd), "{odd} in {text}");
        }
    }
    routed(text);
}

/// Whatever a path looks like, it isn't forwarded to a public part if it could be read as one of the protected part.
fn routed(text: &str) {
    use mfa_gateway::routing::{Pattern, Route, RouteTable};
    use mfa_gateway_core::policy::Requirement;
    static TABLE: std::sync::LazyLock<RouteTable> = std::sync::LazyLock::new(|| {
        let route = |path: &str, requirement: Requirement| {
            let route = Route::new(Pattern::Prefix(path.to_owned()), requirement.into());
            Route { forward_encoded: path == "/open", ..route }
        };
        RouteTable::new(vec![route("/open", Requirement::Public), route("/", Requirement::Mfa { max_age: None })])
    });
    let Ok(route) = TABLE.find(text, &http::Method::GET) else { return };
    if route.rule.requirement == Requirement::Public {
        assert!(text == "/open" || text.starts_with("/open/"), "{text} is public");
        let mut read = text.to_owned();
        for _ in 0..3 {
            read = decoded(&read).replace(['\\', '\u{a5}'], "/");
            assert!(!read.split(['/', ';']).any(|name| name.trim() == ".."), "{text} leads out as {read}");
        }
    }
}

fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        match part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => bytes.extend([&[byte], &part.as_bytes()[2..]].concat()),
            None => bytes.extend(["%", part].concat().as_bytes()),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Lines of names and values: no field by which a client could pass for somebody is left, in any spelling.
pub(crate) fn headers(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in data.split(|&byte| byte == b'\n').take(200) {
        let (name, value) =
            line.iter().position(|&byte| byte == b':').map_or((line, &b""[..]), |at| (&line[..at], &line[at + 1..]));
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    sanitize(&mut headers);
    for name in headers.keys() {
        let folded: String = name.as_str().chars().filter(char::is_ascii_alphanumeric).collect();
        for guarded in ["xauthrequest", "xforwarded", "remoteuser", "xmsclientprincipal", "impersonate", "sslclient"] {
            assert!(!folded.starts_with(guarded), "{name} was left");
        }
        assert!(!["xrealip", "forwardedfor", "forwarded"].contains(&&*folded), "{name} was left");
        assert!(
            !matches!(name.as_str(), "connection" | "keep-alive" | "transfer-encoding" | "upgrade" | "te"),
            "{name} was left"
        );
    }
    let once = headers.clone();
    sanitize(&mut headers);
    assert_eq!(once, headers, "a second time removed more");
}

/// Removes the fields of a client's that only the gateway may set, and those of the connection.
fn sanitize(fields: &mut HeaderMap) {
    headers::remove_hop_by_hop(fields);
    headers::remove_identity_fields(fields);
}

/// What the parser would see of what a client sends in parts of this size, and whether some of it was refused.
fn guarded(bytes: &[u8], part: usize) -> (Vec<u8>, bool) {
    let (seen, refused) = mfa_gateway_wire::guarded(bytes, part);
    (seen, refused.is_some())
}

/// Whether `seen` is what `sent` begins with, but for empty lines between requests.
fn begins(sent: &[u8], seen: &[u8]) -> bool {
    let mut at = 0;
    seen.iter().all(|byte| {
        while sent.get(at) != Some(byte) && sent[at..].starts_with(b"\r\n") {
            at += 2;
        }
        at += 1;
        sent.get(at - 1) == Some(byte)
    })
}

/// What the parser sees is the same however the bytes are cut, begins as what was sent, and has no bare LF in a head.
pub(crate) fn head(data: &[u8]) {
    let (seen, refused) = guarded(data, data.len());
    for part in [1, 2, 7, 64] {
        assert_eq!(guarded(data, part), (seen.clone(), refused), "in parts of {part}");
    }
    assert!(refused || begins(data, &seen), "something was added");
    if let Some(end) = data.windows(4).position(|four| four == b"\r\n\r\n") {
        let head = &data[..end + 4];
        if !refused && data.starts_with(b"GET ") {
            assert!(
                !head.iter().enumerate().any(|(at, byte)| *byte == b'\n' && head[at - 1] != b'\r'),
                "a bare LF passed"
            );
            assert!(
                !head.windows(3).any(|three| three == b"\n \t" || three.starts_with(b"\n ")),
                "a folded line passed"
            );
        }
    }
}

/// The same for a body in chunks.
pub(crate) fn chunked(data: &[u8]) {
    let start = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
    let all = [start, data].concat();
    let (seen, refused) = guarded(&all, all.len());
    for part in [1, 3, 50] {
        assert_eq!(guarded(&all, part), (seen.clone(), refused), "in parts of {part}");
    }
    assert!(seen.starts_with(start), "the head didn't pass");
    assert!(refused || begins(&all, &seen), "something was added");
}

/// A configuration is taken, or its problems are told.
pub(crate) fn configuration(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Err(error) = Config::parse("any.yaml", text, std::collections::HashMap::new()) {
        assert!(!error.to_string().is_empty() && !error.problems().is_empty());
    }
}

/// A discovery document that is taken is this issuer's, and its endpoints are places that may be used.
pub(crate) fn discovery(data: &[u8]) {
    const ISSUER: &str = "https://idp.example/";
    let metadata = mfa_gateway_keys::Metadata::parse(data, ISSUER);
    let endpoints = [
        metadata.authorization_endpoint(),
        metadata.token_endpoint(),
        metadata.end_session_endpoint(),
        metadata.pushed_authorization_request_endpoint(),
    ];
    for endpoint in endpoints {
        match endpoint {
            Ok(url) => {
                assert!(url.scheme() == "https" || mfa_gateway_keys::is_loopback(url), "{url} is sent to");
                assert!(url.fragment().is_none() && url.username().is_empty() && url.password().is_none(), "{url}");
            }
            Err(error) => assert!(error.to_string().len() < 10_000, "an error without end"),
        }
    }
    if mfa_gateway_keys::read_discovery(data, ISSUER).is_ok() {
        // Bytes that aren't UTF-8 in a member that nobody reads do no harm.
        let document: serde_json::Value = serde_json::from_str(&String::from_utf8_lossy(data)).expect("JSON");
        assert_eq!(document["issuer"], ISSUER);
    }
}

/// A callback that is taken has a state and one outcome, all of it text that can stand in a form, and reads the same when it
/// is written again.
pub(crate) fn callback(data: &[u8]) {
    use mfa_gateway::oidc::{CallbackParameters, CallbackResponse};
    let Ok(parsed) = CallbackParameters::parse(data) else { return };
    let (name, value) = match &parsed.response {
        CallbackResponse::Code(code) => ("code", code),
        CallbackResponse::Error(error) => ("error", &error.code),
    };
    for text in [&parsed.state, value] {
        assert!(!text.is_empty() && text.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{text}");
    }
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(data).into_owned().collect();
    let count = |wanted: &str| pairs.iter().filter(|(name, _)| name == wanted).count();
    assert_eq!((count("state"), count(name), count("code") + count("error")), (1, 1, 1), "not exactly one");
    let written = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
    if written.len() <= data.len() {
        assert!(CallbackParameters::parse(written.as_bytes()).is_ok_and(|again| again == parsed), "it reads otherwise");
    }
    let metadata = mfa_gateway_keys::Metadata::parse(b"{}", "https://idp.example/");
    let named: Vec<_> = pairs.iter().filter(|(name, _)| name == "iss").map(|(_, value)| value.as_str()).collect();
    assert_eq!(parsed.check_issuer(&metadata).is_ok(), named.is_empty() || named == ["https://idp.example/"]);
    if name == "code" {
        assert_eq!(format!("{parsed:?}"), "CallbackParameters { response: Code, .. }", "a code in the log");
    }
}

/// The gateway's own cookies are taken out of a `Cookie` field, and every other pair stays as it was, in its order.
pub(crate) fn cookies(data: &[u8]) {
    use mfa_gateway::session::{CookieName, take_cookies};
    let Ok(value) = HeaderValue::from_bytes(data) else { return };
    let name = CookieName::new("mfa-gateway");
    let mut fields = HeaderMap::new();
    fields.insert(http::header::COOKIE, value);
    let own = take_cookies(&mut fields, &name);
    let left: Vec<u8> = fields.get(http::header::COOKIE).map(|value| value.as_bytes().to_vec()).unwrap_or_default();
    let resembles = |text: &[u8]| text.to_ascii_lowercase().windows(18).any(|part| part == b"__host-mfa-gateway");
    let name_of = |pair: &[u8]| pair.split(|byte| *byte == b'=').next().unwrap_or_default().to_vec();
    let pairs = |bytes: &[u8]| bytes.split(|byte| *byte == b';').map(<[u8]>::to_vec).collect::<Vec<_>>();
    let (before, after) = (pairs(data), pairs(&left));
    for pair in &after {
        let named = name_of(pair);
        // Longer names are others' own: `__Host-mfa-gatewayx`.
        let start = named.iter().position(u8::is_ascii_graphic).unwrap_or_default();
        let rest = named[start..].get(18..).unwrap_or_default();
        let is_own = resembles(&named[start..named.len().min(start + 18)]) && (rest.is_empty() || rest[0] == b'-');
        assert!(!is_own, "{:?} is left of {:?}", String::from_utf8_lossy(pair), String::from_utf8_lossy(data));
    }
    let others: Vec<_> =
        before.iter().filter(|pair| !resembles(&name_of(pair))).map(|pair| pair.trim_ascii()).collect();
    let kept: Vec<_> = after.iter().map(|pair| pair.trim_ascii()).collect();
    let mut rest = kept.iter();
    assert!(others.iter().all(|pair| pair.is_empty() || rest.any(|one| one == pair)), "{others:?} became {kept:?}");
    for text in own.session.iter().chain(own.attempts.iter().map(|(_, value)| value)) {
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{text}");
    }
}

/// Whatever a browser asked for, it returns to a page of this origin, and not into the gateway's own pages.
pub(crate) fn return_path(data: &[u8]) {
    use mfa_gateway::session::ReturnPath;
    let text = String::from_utf8_lossy(data);
    let path = ReturnPath::of(&text, "/.mfa-gateway/");
    assert!(path.as_str() == "/" || path.as_str() == text, "neither the start page nor what was asked for");
    let origin = url::Url::parse("https://portal.example/somewhere?a=b").expect("a URL");
    let url = origin.join(path.as_str()).expect("a path");
    assert_eq!(url.origin(), origin.origin(), "{path:?} leads elsewhere");
    assert!(url.fragment().is_none() && !url.path().starts_with("/.mfa-gateway/"), "{path:?}");
    assert!(HeaderValue::from_str(path.as_str()).is_ok(), "{path:?} can't stand in a field");
}
