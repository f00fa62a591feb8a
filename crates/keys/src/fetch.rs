//! The outbound client for key and discovery documents, and its limits.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{AGE, CACHE_CONTROL, CONTENT_ENCODING, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use reqwest::{RequestBuilder, Response};
use rustls::pki_types::CertificateDer;
use tokio::runtime::Handle;
use tokio::task::JoinError;
use tokio_util::task::AbortOnDropHandle;
use url::Url;

use super::clients::{ClientError, Clients, Fetching, is_loopback};
use super::encoding::{CodingError, plain};

/// The size beyond which a key set is given up: ten thousand RSA keys of 4096 bits, or as many with a certificate each.
pub const MAX_DOCUMENT: usize = 16 << 20;

/// The size beyond which a discovery document is given up.
const MAX_METADATA: usize = 1 << 20;

/// The maximum length of a URL or a validator: both are untrusted text that the gateway keeps.
const MAX_TEXT: usize = 2048;

/// Why a fetch failed.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The address isn't allowed.
    #[error("{0} is neither https nor loopback; use https, or set `allow_http` if you trust the network")]
    Insecure(String),
    /// The address has a user or password, or is too long to be one.
    #[error("the address contains credentials or is longer than {MAX_TEXT} bytes")]
    Odd,
    /// There is no client to fetch with.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The exchange failed.
    #[error("the request failed")]
    Request(#[source] reqwest::Error),
    /// The response isn't 200. Redirects aren't followed: they would let one response choose another host.
    #[error("the response status is {0}, not 200")]
    Status(StatusCode),
    /// The document is too large, or can't be decompressed.
    #[error(transparent)]
    Coding(#[from] CodingError),
    /// It ended in a panic, or with the process.
    #[error("the request did not finish")]
    Ended(#[from] JoinError),
}

impl FetchError {
    /// Whether the other side can't have seen the request.
    #[must_use]
    pub fn is_unsent(&self) -> bool {
        match self {
            Self::Insecure(_) | Self::Odd | Self::Client(_) => true,
            Self::Request(error) => error.is_connect(),
            Self::Status(_) | Self::Coding(_) | Self::Ended(_) => false,
        }
    }
}

impl From<reqwest::Error> for FetchError {
    fn from(error: reqwest::Error) -> Self {
        // The caller of this function names the URL.
        Self::Request(error.without_url())
    }
}

/// The validators of a response, for later conditional requests (RFC 9110 section 8.8).
#[derive(Clone, Debug, Default)]
pub(crate) struct Validators {
    etag: Option<HeaderValue>,
    last_modified: Option<HeaderValue>,
}

/// A document that was fetched.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    /// Its bytes.
    pub bytes: Bytes,
    /// What to ask with the next time.
    pub validators: Validators,
    /// How long it is fresh.
    pub max_age: Option<Duration>,
}

/// A response to a conditional request.
#[derive(Debug)]
pub(crate) enum Fetched {
    /// Another document.
    New(Document),
    /// The one that the validators came with, and how long it is fresh from now on.
    NotModified(Option<Duration>),
}

/// Fetches documents: over https or from loopback, without redirects, within a deadline and a size.
#[derive(Clone, Debug)]
pub(crate) struct Fetcher {
    clients: Clients,
    /// The deadline of one exchange.
    timeout: Duration,
    allow_http: bool,
    /// Where exchanges run, if not where they are asked for.
    elsewhere: Option<Handle>,
}

impl Fetcher {
    /// A fetcher whose every exchange ends within `timeout`, and that trusts these authorities besides the system's. What a
    /// server answers without end keeps a thread busy until then, which is to be none that serves: exchanges run
    /// elsewhere.
    ///
    /// # Errors
    ///
    /// If the system's certificate roots can't be read.
    pub(crate) fn new(
        timeout: Duration,
        allow_http: bool,
        authorities: &[CertificateDer<'static>],
        fetching: &Fetching,
    ) -> Result<Self, FetchError> {
        let (clients, elsewhere) = (fetching.clients(authorities)?, fetching.elsewhere.clone());
        Ok(Self { clients, timeout, allow_http, elsewhere })
    }

    /// Whether an address may be fetched from.
    pub(crate) fn check(&self, url: &Url) -> Result<(), FetchError> {
        check(url, self.allow_http)
    }

    /// Whether `http` is allowed beyond loopback.
    pub(crate) fn allows_http(&self) -> bool {
        self.allow_http
    }

    /// Fetches a discovery document.
    pub(crate) async fn get(&self, url: &Url) -> Result<Document, FetchError> {
        match self.exchange(url, &Validators::default(), MAX_METADATA).await? {
            Fetched::New(document) => Ok(document),
            Fetched::NotModified(_) => Err(FetchError::Status(StatusCode::NOT_MODIFIED)),
        }
    }

    /// Fetches a key set, if it isn't the known one any more (RFC 9110 section 13).
    pub(crate) async fn get_changed(&self, url: &Url, known: &Validators) -> Result<Fetched, FetchError> {
        self.exchange(url, known, MAX_DOCUMENT).await
    }

    async fn exchange(&self, url: &Url, known: &Validators, limit: usize) -> Result<Fetched, FetchError> {
        self.check(url)?;
        let mut request =
            self.clients.of(url).get(url.clone()).timeout(self.timeout).header("accept", "application/json");
        let mut conditional = false;
        for (name, value) in known.fields() {
            request = request.header(name, value);
            conditional = true;
        }
        let exchange = exchange(request, conditional, limit);
        match &self.elsewhere {
            Some(elsewhere) => AbortOnDropHandle::new(elsewhere.spawn(exchange)).await?,
            None => exchange.await,
        }
    }
}

/// Whether an address may be used.
pub(crate) fn check(url: &Url, allow_http: bool) -> Result<(), FetchError> {
    if !url.username().is_empty() || url.password().is_some() || url.as_str().len() > MAX_TEXT {
        return Err(FetchError::Odd);
    }
    if url.scheme() == "https" || url.scheme() == "http" && (allow_http || is_loopback(url)) {
        return Ok(());
    }
    Err(FetchError::Insecure(url.origin().ascii_serialization()))
}

async fn exchange(request: RequestBuilder, conditional: bool, limit: usize) -> Result<Fetched, FetchError> {
    let response = request.send().await?;
    let max_age = max_age(response.headers());
    match response.status() {
        StatusCode::OK => {}
        StatusCode::NOT_MODIFIED if conditional => return Ok(Fetched::NotModified(max_age)),
        other => return Err(FetchError::Status(other)),
    }
    let validators = Validators::of(response.headers());
    let bytes = body(response, limit).await?;
    Ok(Fetched::New(Document { bytes, validators, max_age }))
}

/// The body of a response, up to a limit.
pub(crate) async fn body(mut response: Response, limit: usize) -> Result<Bytes, FetchError> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = response.chunk().await? {
        if bytes.len() + chunk.len() > limit {
            return Err(CodingError::TooLarge(limit).into());
        }
        bytes.extend_from_slice(&chunk);
    }
    let coding = response.headers().get(CONTENT_ENCODING).cloned();
    // A large document takes a while; so does the copy without the room that is left.
    let plain = tokio::task::spawn_blocking(move || plain(Bytes::copy_from_slice(&bytes), coding.as_ref(), limit));
    Ok(plain.await??)
}

impl Validators {
    fn of(headers: &HeaderMap) -> Self {
        let field = |name| headers.get(name).filter(|value: &&HeaderValue| value.len() <= MAX_TEXT).cloned();
        Self { etag: field(ETAG), last_modified: field(LAST_MODIFIED) }
    }

    fn fields(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let etag = self.etag.clone().map(|value| (IF_NONE_MATCH, value));
        etag.into_iter().chain(self.last_modified.clone().map(|value| (IF_MODIFIED_SINCE, value)))
    }
}

/// How long a response is fresh from now on: its `max-age`, less the time it spent in caches (RFC 9111 section 4.2).
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let directives = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let seconds: Option<u64> = directives.flat_map(|value| value.split(',')).find_map(|directive| {
        let directive = directive.trim().to_ascii_lowercase();
        // Both forms, token and quoted string, are to be understood (RFC 9111 section 5.2).
        directive.strip_prefix("max-age=")?.trim_matches('"').parse().ok()
    });
    let age = headers.get(AGE).and_then(|value| value.to_str().ok()?.trim().parse().ok()).unwrap_or(0);
    seconds.map(|seconds| Duration::from_secs(seconds.saturating_sub(age)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn exchanges_run_elsewhere() {
        let elsewhere = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let fetching = Fetching::new(Some(elsewhere.handle().clone()));
        let fetcher = Fetcher::new(Duration::from_secs(1), true, &[], &fetching).unwrap();
        elsewhere.shutdown_background();
        let error = fetcher.get(&Url::parse("http://127.0.0.1:1/").unwrap()).await.unwrap_err();
        assert!(matches!(error, FetchError::Ended(_)), "{error}");
    }

    fn fetcher(allow_http: bool) -> Fetcher {
        Fetcher::new(Duration::from_secs(1), allow_http, &[], &Fetching::default()).unwrap()
    }

    #[test]
    fn keys_come_over_https_or_from_loopback_unless_http_is_allowed() {
        let allowed = |allow_http, text: &str| fetcher(allow_http).check(&Url::parse(text).unwrap()).is_ok();
        for good in ["https://idp.example/", "http://localhost:1/", "http://127.9.9.9/", "http://[::1]/"] {
            assert!(allowed(false, good), "{good}");
        }
        for bad in [
            "http://idp.example/",
            "http://localhost.example/",
            "http://127.0.0.1.example/",
            "http://[::ffff:127.0.0.1]/",
            "http://10.0.0.1/",
            "ftp://localhost/",
            "file:///etc/passwd",
            "data:application/json,{}",
        ] {
            assert!(!allowed(false, bad), "{bad}");
            assert_eq!(allowed(true, bad), bad.starts_with("http://"), "{bad}");
        }
    }

    #[test]
    fn an_address_with_credentials_is_refused_and_not_repeated() {
        for bad in ["https://user@idp.example/", "https://user:secret@idp.example/", "https://:secret@idp.example/"] {
            let error = fetcher(true).check(&Url::parse(bad).unwrap()).unwrap_err();
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        let long = format!("https://idp.example/{}", "a".repeat(MAX_TEXT));
        assert!(fetcher(true).check(&Url::parse(&long).unwrap()).is_err());
    }

    #[test]
    fn an_answer_is_fresh_for_its_max_age_less_its_age() {
        let read = |cache_control: &str, age: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CACHE_CONTROL, HeaderValue::from_str(cache_control).unwrap());
            headers.insert(AGE, HeaderValue::from_str(age).unwrap());
            max_age(&headers).map(|age| age.as_secs())
        };
        assert_eq!(read("public, max-age=600", "0"), Some(600));
        assert_eq!(read("Max-Age=\"600\"", "100"), Some(500));
        assert_eq!(read("max-age=600", "5000"), Some(0));
        assert_eq!(read("no-store, max-age=0", "x"), Some(0));
        assert_eq!(read("no-cache", "0"), None);
        assert_eq!(read("max-age=99999999999999999999999", "0"), None);
        assert_eq!(read("x-max-age=1", "0"), None);
    }
}
