//! The account of one request: counted when its answer's head is known, and closed when the answer's body has ended.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{Method, Request, Response, StatusCode, Version};
use http_body::Body as _;

use super::exchange::{Ids, Peer};
use super::trace::{self, Ended, Traced};
use super::{Live, Rejection};
use crate::clock::Timestamp;
use crate::journal::{AccessLine, time};
use crate::net::{Body, Watch};
use crate::policy::{Grounds, Route};
use crate::telemetry::RouteMetrics;

/// What a permitted request came to. Travels in the answer's extensions, from whoever forwarded it.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) live: Arc<Live>,
    pub(super) route: Arc<Route>,
    pub(super) grounds: Grounds,
    pub(super) class: &'static str,
    pub(super) upstream: Duration,
}

/// What is known of a request from its start.
#[derive(Debug)]
pub(super) struct Started {
    at: Instant,
    /// What the access log says of it, if there is one.
    seen: Option<Box<Seen>>,
    /// The trace that it is part of, if requests are traced.
    trace: Option<Box<Traced>>,
}

#[derive(Debug)]
struct Seen {
    time: Timestamp,
    client: Option<IpAddr>,
    version: Version,
    method: Method,
}

/// An account that is open until the answer's body has ended.
#[derive(Debug)]
struct Tally {
    started: Started,
    live: Arc<Live>,
    route: Option<Arc<Route>>,
    ids: Ids,
    status: StatusCode,
    result: &'static str,
    reason: &'static str,
    class: &'static str,
    upstream: Option<Duration>,
    bytes: u64,
    complete: bool,
}

impl Started {
    /// Begins an account.
    pub(super) fn now(request: &mut Request<Body>, live: &Live) -> Self {
        let seen = live.journal.accesses.is_some().then(|| {
            Box::new(Seen {
                time: live.clock.now(),
                client: request.extensions().get::<Peer>().map(|peer| peer.address.ip().to_canonical()),
                version: request.version(),
                method: request.method().clone(),
            })
        });
        Self { at: Instant::now(), seen, trace: trace::begin(request, live) }
    }

    /// Counts a permitted request, and watches its answer.
    pub(super) fn permitted(self, mut response: Response<Body>, ids: &Ids) -> Response<Body> {
        let Some(outcome) = response.extensions_mut().remove::<Outcome>() else { return response };
        let Outcome { live, route, grounds, class, upstream } = outcome;
        let metrics = metrics(&live, Some(&route));
        metrics.permitted(grounds.code(), class);
        if let Grounds::ReportOnly(denial) = grounds {
            metrics.would_deny(denial.code(), class);
        }
        metrics.headed(self.at.elapsed(), Some(upstream));
        let reason = grounds.code();
        let upstream = Some(upstream);
        self.watch(response, live, Some(route), ids, "permitted", reason, class, upstream)
    }

    /// Counts a refused request, and watches its answer.
    pub(super) fn refused(
        self,
        response: Response<Body>,
        live: Arc<Live>,
        rejection: &Rejection,
        ids: &Ids,
    ) -> Response<Body> {
        let class = rejection.proof.as_ref().map_or("none", |proof| proof.principal.class());
        let reason = rejection.reason.code();
        let route = rejection.route.clone();
        let live = rejection.live.clone().unwrap_or(live);
        let metrics = metrics(&live, route.as_deref());
        metrics.refused(reason, class);
        if let Some(limit) = rejection.reason.limit() {
            live.limit_metrics.hit(limit);
        }
        metrics.headed(self.at.elapsed(), None);
        self.watch(response, live, route, ids, "refused", reason, class, None)
    }

    #[expect(clippy::too_many_arguments, reason = "it only puts them together")]
    fn watch(
        self,
        response: Response<Body>,
        live: Arc<Live>,
        route: Option<Arc<Route>>,
        ids: &Ids,
        result: &'static str,
        reason: &'static str,
        class: &'static str,
        upstream: Option<Duration>,
    ) -> Response<Body> {
        let complete = response.body().is_end_stream();
        let status = response.status();
        let ids = ids.clone();
        let tally =
            Tally { started: self, live, route, ids, status, result, reason, class, upstream, bytes: 0, complete };
        response.map(|body| body.watched(tally))
    }
}

/// The handles of a route of this configuration, or of what matches none.
fn metrics<'l>(live: &'l Live, route: Option<&Route>) -> &'l RouteMetrics {
    route.and_then(|route| live.route_metrics.get(route.id.0)).unwrap_or(&live.no_route_metrics)
}

impl Watch for Tally {
    fn passed(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }

    fn ended(&mut self) {
        self.complete = true;
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        let duration = self.started.at.elapsed();
        metrics(&self.live, self.route.as_deref()).ended(duration);
        if let Some(trace) = &self.started.trace {
            let Self { status, result, reason, class, .. } = *self;
            let route = self.route.as_ref().map(|route| route.pattern.as_written());
            trace.ended(&Ended { route, status, result, reason, class });
        }
        let Some(seen) = &self.started.seen else { return };
        let micros = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let client = seen.client.map(|client| client.to_string());
        let id = |id: &'_ http::HeaderValue| id.to_str().unwrap_or_default().to_owned();
        self.live.journal.access(&AccessLine {
            event: "access".into(),
            time: time(seen.time).into(),
            request_id: id(&self.ids.request).into(),
            correlation_id: id(&self.ids.correlation).into(),
            trace_id: self.started.trace.as_ref().map(|trace| trace.id().into()),
            client: client.map(Into::into),
            protocol: format!("{:?}", seen.version).into(),
            method: seen.method.as_str().into(),
            route: self.route.as_ref().map(|route| route.pattern.as_written().into()),
            status: self.status.as_u16(),
            result: self.result.into(),
            reason: self.reason.into(),
            class: self.class.into(),
            bytes: self.bytes,
            complete: self.complete,
            duration_us: micros(duration),
            upstream_us: self.upstream.map(micros),
        });
    }
}
