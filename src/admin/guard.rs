//! What is asked of a request before it gets to its handler: the right host, no foreign page behind it, an operator.
//!
//! There is one guard for each of those who may ask; the router puts it before their handlers.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State as Shared};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};

use super::context::Admin;
use super::operator::Operator;
use super::refused::Refused;
use super::state::State;
use crate::exceptions::Actor;
use crate::gateway::{Notice, Reason, Rejection};

const FOREIGN_HOST: Notice = Notice {
    status: StatusCode::MISDIRECTED_REQUEST,
    code: "foreign_host",
    description: "The admin listener doesn't serve this host name.",
    remedy: "Use `localhost` or the IP address, or add the name to `admin.hosts`.",
};

const FOREIGN_ORIGIN: Notice = Notice {
    status: StatusCode::FORBIDDEN,
    code: "foreign_origin",
    description: "A page from another origin sent this request.",
    remedy: "Use the listener's own page, or a client that is not a browser.",
};

/// Lets operators pass.
pub(super) async fn operators(
    Shared(admin): Shared<Arc<Admin>>,
    request: Request,
    next: Next,
) -> Result<Response, Refused> {
    let (mut head, body) = request.into_parts();
    let operator = authorize(&admin.state.load_full(), &head).await?;
    head.extensions.insert(operator);
    Ok(next.run(Request::from_parts(head, body)).await)
}

/// Lets operators pass, and people who may ask for exceptions or answer those of others.
pub(super) async fn people(
    Shared(admin): Shared<Arc<Admin>>,
    request: Request,
    next: Next,
) -> Result<Response, Refused> {
    let (mut head, body) = request.into_parts();
    let state = admin.state.load_full();
    // The entrance knows the person by the session.
    let actor = match head.extensions.get::<Actor>() {
        Some(actor) => actor.clone(),
        None => identify(&state, &head).await?,
    };
    head.extensions.insert(actor);
    Ok(next.run(Request::from_parts(head, body)).await)
}

/// Refuses all but operators and those with a role of exceptions, and logs what these have done.
async fn identify(state: &State, head: &Parts) -> Result<Actor, Rejection> {
    check_host(&head.headers, state.hosts())?;
    check_origin(&head.headers)?;
    let settings = state.config.exception_requests.as_ref();
    let actor = state.access.authorize_person(&head.headers, settings).await?;
    if head.method == Method::POST {
        tracing::info!(path = head.uri.path(), by = actor.name, "a request about exceptions");
    }
    Ok(actor)
}

/// Lets everyone pass, or operators alone where the configuration says so.
pub(super) async fn details(
    Shared(admin): Shared<Arc<Admin>>,
    request: Request,
    next: Next,
) -> Result<Response, Refused> {
    let (head, body) = request.into_parts();
    let state = admin.state.load_full();
    if state.open_details() {
        check_name(&head.headers, state.hosts())?;
    } else {
        authorize(&state, &head).await?;
    }
    Ok(next.run(Request::from_parts(head, body)).await)
}

/// Lets everyone pass, if there are operators.
pub(super) async fn visitors(
    Shared(admin): Shared<Arc<Admin>>,
    request: Request,
    next: Next,
) -> Result<Response, Refused> {
    let state = admin.state.load_full();
    check_host(request.headers(), state.hosts())?;
    state.access.admits_any()?;
    Ok(next.run(request).await)
}

/// Lets operators pass where they sign in with a browser, and else everyone, if there are operators.
pub(super) async fn home(shared: Shared<Arc<Admin>>, request: Request, next: Next) -> Result<Response, Refused> {
    if shared.0.state.load().access.has_browsers() {
        operators(shared, request, next).await
    } else {
        visitors(shared, request, next).await
    }
}

/// Refuses all but operators, and logs what these have done.
async fn authorize(state: &State, head: &Parts) -> Result<Operator, Rejection> {
    // The entrance knows the operator by the session.
    if let Some(operator) = head.extensions.get::<Operator>() {
        return Ok(operator.clone());
    }
    check_host(&head.headers, state.hosts())?;
    check_origin(&head.headers)?;
    let operator = state.access.authorize(&head.headers).await?;
    if head.method == Method::POST {
        tracing::info!(path = head.uri.path(), operator = operator.name, "an operator request");
    }
    Ok(operator)
}

fn told(notice: &'static Notice) -> Rejection {
    Rejection::new(Reason::Told(notice))
}

/// Refuses host names that aren't the listener's: a page whose name was rebound to this address has one (DNS
/// rebinding). An IP address can't be rebound.
pub(super) fn check_host(headers: &HeaderMap, names: &[String]) -> Result<(), Rejection> {
    if is_own(&host(headers), names) { Ok(()) } else { Err(told(&FOREIGN_HOST)) }
}

/// The same for what everyone may read. A name without a dot is one of the own network, such as a container's, and no
/// page from elsewhere has it.
fn check_name(headers: &HeaderMap, names: &[String]) -> Result<(), Rejection> {
    if has_own_name(headers, names) { Ok(()) } else { Err(told(&FOREIGN_HOST)) }
}

/// Whether a request may have details that everyone may read.
pub(super) fn has_own_name(headers: &HeaderMap, names: &[String]) -> bool {
    let host = host(headers);
    is_own(&host, names) || !host.is_empty() && !host.contains('.')
}

fn is_own(host: &str, names: &[String]) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok() || names.iter().any(|name| name == host)
}

/// The host without its port.
fn host(headers: &HeaderMap) -> String {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.to_ascii_lowercase()
}

/// Refuses what a page of another origin has a browser send. Such a page has no operator's token either; this holds
/// even if it came by one.
pub(super) fn check_origin(headers: &HeaderMap) -> Result<(), Rejection> {
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    let host = headers.get(HOST).map(http::HeaderValue::as_bytes).unwrap_or_default();
    let own = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    if own.is_some_and(|own| own.as_bytes().eq_ignore_ascii_case(host)) { Ok(()) } else { Err(told(&FOREIGN_ORIGIN)) }
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
        let readable = |host| check_name(&fields(&[(HOST, host)]), &names).is_ok();
        assert!(readable("gateway:9090") && !known("gateway:9090"), "a container's name");
        assert!(readable("admin.internal") && !readable("evil.example") && !readable("gateway."));
        assert!(check_name(&HeaderMap::new(), &names).is_err());
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
