//! The account of one request: opened when its head is known, and closed when its response's body has ended. Every
//! account is closed exactly once, however its request ends, since dropping the account closes it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::CONNECTION;
use http::uri::Authority;
use http::{HeaderValue, Method, Response, StatusCode, Version};
use http_body::Body as _;

use super::exchange::Exchange;
use super::expiry::Expiry;
use super::ids::Ids;
use super::limit::InFlight;
use super::trace::{self, Ended, Traced};
use super::{Live, Rejection};
use crate::journal::AccessLine;
use crate::routing::Route;
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy::{Grounds, Proof};
use mfa_gateway_wire::{Body, Busy, Watch};

/// The result of a permitted request. It travels with the response's body, from the layer that forwards it.
#[derive(Debug)]
pub(super) struct Outcome {
    /// The route, if it is one's.
    pub(super) route: Option<Arc<Route>>,
    /// The grounds of the permit, or to what the gateway itself responded.
    pub(super) grounds: Result<Grounds, &'static str>,
    pub(super) class: &'static str,
    pub(super) upstream: Option<Duration>,
    /// The endpoint that responded, if there is an access log.
    pub(super) endpoint: Option<Authority>,
    /// The time of its response.
    pub(super) answered: Instant,
    /// When its token expires, if its route ends streams then.
    pub(super) expiry: Option<Arc<Expiry>>,
}

impl Outcome {
    /// That of a permitted request, which had its response at this time.
    pub(super) fn permitted(route: Arc<Route>, grounds: Grounds, proof: Option<&Proof>, answered: Instant) -> Self {
        let class = proof.map_or("none", |proof| proof.principal.class());
        Self { grounds: Ok(grounds), class, answered, ..Self::own(Some(route), "") }
    }

    /// That of a preflight, to which the gateway responds without an upstream.
    pub(super) fn of_preflight(route: Arc<Route>) -> Self {
        Self::own(Some(route), "preflight")
    }

    /// That of a request for one of the gateway's own paths.
    pub(super) fn of_own_path() -> Self {
        Self::own(None, "own_path")
    }

    fn own(route: Option<Arc<Route>>, to: &'static str) -> Self {
        let (class, answered) = ("none", Instant::now());
        Self { route, grounds: Err(to), class, upstream: None, endpoint: None, answered, expiry: None }
    }
}

/// The account of a request, open until its response's body has ended.
#[derive(Debug)]
pub(super) struct Account {
    at: Instant,
    ids: Ids,
    /// The configuration that judges it.
    live: Arc<Live>,
    /// The request's part of the access log, if there is one.
    seen: Option<Box<Seen>>,
    /// The trace that it is part of, if requests are traced.
    trace: Option<Box<Traced>>,
    answer: Option<Answered>,
    bytes: u64,
    complete: bool,
    holds: Holds,
}

/// The resources that a request holds until its response's body has ended.
#[derive(Debug)]
pub(super) struct Holds {
    /// Its place among the requests in flight.
    pub(super) in_flight: Option<InFlight>,
    /// Its client's connection, which it keeps from being idle.
    pub(super) busy: Option<Busy>,
}

#[derive(Debug)]
struct Seen {
    time: Timestamp,
    client: Option<IpAddr>,
    version: Version,
    /// Absent if the request could not be read, and another stands for it.
    method: Option<Method>,
}

/// The response to a request.
#[derive(Debug)]
struct Answered {
    route: Option<Arc<Route>>,
    status: StatusCode,
    result: &'static str,
    reason: &'static str,
    class: &'static str,
    upstream: Option<Duration>,
    endpoint: Option<Authority>,
    /// The length of the body, if it is known in advance.
    length: Option<u64>,
    /// When its token expires, if its route ends streams then.
    expiry: Option<Arc<Expiry>>,
}

impl Account {
    /// Opens an account, in the box that later travels with the response's body.
    pub(super) fn open(exchange: &Exchange, holds: Holds) -> Box<Self> {
        let live = Arc::clone(&exchange.live);
        let seen = live.journal.accesses.is_some().then(|| {
            Box::new(Seen {
                time: live.clock.now(),
                client: exchange.client(),
                version: exchange.request.version(),
                method: exchange.method().cloned(),
            })
        });
        let (trace, ids) = (trace::begin(exchange), exchange.ids.clone());
        let at = Instant::now();
        Box::new(Self { at, ids, live, seen, trace, answer: None, bytes: 0, complete: false, holds })
    }

    /// The configuration that judges the request.
    pub(super) fn live(&self) -> &Live {
        &self.live
    }

    /// Counts a permitted request, or a preflight, and watches its response.
    pub(super) fn permitted(self: Box<Self>, mut response: Response<Body>) -> Response<Body> {
        let Some(outcome) = response.body_mut().release::<Outcome>() else { return response };
        let Outcome { route, grounds, class, upstream, endpoint, answered, expiry } = *outcome;
        let metrics = self.live.metrics.of(route.as_deref());
        let (result, reason) = match &grounds {
            Ok(grounds) => ("permitted", grounds.code()),
            Err(to) => ("responded", *to),
        };
        match grounds {
            Ok(_) => metrics.permitted(reason, class, response.status()),
            Err(_) => metrics.responded(reason, response.status()),
        }
        if let Ok(Grounds::ReportOnly(denial)) = grounds {
            metrics.would_deny(denial.code(), class);
        }
        metrics.headed(answered.saturating_duration_since(self.at), upstream);
        let (status, length) = (response.status(), response.body().size_hint().exact());
        self.watch(response, Answered { route, status, result, reason, class, upstream, endpoint, length, expiry })
    }

