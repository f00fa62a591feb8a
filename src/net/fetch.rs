//! The outbound client for key and discovery documents, and its limits.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::redirect::Policy;
use url::{Host, Url};

/// The size beyond which a document is given up.
const MAX_DOCUMENT: usize = 1 << 20;

/// Why a document could not be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    /// The address isn't allowed.
    #[error("{0} is neither https nor loopback; set `allow_http` if that is meant")]
    Insecure(Url),
    /// The exchange failed.
    #[error("the request failed")]
    Request(#[from] reqwest::Error),
    /// The answer isn't 200. Redirects aren't followed: they would let one answer choose another host.
    #[error("the answer was {0}, not 200")]
    Status(http::StatusCode),
    /// The document is too large.
    #[error("the document is larger than {MAX_DOCUMENT} bytes")]
    TooLarge,
}

/// A document, and how long it may be kept.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// Its bytes.
    pub document: Bytes,
    /// `max-age` of its `Cache-Control`.
    pub max_age: Option<Duration>,
}

/// Fetches documents: over https or from loopback, without redirects, within a deadline and a size.
#[derive(Clone, Debug)]
pub(crate) struct Fetcher {
    client: reqwest::Client,
    allow_http: bool,
}

impl Fetcher {
    /// A fetcher whose every exchange ends within `timeout`. The proxy is taken from the environment.
    ///
    /// # Errors
    ///
    /// If the system's certificate roots can't be read.
    pub(crate) fn new(timeout: Duration, allow_http: bool) -> Result<Self, FetchError> {
        let client = reqwest::Client::builder()
            .redirect(Policy::none())
            .timeout(timeout)
            .connect_timeout(timeout)
            .user_agent(concat!("mfa-gateway/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client, allow_http })
    }

    /// Fetches a JSON document.
    pub(crate) async fn get(&self, url: &Url) -> Result<Fetched, FetchError> {
        if !(url.scheme() == "https" || url.scheme() == "http" && (self.allow_http || is_loopback(url))) {
            return Err(FetchError::Insecure(url.clone()));
        }
        let mut response = self.client.get(url.clone()).header("accept", "application/json").send().await?;
        if response.status() != http::StatusCode::OK {
            return Err(FetchError::Status(response.status()));
        }
        let max_age = max_age(response.headers());
        let mut document = BytesMut::new();
        while let Some(chunk) = response.chunk().await? {
            if document.len() + chunk.len() > MAX_DOCUMENT {
                return Err(FetchError::TooLarge);
            }
            document.extend_from_slice(&chunk);
        }
        Ok(Fetched { document: document.freeze(), max_age })
    }
}

/// Whether an address can only lead to this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn max_age(headers: &http::HeaderMap) -> Option<Duration> {
    let directives = headers.get_all(http::header::CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let seconds = directives
        .flat_map(|value| value.split(','))
        .find_map(|directive| directive.trim().to_ascii_lowercase().strip_prefix("max-age=")?.parse().ok());
    seconds.map(Duration::from_secs)
}
