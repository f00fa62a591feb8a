//! A sample partner API to put behind the gateway. It shows its callers who the gateway says they are.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderMap, Method, StatusCode};
use serde_json::{Map, Value, json};

use super::provider::{Answer, LoopbackServer, json, method_not_allowed, not_found};

/// What the names of the gateway's identity headers start with.
const IDENTITY_PREFIX: &str = "x-auth-request-";

const CUSTOMERS: [[&str; 3]; 3] = [
    ["0c39d6d5-c70d-4c55-bc02-f620844f3fd1", "Adatum", "adatum.example"],
    ["4d3cf487-70f4-4e1e-9ff1-b2bfce8d9f04", "Alpine Ski House", "alpineskihouse.example"],
    ["b44bb1fb-c595-45b0-9e08-d657365580f8", "Trey Research", "treyresearch.example"],
];

/// A running sample API; it stops when it is dropped.
#[derive(Debug)]
pub struct SampleApi {
    requests: Arc<AtomicU64>,
    server: LoopbackServer,
}

impl SampleApi {
    /// Starts the API on a loopback address; port 0 takes a free one.
    pub async fn start(address: SocketAddr) -> io::Result<Self> {
        let listener = LoopbackServer::bind(address).await?;
        let requests = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&requests);
        let server = LoopbackServer::serve(listener, move |request| {
            counter.fetch_add(1, Ordering::Relaxed);
            std::future::ready(Some(answer(request.method(), request.uri().path(), request.headers())))
        })?;
        Ok(Self { requests, server })
    }

    /// Where the API listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// How many requests arrived.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Stops, and waits until the port is free again.
    pub async fn shutdown(self) {
        self.server.shutdown().await;
    }
}

fn answer(method: &Method, path: &str, headers: &HeaderMap) -> Answer {
    let (status, mut body) = match path {
        "/" => (StatusCode::OK, json!({ "api": "the demo's partner API", "paths": ["/healthz", "/v1/customers"] })),
        "/healthz" => (StatusCode::OK, json!({ "status": "ok" })),
        "/v1/customers" => (StatusCode::OK, list()),
        _ => match path.strip_prefix("/v1/").map(|rest| rest.strip_prefix("customers/").and_then(find)) {
            Some(Some(customer)) => (StatusCode::OK, customer),
            Some(None) => (StatusCode::NOT_FOUND, json!({ "error": "not_found" })),
            None => return not_found(),
        },
    };
    if status.is_success() && !matches!(*method, Method::GET | Method::HEAD) {
        return method_not_allowed("GET, HEAD");
    }
    if path.starts_with("/v1/") {
        body["caller"] = caller(headers);
    }
    json(status, &body)
}

fn list() -> Value {
    let items: Vec<_> = CUSTOMERS.iter().map(customer).collect();
    json!({ "totalCount": items.len(), "items": items, "attributes": { "objectType": "Collection" } })
}

fn find(id: &str) -> Option<Value> {
    CUSTOMERS.iter().find(|customer| customer[0] == id).map(customer)
}

fn customer([id, name, domain]: &[&str; 3]) -> Value {
    json!({
        "id": id,
        "companyProfile": { "tenantId": id, "domain": domain, "companyName": name },
        "relationshipToPartner": "reseller",
        "attributes": { "objectType": "Customer" },
    })
}

/// The identity headers as they arrived; one that came twice shows both values.
pub(crate) fn caller(headers: &HeaderMap) -> Value {
    let mut caller = Map::new();
    for name in headers.keys().filter(|name| name.as_str().starts_with(IDENTITY_PREFIX)) {
        let values: Vec<_> =
            headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        caller.insert(name.as_str().to_owned(), json!(values.join(", ")));
    }
    Value::Object(caller)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_caller_is_who_the_gateway_says() {
        let mut headers = HeaderMap::new();
        headers.insert("x-auth-request-user", HeaderValue::from_static("jane"));
        headers.append("x-auth-request-user", HeaderValue::from_static("john"));
        headers.insert("x-other", HeaderValue::from_static("hidden"));
        assert_eq!(caller(&headers), json!({ "x-auth-request-user": "jane, john" }));
    }

    #[test]
    fn paths_and_methods_are_told_apart() {
        let status = |method: Method, path: &str| answer(&method, path, &HeaderMap::new()).status().as_u16();
        assert_eq!(status(Method::GET, "/v1/customers"), 200);
        assert_eq!(status(Method::GET, "/v1/customers/b44bb1fb-c595-45b0-9e08-d657365580f8"), 200);
        assert_eq!(status(Method::GET, "/v1/customers/unknown"), 404);
        assert_eq!(status(Method::DELETE, "/v1/customers"), 405);
        assert_eq!(status(Method::GET, "/"), 200);
        assert_eq!(status(Method::GET, "/elsewhere"), 404);
    }
}
