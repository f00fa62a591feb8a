//! One request to an upstream, over endpoints and connections until one takes it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::header::HOST;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, Request, Response, StatusCode, Uri, Version};
use http_body::Body as _;
use hyper::body::Incoming;
use tokio::time::Instant;

use super::body::AnswerBody;
use super::caller::{Caller, User};
use super::endpoint::{Endpoint, InFlight};
use super::pool::Lease;
use super::{Protocol, Upstream, UpstreamError};
use mfa_gateway_wire::{Body, RawFields, StallTimeout, Upload, UploadFault, trailers};

/// How many endpoints a request is offered to.
const MAX_ENDPOINTS: usize = 3;

enum Failure {
    /// Nothing of the request can have reached the backend; it is back in its place.
    NotSent(UpstreamError),
    Sent(UpstreamError),
}

impl Upstream {
    /// Sends a request of `caller`, whose URI holds path and query alone, with `told` behind its fields, and waits for
    /// the head of the response. The client's body may stand still for `client_idle`. `offered` becomes the endpoint
    /// that was tried last.
    ///
    /// # Errors
    ///
    /// If no endpoint responds in time, or the exchange breaks off.
    pub(crate) async fn send<'u>(
        &'u self,
        request: &mut Request<Body>,
        told: &mut RawFields,
        caller: &Caller<'_>,
        client_idle: Duration,
        offered: &mut Option<&'u Uri>,
    ) -> Result<Response<Body>, UpstreamError> {
        let upload = watch_body(request.body_mut(), client_idle);
        if self.settings.protocol == Protocol::Http2 {
            std::mem::take(told).insert_into(request.headers_mut());
        }
        let mut tried = [usize::MAX; MAX_ENDPOINTS];
        let mut last = None;
        for time in 0..MAX_ENDPOINTS {
            let Some(at) = self.choose(&tried[..time]) else { break };
            tried[time] = at;
            let endpoint = &self.endpoints[at];
            *offered = Some(endpoint.uri());
            match self.offer(endpoint, (request, told), caller, upload.as_deref(), time == 0).await {
                Ok(response) => return Ok(response),
                Err(Failure::Sent(error)) => {
                    // Who responds isn't set aside for a response.
                    if !matches!(error, UpstreamError::RequestBody { .. } | UpstreamError::Response { .. }) {
                        endpoint.failed(&error);
                    }
                    return Err(error);
                }
                Err(Failure::NotSent(error)) => {
                    endpoint.failed(&error);
                    last = Some(error);
                }
            }
        }
        // There is always an endpoint: the configuration demands one.
        Err(last.unwrap_or_else(|| UpstreamError::Connect {
            endpoint: self.settings.name.clone(),
            source: "the upstream has no endpoint".into(),
        }))
    }

    /// Offers the request to one endpoint, over kept connections as long as they turn out to be closed.
    async fn offer(
        &self,
        endpoint: &Arc<Endpoint>,
        (request, told): (&mut Request<Body>, &mut RawFields),
        caller: &Caller<'_>,
        upload: Option<&Upload>,
        mut first: bool,
    ) -> Result<Response<Body>, Failure> {
        self.address(request, endpoint.uri());
        let in_flight = endpoint.begin();
        let mut repeated = false;
        loop {
            let now = if first { caller.asks } else { Instant::now() };
            first = false;
            let lease = if repeated { endpoint.fresh_lease().await } else { endpoint.lease(caller, now).await };
            let mut lease = lease.map_err(Failure::NotSent)?;
            let keep = lease.is_reused() && !repeated && is_repeatable(request);
            // As long as the client is due the time is the client's, and the body itself watches it.
            let after = self.settings.response_timeout;
            // The clock is asked again only if a connection had to be made.
            let began = if lease.is_reused() { now } else { Instant::now() };
            let mut taken = 0;
            let goes_on = || upload.is_some_and(|upload| upload.upstream_keeps_up(&mut taken));
            lease.announce(request, told, caller, keep);
            // What is in this block takes no room while the connection is given up.
            let failed = {
                match lease.send(request, began, after, goes_on).await {
                    None => None,
                    Some(Ok(mut response)) => {
                        lease.complete(&mut response);
                        // A response that came before the request's end leaves the rest of it on the connection, and a
                        // backend that doesn't read it takes it for the next request.
                        let kept = upload.is_none_or(Upload::has_ended).then(|| (lease, caller.as_user()));
                        return self.answered(endpoint, *response, kept, in_flight).map_err(Failure::Sent);
                    }
                    Some(Err(mut error)) => {
                        Some((error.take_message().map(|unsent| *request = unsent), error.into_error()))
                    }
                }
            };
            // What keeps this request from a response may keep all others that share the connection.
            let fault = upload.and_then(Upload::fault);
            if fault.is_none() {
                endpoint.pool().give_up(&lease).await;
            }
            let Some((unsent, error)) = failed else {
                return Err(Failure::Sent(UpstreamError::ResponseTimeout { endpoint: endpoint.name(), after }));
            };
            let spare = if unsent.is_none() && keep && is_closed(&error) { lease.sent() } else { None };
            match (unsent, spare) {
                // A kept connection may have been closed meanwhile, but not one that was just made.
                (Some(()), _) if lease.is_reused() => {}
                (Some(()), _) => return Err(Failure::NotSent(of_exchange(endpoint, error, fault))),
                (None, Some(spare)) => {
                    repeated = true;
                    // They are among its fields now.
                    *told = RawFields::default();
                    *request = spare.map(|()| Body::empty());
                }
                (None, None) => return Err(Failure::Sent(of_exchange(endpoint, error, fault))),
            }
        }
    }

    /// A response whose body gives its connection back in the end, if that may be kept.
    ///
    /// # Errors
    ///
    /// If its body isn't sound, as far as that is known before the client gets anything. Over HTTP/1.1 the connection's
    /// guard knows it before.
    fn answered(
        &self,
        endpoint: &Arc<Endpoint>,
        response: Response<Incoming>,
        kept: Option<(Lease, User)>,
        in_flight: InFlight,
    ) -> Result<Response<Body>, UpstreamError> {
        endpoint.answered(response.status());
        // From here on the connection is the upgrade's.
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(upgraded(response));
        }
        let kept = kept.map(|(lease, user)| (Arc::clone(endpoint), lease, user));
        let (head, body) = response.into_parts();
        let body = StallTimeout::new(body, self.settings.idle_timeout, trailers::clean_response);
        let mut body = AnswerBody::new(body, self.settings.protocol, kept, in_flight);
        if self.settings.protocol == Protocol::Http2 {
            let unsound = |source| UpstreamError::Response { endpoint: endpoint.name(), source };
            body.read_ahead().map_err(unsound)?;
        }
        Ok(Response::from_parts(head, Body::new(body)))
    }

    /// Gives the request the form of the protocol, and the host that the upstream is to see.
    fn address(&self, request: &mut Request<Body>, endpoint: &Uri) {
        let own = endpoint.authority().cloned();
        if !self.settings.preserve_host
            && let Some(value) = own.as_ref().and_then(|authority| authority.as_str().parse().ok())
        {
            request.headers_mut().insert(HOST, value);
        }
        if self.settings.protocol == Protocol::Http1 {
            *request.version_mut() = Version::HTTP_11;
            return;
        }
        let judged = request.headers_mut().remove(HOST).and_then(|host| Authority::try_from(host.as_bytes()).ok());
        let mut parts = std::mem::take(request.uri_mut()).into_parts();
        parts.scheme = endpoint.scheme().cloned().or(Some(Scheme::HTTP));
        // An endpoint that was tried before left the host here.
        parts.authority = judged.or(parts.authority).or(own);
        parts.path_and_query.get_or_insert(PathAndQuery::from_static("/"));
        *request.version_mut() = Version::HTTP_2;
        *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
    }
}

