//! The running portal, and which page answers what.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{Method, Request};
use hyper::body::Incoming;

use super::pages::{self, Page};
use super::{endpoints, websocket};
use crate::provider::{Answer, Form, LoopbackServer, method_not_allowed, not_found};

/// A running portal; it stops when it is dropped.
#[derive(Debug)]
pub struct Portal {
    requests: Arc<AtomicU64>,
    server: LoopbackServer,
}

impl Portal {
    /// Starts the portal on a loopback address; port 0 takes a free one.
    pub async fn start(address: SocketAddr) -> io::Result<Self> {
        let listener = LoopbackServer::bind(address).await?;
        let requests = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&requests);
        let server = LoopbackServer::serve(listener, move |request| {
            counter.fetch_add(1, Ordering::Relaxed);
            async { Some(answer(request).await) }
        })?;
        Ok(Self { requests, server })
    }

    /// Where the portal listens.
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

async fn answer(request: Request<Incoming>) -> Answer {
    let path = request.uri().path().to_owned();
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if path.ends_with("/ws") {
        return websocket::accept(request);
    }
    if let Some(answer) = endpoints::answer(&path, &request) {
        return answer;
    }
    match Page::at(&path) {
        Some(page) if reads => pages::show(page, request.headers()),
        Some(Page::Customers) if request.method() == Method::POST && path == pages::CUSTOMERS_FORM => {
            let headers = request.headers().clone();
            match Form::read(request).await {
                Ok(form) => pages::customer_added(&headers, form.get("name").unwrap_or("A customer without a name")),
                Err(error) => pages::form_unread(&headers, error.description),
            }
        }
        Some(_) => method_not_allowed("GET, HEAD"),
        None => not_found(),
    }
}
