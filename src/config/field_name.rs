//! The names of header fields that a configuration may choose, and why it may not choose the others.

use http::HeaderName;
use mfa_gateway_wire::headers::{is_identity_name, is_same_name};

/// Fields that frame a message, belong to a connection, or address the request.
const OF_THE_MESSAGE: [&str; 16] = [
    "connection",
    "content-encoding",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

/// The beginnings of the names of fields that the gateway itself writes into requests.
const OF_THE_GATEWAY: [&str; 14] = [
    "client-cert",
    "forwarded",
    "ms-correlationid",
    "ms-requestid",
    "traceparent",
    "tracestate",
    "x-auth-request-application",
    "x-auth-request-class",
    "x-auth-request-grounds",
    "x-auth-request-issuer",
    "x-auth-request-methods",
    "x-auth-request-tenant",
    "x-auth-request-user",
    "x-real-ip",
];

/// The fields about the origin of a request.
const OF_THE_ORIGIN: [&str; 7] = [
    "x-forwarded-by",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-proto",
    "x-forwarded-server",
];

/// Fields of responses that say what the gateway decided, besides those of the WebSocket handshake.
const OF_THE_DECISION: [&str; 7] = [
    "grpc-message",
    "grpc-status",
    "ismfacompliant",
    "mfa-report",
    "ms-correlationid",
    "ms-requestid",
    "www-authenticate",
];

const OWN: &str = "choose another name: the gateway writes these fields itself";

/// Fields that clients send about their requests.
const OF_CLIENTS: [&str; 12] = [
    "authorization",
    "cache-control",
    "cookie",
    "date",
    "dpop",
    "from",
    "max-forwards",
    "origin",
    "pragma",
    "range",
    "referer",
    "user-agent",
];

/// Why a name can't be chosen, and what to write instead.
pub(super) type Refusal = (String, &'static str);

/// The name of a field; or why it is none.
pub(super) fn parse(name: &str) -> Result<HeaderName, Refusal> {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let name_of = |name: &str| HeaderName::from_bytes(name.as_bytes()).ok();
    // Some servers drop a name with an underscore, and others take it for one with a dash.
    name_of(name).filter(|_| plain && name.bytes().any(|byte| byte.is_ascii_alphanumeric())).ok_or_else(|| {
        (format!("`{name}` is not letters, digits and dashes"), "write the name of a header field, such as `X-Api-Key`")
    })
}

/// A name that isn't one of those that frame the message, or that the gateway writes into requests.
pub(super) fn in_request(name: &str) -> Result<HeaderName, Refusal> {
    let parsed = parse(name)?;
    let is_one_of = |list: &[&str]| list.iter().any(|one| is_same_name(one, name));
    if is_one_of(&OF_THE_MESSAGE) {
        let message = format!("`{name}` frames or addresses the message, or belongs to the connection");
        return Err((message, OWN));
    }
    if is_one_of(&OF_THE_GATEWAY) || is_one_of(&OF_THE_ORIGIN) {
        return Err((format!("the gateway itself writes `{name}`"), "choose another name"));
    }
    Ok(parsed)
}

/// A name that a field of an upstream's response may have.
pub(super) fn in_response(name: &str) -> Result<HeaderName, Refusal> {
    let parsed = parse(name)?;
    if OF_THE_MESSAGE.contains(&parsed.as_str()) {
        return Err((format!("`{name}` frames the message, or belongs to the connection"), OWN));
    }
    if parsed.as_str().starts_with("access-control-") {
        return Err((format!("`{name}` is about pages of other origins"), "use the route's `cors`"));
    }
    if OF_THE_DECISION.contains(&parsed.as_str()) || parsed.as_str().starts_with("sec-websocket-") {
        return Err((format!("`{name}` says what the gateway decided"), "choose another name"));
    }
    Ok(parsed)
}

/// A name that a field with a token's claim may have. The gateway removes it from every client's request.
pub(super) fn for_claim(name: &str) -> Result<HeaderName, Refusal> {
    let parsed = in_request(name)?;
    let begins = |list: &[&str]| list.iter().any(|start| parsed.as_str().starts_with(start));
    let ends_request = ["x-http-method", "x-method-override", "x-original-", "x-rewrite-", "x-http-host"];
    if OF_CLIENTS.contains(&parsed.as_str()) || begins(&["accept", "access-control-", "content-", "if-", "sec-"]) {
        let message = format!("clients send `{name}`, and the gateway would remove theirs from every request");
        return Err((message, "choose a field of its own, such as `X-Roles`"));
    }
    if begins(&ends_request) {
        return Err((format!("`{name}` changes what a request asks for"), "choose another name, such as `X-Roles`"));
    }
    Ok(parsed)
}

/// Whether a name is one of these, in any spelling.
pub(super) fn is_one_of(name: &str, names: &[HeaderName]) -> bool {
    names.iter().any(|one| is_same_name(one.as_str(), name))
}

/// A name that a client's field may have when its request is routed.
pub(super) fn of_client(name: &str) -> Result<HeaderName, Refusal> {
    let parsed = in_request(name)?;
    if is_identity_name(&parsed) {
        let message = format!("the gateway removes `{name}` from every request, since it names a caller or an origin");
        return Err((message, "choose another name, such as `X-Api-Token`"));
    }
    Ok(parsed)
}
