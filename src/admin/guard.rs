//! What is asked of a request before it is looked at: the right host, no foreign page behind it, a bounded body.

use std::net::IpAddr;
use std::time::Duration;

use http::header::{CONTENT_TYPE, HOST, ORIGIN};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use crate::gateway::{Notice, Reason, Rejection};
use mfa_gateway_wire::Body;

/// How long a body may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

const FOREIGN_HOST: Notice = Notice {
    status: StatusCode::MISDIRECTED_REQUEST,
    code: "foreign_host",
    description: "The admin listener is not known by this host name.",
    remedy: "Use `localhost` or the IP address, or add the name to `admin.hosts`.",
};

const FOREIGN_ORIGIN: Notice = Notice {
    status: StatusCode::FORBIDDEN,
    code: "foreign_origin",
    description: "A page of another origin sent this request.",
    remedy: "Use the listener's own page, or a client that is no browser.",
};

const NOT_JSON: Notice = Notice {
    status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
    code: "unsupported_media_type",
    description: "The body is not announced as JSON.",
    remedy: "Send `Content-Type: application/json`.",
};

const TOO_LARGE: Notice = Notice {
    status: StatusCode::PAYLOAD_TOO_LARGE,
    code: "body_too_large",
    description: "The body is larger than a question can be.",
    remedy: "Send one token, a method and a path.",
};

const UNREADABLE: Notice = Notice {
    status: StatusCode::BAD_REQUEST,
    code: "malformed_request",
    description: "The body is not the JSON object that is asked for.",
    remedy: r#"Send `{"token": "…", "method": "GET", "path": "/…"}`: only `path` is required, and there is nothing else."#,
};

fn told(notice: &'static Notice) -> Rejection {
    Rejection::new(Reason::Told(notice))
}

/// Refuses host names that aren't the listener's: a page whose name was rebound to this address has one (DNS rebinding).
/// An IP address can't be rebound.
pub(super) fn check_host(headers: &HeaderMap, names: &[String]) -> Result<(), Rejection> {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let name = name.to_ascii_lowercase();
    let known = name == "localhost" || name.parse::<IpAddr>().is_ok() || names.contains(&name);
    if known { Ok(()) } else { Err(told(&FOREIGN_HOST)) }
}

/// Refuses what a page of another origin has a browser send. Such a page has no operator's token either; this holds even
/// if it came by one.
pub(super) fn check_origin(headers: &HeaderMap) -> Result<(), Rejection> {
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    let host = headers.get(HOST).map(http::HeaderValue::as_bytes).unwrap_or_default();
    let own = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    if own.is_some_and(|own| own.as_bytes().eq_ignore_ascii_case(host)) { Ok(()) } else { Err(told(&FOREIGN_ORIGIN)) }
}

/// Reads a JSON body. Nothing of it is repeated in a refusal: a token is in it.
pub(super) async fn read_json<T: DeserializeOwned>(request: Request<Body>, limit: usize) -> Result<T, Rejection> {
    let media_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        return Err(told(&NOT_JSON));
    }
    let body = Limited::new(request.into_body(), limit).collect();
    let body = match tokio::time::timeout(BODY_TIMEOUT, body).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(told(&TOO_LARGE)),
        Ok(Err(_)) | Err(_) => return Err(Rejection::new(Reason::BodyIncomplete)),
    };
    serde_json::from_slice(&body).map_err(|_| told(&UNREADABLE))
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn fields(fields: &[(HeaderName, &str)]) -> HeaderMap {
        fields.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn only_addresses_localhost_and_configured_names_are_hosts() {
        let names = ["admin.internal".to_owned()];
        let known = |host| check_host(&fields(&[(HOST, host)]), &names).is_ok();
        for host in ["localhost", "LOCALHOST:9090", "127.0.0.1:9090", "10.1.2.3", "[::1]:9090", "admin.internal:1"] {
            assert!(known(host), "{host}");
        }
        for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "xadmin.internal", "[evil]"] {
            assert!(!known(host), "{host}");
        }
        assert!(check_host(&HeaderMap::new(), &names).is_err());
    }

    #[test]
    fn a_foreign_origin_is_refused() {
        let allowed = |origin| check_origin(&fields(&[(HOST, "127.0.0.1:9090"), (ORIGIN, origin)])).is_ok();
        assert!(allowed("http://127.0.0.1:9090") && allowed("https://127.0.0.1:9090"));
        for origin in ["null", "http://127.0.0.1:8080", "http://evil.example", "http://evil.example?127.0.0.1:9090", ""]
        {
            assert!(!allowed(origin), "{origin}");
        }
        assert!(check_origin(&HeaderMap::new()).is_ok(), "no browser");
    }
}