    /// Counts a refused request, and watches its response.
    pub(super) fn refused(mut self: Box<Self>, response: Response<Body>, rejection: &Rejection) -> Response<Body> {
        // A client that doesn't read its refusal must not keep others out.
        self.holds.in_flight = None;
        let class = rejection.proof.as_ref().map_or("none", |proof| proof.principal.class());
        let reason = rejection.reason.code();
        let route = rejection.route.clone();
        let metrics = self.live.metrics.of(route.as_deref());
        // That of the decision: a refusal of a gRPC call is a response with 200. A browser is told its own.
        let status = if rejection.is_in_browser() { response.status() } else { rejection.reason.status() };
        metrics.refused(reason, class, status);
        if let Some(limit) = rejection.reason.limit() {
            self.live.metrics.limits.hit(limit);
        }
        metrics.headed(self.at.elapsed(), None);
        let length = response.body().size_hint().exact();
        let (result, upstream, endpoint, expiry) = ("refused", None, None, None);
        self.watch(response, Answered { route, status, result, reason, class, upstream, endpoint, length, expiry })
    }

    /// The request's ids.
    pub(super) fn ids(&self) -> &Ids {
        &self.ids
    }

    fn watch(mut self: Box<Self>, mut response: Response<Body>, answer: Answered) -> Response<Body> {
        self.ids.put(response.headers_mut());
        let last = self.holds.busy.as_ref().is_some_and(Busy::is_last);
        if last && answer.status != StatusCode::SWITCHING_PROTOCOLS {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        self.answer = Some(answer);
        self.complete = response.body().is_end_stream();
        response.map(|body| body.watched(self))
    }

    /// Whether the whole body was sent. A response to HEAD has none, and one of a known length ends there.
    fn is_complete(&self, answer: &Answered) -> bool {
        let of_head = || self.seen.as_ref().is_some_and(|seen| seen.method == Some(Method::HEAD));
        self.complete || answer.length == Some(self.bytes) || of_head()
    }

    /// Writes the line of a request with a response.
    fn close(&self, answer: &Answered) {
        let duration = self.at.elapsed();
        self.live.metrics.of(answer.route.as_deref()).ended(duration);
        if let Some(trace) = &self.trace {
            let Answered { status, result, reason, class, .. } = *answer;
            let route = answer.route.as_ref().map(|route| route.pattern.as_written());
            trace.ended(&Ended { route, status: Some(status), result, reason, class });
        }
        let Some(seen) = &self.seen else { return };
        self.live.journal.access(&AccessLine {
            route: answer.route.as_ref().map(|route| route.pattern.as_written().into()),
            status: Some(answer.status.as_u16()),
            result: answer.result.into(),
            reason: answer.reason.into(),
            class: answer.class.into(),
            bytes: self.bytes,
            complete: self.is_complete(answer),
            ended_by: answer.expiry.as_ref().filter(|expiry| expiry.has_ended()).map(|_| "token_expired".into()),
            upstream: answer
                .route
                .as_deref()
                .filter(|_| answer.upstream.is_some())
                .and_then(|route| Some(self.live.upstreams.get(route.upstream()?.0)?.settings().name.as_str().into())),
            endpoint: answer.endpoint.as_ref().map(|endpoint| endpoint.as_str().into()),
            upstream_us: answer.upstream.map(micros),
            ..self.line(seen, duration)
        });
    }

    /// Counts a request without a response of ours: its connection or stream ended before there was one, or it panicked
    /// and gets a bare 500.
    fn close_unanswered(&self) {
        let current = &self.live;
        let (status, result, reason) = if std::thread::panicking() {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            current.metrics.no_route.refused("panicked", "none", status);
            (Some(status), "refused", "panicked")
        } else {
            current.metrics.no_route.aborted();
            (None, "aborted", "connection_ended")
        };
        if let Some(trace) = &self.trace {
            trace.ended(&Ended { route: None, status, result, reason, class: "none" });
        }
        let Some(seen) = &self.seen else { return };
        current.journal.access(&AccessLine {
            status: status.map(|status| status.as_u16()),
            result: result.into(),
            reason: reason.into(),
            ..self.line(seen, self.at.elapsed())
        });
    }

    /// The members of every line.
    fn line<'l>(&self, seen: &'l Seen, duration: Duration) -> AccessLine<'l> {
        let id = |id: &'_ http::HeaderValue| id.to_str().unwrap_or_default().to_owned();
        AccessLine {
            event: "access".into(),
            time: seen.time.to_rfc3339().into(),
            request_id: id(&self.ids.request).into(),
            correlation_id: id(&self.ids.correlation).into(),
            trace_id: self.trace.as_ref().map(|trace| trace.id().into()),
            client: seen.client,
            protocol: format!("{:?}", seen.version).into(),
            method: seen.method.as_ref().map(|method| method.as_str().into()),
            route: None,
            status: None,
            result: "aborted".into(),
            reason: "connection_ended".into(),
            class: "none".into(),
            bytes: 0,
            complete: false,
            ended_by: None,
            upstream: None,
            endpoint: None,
            duration_us: micros(duration),
            upstream_us: None,
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

impl Watch for Account {
    fn passed(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }

    fn ended(&mut self) {
        self.complete = true;
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        match self.answer.take() {
            Some(answer) => self.close(&answer),
            None => self.close_unanswered(),
        }
    }
}
