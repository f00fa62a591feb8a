//! The spans of a request in a trace: its own, and that of the call to the upstream. Attributes have the names of
//! OpenTelemetry's semantic conventions for HTTP; a token, a path or a query is never among them.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use http::header::HOST;
use http::uri::Authority;
use http::{HeaderMap, Method, StatusCode, Uri, Version};

use super::exchange::Exchange;
use crate::telemetry::{Attribute, Kind, Told, Trace, TraceContext, Value};
use crate::upstream::UpstreamError;

/// A request that is part of a trace, and the facts known from its start.
#[derive(Debug)]
pub(super) struct Traced {
    trace: Arc<Trace>,
    /// Only for a sampled one.
    seen: Option<Seen>,
}

#[derive(Debug)]
struct Seen {
    method: Method,
    version: Version,
    client: Option<IpAddr>,
    tls: bool,
    authority: Option<Authority>,
}

/// How a request ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended<'e> {
    pub(super) route: Option<&'e str>,
    pub(super) status: Option<StatusCode>,
    pub(super) result: &'static str,
    pub(super) reason: &'static str,
    pub(super) class: &'static str,
}

/// The trace of a request, if requests are traced.
pub(super) fn begin(exchange: &Exchange) -> Option<Box<Traced>> {
    let trace = Arc::clone(exchange.trace.as_ref()?);
    let request = &exchange.request;
    let seen = trace.context.sampled.then(|| {
        let tls = exchange.peer.as_ref().is_some_and(|peer| peer.tls);
        let host = || request.headers().get(HOST).and_then(|host| Authority::try_from(host.as_bytes()).ok());
        Seen {
            method: request.method().clone(),
            version: request.version(),
            client: exchange.client(),
            tls,
            // A client must not be able to inflate the queue of spans: a name has 255 bytes (RFC 1035).
            authority: request.uri().authority().cloned().or_else(host).filter(|name| name.host().len() <= 255),
        }
    });
    Some(Box::new(Traced { trace, seen }))
}

/// A trace's id, as logs write it.
pub(super) fn id(trace: &Trace) -> String {
    format!("{:032x}", trace.context.trace_id)
}

impl Traced {
    /// The trace's id.
    pub(super) fn id(&self) -> String {
        id(&self.trace)
    }

    /// Ends the request's span.
    pub(super) fn ended(&self, ended: &Ended<'_>) {
        let Some(seen) = &self.seen else { return };
        let method = known(&seen.method);
        let verdict = match ended.result {
            "permitted" => ("mfa_gateway.grounds", ended.reason),
            _ => ("mfa_gateway.reason", ended.reason),
        };
        let mut attributes: Vec<Attribute> = vec![
            ("http.request.method", method.into()),
            ("url.scheme", if seen.tls { "https" } else { "http" }.into()),
            ("network.protocol.version", version(seen.version).into()),
            ("mfa_gateway.decision", ended.result.into()),
            (verdict.0, verdict.1.into()),
            ("mfa_gateway.class", ended.class.into()),
        ];
        attributes.extend(ended.status.map(|status| ("http.response.status_code", status.as_u16().into())));
        attributes.extend(ended.route.map(|route| ("http.route", route.to_owned().into())));
        attributes.extend(seen.client.map(|client| ("client.address", client.to_string().into())));
        attributes.extend(server(seen.authority.as_ref()));
        let failed = ended.status.is_none_or(|status| status.is_server_error());
        if failed {
            let status = ended.status.filter(|_| ended.result == "permitted");
            attributes.push(("error.type", status.map_or_else(|| ended.reason.into(), code)));
        }
        let method = if method == "_OTHER" { "HTTP" } else { method };
        let name = ended.route.map_or_else(|| method.to_owned(), |route| format!("{method} {route}"));
        self.trace.request_ended(Told { kind: Kind::Server, name, attributes, failed });
    }
}

/// The call to an upstream that is part of a trace.
#[derive(Debug)]
pub(super) struct Call {
    trace: Arc<Trace>,
    span: TraceContext,
    began: Instant,
}

impl Call {
    /// Begins a call: its span is the parent of the upstream's work.
    pub(super) fn begin(trace: &Arc<Trace>, headers: &mut HeaderMap) -> Self {
        let span = trace.child();
        trace.write(span, headers);
        Self { trace: Arc::clone(trace), span, began: Instant::now() }
    }

    /// Ends it with the head of the upstream's response, or without one.
    pub(super) fn ended(
        self,
        method: &Method,
        upstream: &str,
        endpoint: Option<&Uri>,
        answer: Result<(StatusCode, Version), &UpstreamError>,
    ) {
        if !self.span.sampled {
            return;
        }
        let method = known(method);
        let scheme = if endpoint.and_then(Uri::scheme_str) == Some("https") { "https" } else { "http" };
        let mut attributes: Vec<Attribute> = vec![
            ("http.request.method", method.into()),
            ("url.scheme", scheme.into()),
            ("mfa_gateway.upstream", upstream.to_owned().into()),
        ];
        attributes.extend(server(endpoint.and_then(Uri::authority)));
        let failed = match answer {
            Ok((status, protocol)) => {
                attributes.push(("http.response.status_code", status.as_u16().into()));
                attributes.push(("network.protocol.version", version(protocol).into()));
                let failed = status.is_client_error() || status.is_server_error();
                attributes.extend(failed.then(|| ("error.type", code(status))));
                failed
            }
            Err(error) => {
                attributes.push(("error.type", if error.is_timeout() { "timeout" } else { "upstream_failed" }.into()));
                true
            }
        };
        let name = if method == "_OTHER" { "HTTP" } else { method }.to_owned();
        self.trace.ended(self.span, self.began, Told { kind: Kind::Client, name, attributes, failed });
    }
}

/// The method, if it is a common one: other methods must not create span names.
fn known(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "CONNECT", "TRACE"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("_OTHER")
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        _ => "1.1",
    }
}

fn code(status: StatusCode) -> Value {
    status.as_str().to_owned().into()
}

fn server(authority: Option<&Authority>) -> impl Iterator<Item = Attribute> {
    let address = authority.map(|authority| ("server.address", authority.host().to_owned().into()));
    let port = authority.and_then(Authority::port_u16).map(|port| ("server.port", port.into()));
    address.into_iter().chain(port)
}
