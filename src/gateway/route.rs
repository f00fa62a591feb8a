//! Route: finds the request's route.
//!
//! It uses the configuration that came with the request, so that no request sees two generations. It also responds
//! to preflights, since the route that they ask about decides, and refuses two credentials where the route has its own place
//! for one. The gateway's own paths, where people sign in and out, end here too; on a route that takes sessions, what is
//! inside is served through [`browser::serve`].

use std::future::ready;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Method, Response, StatusCode};
use tower::{Layer, Service};

use super::browser::{self, Door};
use super::grant::Grant;
use super::service::{Inner, Next, refuse};
use super::tally::Outcome;
use super::{Notice, PathFault, Reason, Rejection, Routed, Sanitized, cors, credentials, resource};
use crate::routing::{Route, RouteError};
use mfa_gateway_wire::Body;

/// Makes [`FindRoute`].
#[derive(Clone, Copy, Debug)]
pub struct RouteLayer;

/// Finds the route of a request.
#[derive(Clone, Debug)]
pub struct FindRoute<S> {
    inner: S,
}

impl<S> Layer<S> for RouteLayer {
    type Service = FindRoute<S>;

    fn layer(&self, inner: S) -> FindRoute<S> {
        FindRoute { inner }
    }
}

impl<S: Inner<Routed> + Clone + Send + 'static> Service<Sanitized> for FindRoute<S> {
    type Response = Response<Body>;
    type Error = Rejection;
    type Future = Next<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Rejection>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, sanitized: Sanitized) -> Self::Future {
        if let Some(response) = cors::preflight(&sanitized) {
            return Next::Right(Box::pin(ready(Ok(response))));
        }
        if let Some(answer) = metadata(&sanitized) {
            return Next::Right(Box::pin(ready(answer)));
        }
        if let Some((place, name)) = own_path(&sanitized) {
            if sanitized.exchange.carried().is_some() {
                return refuse(Rejection::new(Reason::Told(&OWN_PAGES)));
            }
            return Next::Right(Box::pin(respond_to_own(place, name, sanitized)));
        }
        match find(&sanitized) {
            Ok(route) => {
                let grant = Grant::of(&route, sanitized.exchange.request.headers());
                if let Err(reason) = credentials::check(&route.token_from, &sanitized) {
                    return refuse(Rejection::new(reason).on(route).readable(grant));
                }
                if let Some(usage) = route.sessions {
                    // Call the service that was polled ready; its clone takes its place.
                    let clone = self.inner.clone();
                    let inner = std::mem::replace(&mut self.inner, clone);
                    return Next::Right(Box::pin(browser::serve(inner, sanitized, route, usage)));
                }
                let answer = self.inner.call(Routed { sanitized, route });
                match grant {
                    None => Next::Left(answer),
                    Some(grant) => Next::Right(Box::pin(cors::decorate(grant, answer))),
                }
            }
            Err(rejection) => {
                let grant = of_path(&sanitized, &rejection.reason);
                refuse(rejection.readable(grant))
            }
        }
    }
}

/// A proxy that only asks for verdicts can't get pages and forms this way.
const OWN_PAGES: Notice = Notice {
    status: StatusCode::NOT_FOUND,
    code: "own_path",
    description: "The gateway serves this path itself, and an authorizer only judges requests.",
    remedy: "Have the proxy send the gateway's own paths to one of its `listeners`.",
};

/// The response to a request for the metadata of a resource.
fn metadata(sanitized: &Sanitized) -> Option<Result<Response<Body>, Rejection>> {
    let exchange = &sanitized.exchange;
    let hosts = || [Some(exchange.host()), sanitized.observed.origin.as_ref().and_then(|origin| origin.host())];
    let resource = resource::find(&exchange.live.resources, sanitized.path(), hosts)?;
    if exchange.carried().is_some() {
        return Some(Err(Rejection::new(Reason::Told(&OWN_PAGES))));
    }
    let method = exchange.request.method();
    if !matches!(*method, Method::GET | Method::HEAD) {
        return Some(Err(Rejection::new(Reason::MethodNotAllowed(vec![Method::GET, Method::HEAD]))));
    }
    let response = resource.response(*method == Method::HEAD);
    Some(Ok(response.map(|body| body.carrying(Outcome::of_own_path()))))
}

/// Which of the gateway's own paths a request is for: the place of the way to sign in, and the path's name.
fn own_path(sanitized: &Sanitized) -> Option<(usize, String)> {
    let doors = &sanitized.exchange.live.doors;
    let served = |(place, door): (usize, &Arc<Door>)| {
        // Those of operators are on the admin listener.
        let name = door.serves(sanitized.path()).filter(|_| !door.sign_in.settings().for_operators)?;
        Some((place, name.to_owned()))
    };
    doors.iter().enumerate().find_map(served)
}

async fn respond_to_own(place: usize, name: String, sanitized: Sanitized) -> Result<Response<Body>, Rejection> {
    let live = Arc::clone(&sanitized.exchange.live);
    let Some(door) = live.doors.get(place) else { return Err(Rejection::new(Reason::NotFound)) };
    let response = browser::respond(door, place, &name, sanitized).await;
    Ok(response.map(|body| body.carrying(Outcome::of_own_path())))
}

/// What a page may do with the refusal of a method, by a route of the same path.
fn of_path(sanitized: &Sanitized, reason: &Reason) -> Option<Box<Grant>> {
    let Reason::MethodNotAllowed(methods) = reason else { return None };
    let exchange = &sanitized.exchange;
    let route = exchange.live.judge.routes.find_for(exchange.host(), sanitized.path(), methods.first()?).ok()?;
    Grant::of(route, exchange.request.headers())
}

fn find(sanitized: &Sanitized) -> Result<Arc<Route>, Rejection> {
    let exchange = &sanitized.exchange;
    if exchange.target().len() > exchange.live.edge.url_bytes {
        return Err(Rejection::new(Reason::UriTooLong));
    }
    let routes = &exchange.live.judge.routes;
    let host = if routes.names_hosts() { exchange.host() } else { "" };
    routes.find_for(host, sanitized.path(), exchange.request.method()).cloned().map_err(|error| {
        let reason = match &error {
            RouteError::Path(error) => Reason::Path(PathFault {
                text: format!("The path {}.", error.words()),
                optional: error.rule.is_optional(),
            }),
            RouteError::Ambiguous { steps, at } => Reason::Path(PathFault {
                text: format!(
                    "Some servers could read the path as a protected path: {steps}, from byte {} on.",
                    at + 1
                ),
                optional: false,
            }),
            RouteError::Misdirected => Reason::Misdirected,
            RouteError::NotFound => Reason::NotFound,
            RouteError::MethodNotAllowed(methods) => Reason::MethodNotAllowed(methods.clone()),
        };
        Rejection::new(reason).because(error)
    })
}