/// Bounds how long the body may stand still, and tells how far it is, if there is one.
fn watch_body(body: &mut Body, idle: Duration) -> Option<Arc<Upload>> {
    if body.is_end_stream() {
        return None;
    }
    let upload = Arc::new(Upload::default());
    let watched =
        StallTimeout::new(std::mem::take(body), idle, trailers::clean_request).reporting_to(Arc::clone(&upload));
    *body = Body::new(watched);
    Some(upload)
}

/// A response that switches protocols: its connection can be taken over, and it has no body.
fn upgraded(mut response: Response<Incoming>) -> Response<Body> {
    let upgrade = hyper::upgrade::on(&mut response);
    response.extensions_mut().insert(upgrade);
    response.map(|_| Body::empty())
}

/// The error of an exchange. An error in the client's body is the client's, however the protocol reports it.
fn of_exchange(endpoint: &Endpoint, source: hyper::Error, fault: Option<UploadFault>) -> UpstreamError {
    if fault.is_some() || source.is_user() {
        UpstreamError::RequestBody { malformed: fault == Some(UploadFault::Malformed), source }
    } else {
        UpstreamError::Exchange { endpoint: endpoint.name(), source }
    }
}

/// Whether a connection ended without a response, rather than with one that is not sound.
fn is_closed(error: &hyper::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return error.kind() != io::ErrorKind::InvalidData;
        }
        cause = error.source();
    }
    !error.is_parse()
}

/// Whether a request is safe to repeat (RFC 9110 section 9.2.1), and has no body.
fn is_repeatable(request: &Request<Body>) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS)
        && request.body().is_end_stream()
        && request.extensions().get::<hyper::upgrade::OnUpgrade>().is_none()
}
