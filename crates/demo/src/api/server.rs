//! The running API, and which path answers what.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::caller::{caller, error, token, user_with_mfa};
use super::consents;
use super::customers::{customer, list, users};
use super::faults::{ApiFaults, Faults, Luck};
use super::recorded::{Recorded, Records};
use crate::provider::{Answer, Directory, LoopbackServer, json, method_not_allowed, not_found};
use crate::tenants::Tenant;

const MAX_BODY: usize = 64 * 1024;
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// A running sample API; it stops when it is dropped.
#[derive(Debug)]
pub struct SampleApi {
    shared: Arc<Shared>,
    server: LoopbackServer,
}

#[derive(Debug)]
struct Shared {
    directory: Directory,
    requests: AtomicU64,
    records: Records,
    faults: Faults,
}

impl SampleApi {
    /// Starts the API on a loopback address, for tokens of this provider; port 0 takes a free one.
    pub async fn start(address: SocketAddr, directory: Directory) -> io::Result<Self> {
        let listener = LoopbackServer::bind(address).await?;
        let (requests, records, faults) = (AtomicU64::new(0), Records::default(), Faults::default());
        let shared = Arc::new(Shared { directory, requests, records, faults });
        let serving = Arc::clone(&shared);
        let server = LoopbackServer::serve(listener, move |request| {
            let shared = Arc::clone(&serving);
            async move { Some(shared.serve(request).await) }
        })?;
        Ok(Self { shared, server })
    }

    /// Where the API listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// How many requests arrived.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// The latest requests to `/v1/`, oldest first.
    #[must_use]
    pub fn recorded(&self) -> Vec<Recorded> {
        self.shared.records.all()
    }

    /// Has the API do this wrong.
    pub fn set_faults(&self, faults: ApiFaults) {
        self.shared.faults.set(faults);
    }

    /// Stops, and waits until the port is free again.
    pub async fn shutdown(self) {
        self.server.shutdown().await;
    }
}

impl Shared {
    async fn serve(&self, request: Request<Incoming>) -> Answer {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let (head, body) = request.into_parts();
        let body = tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, MAX_BODY).collect()).await;
        let Ok(Ok(body)) = body.map(|body| body.map(http_body_util::Collected::to_bytes)) else {
            return error(StatusCode::BAD_REQUEST, 2000, "The body is too large, too late or incomplete.");
        };
        let (method, path, headers) = (&head.method, head.uri.path(), &head.headers);
        if !path.starts_with("/v1/") {
            return self.outside(method, path, headers, &body);
        }
        let answer = match self.faults.draw(self.directory.now()) {
            Luck::Served => self.answer(method, path, headers, &body),
            Luck::TooMany => {
                let mut answer = error(StatusCode::TOO_MANY_REQUESTS, 429, "Too many requests.");
                answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
                answer
            }
            Luck::Unavailable => error(StatusCode::SERVICE_UNAVAILABLE, 503, "The service is unavailable."),
        };
        self.records.keep(Recorded {
            method: method.to_string(),
            path: path.to_owned(),
            caller: caller(headers),
            token: token(&self.directory, headers),
            fields: headers.keys().map(ToString::to_string).collect(),
            status: answer.status().as_u16(),
        });
        answer
    }

    /// What isn't the API: its root, its health, and what tests ask for.
    fn outside(&self, method: &Method, path: &str, headers: &HeaderMap, body: &Bytes) -> Answer {
        let as_json = headers.get("content-type").is_some_and(|value| value.as_bytes() == b"application/json");
        match (path, method) {
            ("/" | "/healthz", method) if !matches!(*method, Method::GET | Method::HEAD) => {
                method_not_allowed("GET, HEAD")
            }
            ("/", _) => {
                let paths = ["/healthz", "/v1/customers", "/recorded", "/faults"];
                json(StatusCode::OK, &json!({ "api": "the demo's partner API", "paths": paths }))
            }
            ("/healthz", _) => json(StatusCode::OK, &json!({ "status": "ok" })),
            ("/recorded", &Method::GET) => json(StatusCode::OK, &json!(self.records.all())),
            ("/recorded", &Method::DELETE) => {
                self.records.forget();
                json(StatusCode::OK, &json!([]))
            }
            ("/faults", &Method::GET) => json(StatusCode::OK, &json!(self.faults.now())),
            // A page of another site can't send this type unasked.
            ("/faults", &Method::PUT) if as_json => match serde_json::from_slice(body) {
                Ok(faults) => {
                    self.faults.set(faults);
                    json(StatusCode::OK, &json!(faults))
                }
                Err(problem) => error(StatusCode::BAD_REQUEST, 2000, &problem.to_string()),
            },
            ("/recorded", _) => method_not_allowed("GET, DELETE"),
            ("/faults", _) => method_not_allowed("GET, PUT"),
            _ => not_found(),
        }
    }

    fn answer(&self, method: &Method, path: &str, headers: &HeaderMap, body: &[u8]) -> Answer {
        let path = path.trim_start_matches("/v1/");
        let mut segments = path.split('/');
        let read = matches!(*method, Method::GET | Method::HEAD);
        let customer_of = |id: &str| Tenant::customers().find(|tenant| tenant.id == id);
        let parts = [segments.next(), segments.next(), segments.next(), segments.next(), segments.next()];
        match parts {
            [Some("customers"), None, ..] if read => shown(list(), headers),
            [Some("customers"), Some(id), rest, sub, None] => {
                let Some(found) = customer_of(id) else {
                    return error(StatusCode::NOT_FOUND, 600_009, "The customer was not found.");
                };
                let Some(rest) = rest else {
                    return if read { shown(customer(found), headers) } else { method_not_allowed("GET, HEAD") };
                };
                let claims = match user_with_mfa(token(&self.directory, headers)) {
                    Ok(claims) => claims,
                    Err(refusal) => return *refusal,
                };
                match (rest, sub) {
                    ("users", None) if read => shown(users(found), headers),
                    ("users", None) => method_not_allowed("GET, HEAD"),
                    ("applicationconsents", id) => consents::answer(&self.directory, method, found, id, &claims, body),
                    _ => not_found(),
                }
            }
            [Some("customers"), None, ..] => method_not_allowed("GET, HEAD"),
            _ => not_found(),
        }
    }
}

/// A resource, with who called.
fn shown(mut resource: Value, headers: &HeaderMap) -> Answer {
    resource["caller"] = caller(headers);
    json(StatusCode::OK, &resource)
}
