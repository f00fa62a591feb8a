//! Requests to an API with an access token.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;
use url::Url;

use crate::clients::{Clients, Fetching};
use crate::fetch::{FetchError, body, check};

/// The size beyond which a response is given up. A page of 500 customers has some hundred kilobytes.
const MAX_RESPONSE: usize = 4 << 20;

/// Calls an API: over https or on loopback, without redirects, within a deadline and a size.
#[derive(Clone, Debug)]
pub struct ApiClient {
    clients: Clients,
    timeout: Duration,
    elsewhere: Option<Handle>,
}

/// A call.
#[derive(Debug)]
pub struct ApiCall {
    /// The method.
    pub method: Method,
    /// The address. Its origin receives the token.
    pub url: Url,
    /// The value of `Authorization`.
    pub bearer: HeaderValue,
    /// Another header field.
    pub field: Option<(HeaderName, HeaderValue)>,
    /// JSON, if there is a body.
    pub body: Option<Bytes>,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct ApiResponse {
    /// The status.
    pub status: StatusCode,
    /// How long not to call again, if it says so in seconds.
    pub retry_after: Option<Duration>,
    /// The document.
    pub bytes: Bytes,
}

impl ApiClient {
    /// A client whose every call ends within `timeout`.
    ///
    /// # Errors
    ///
    /// If the system's certificate roots can't be read.
    pub fn new(timeout: Duration, fetching: &Fetching) -> Result<Self, FetchError> {
        Ok(Self { clients: fetching.clients_for_many(&[])?, timeout, elsewhere: fetching.elsewhere.clone() })
    }

    /// Sends a request. Every status is a response.
    ///
    /// # Errors
    ///
    /// If none comes back.
    pub async fn call(&self, call: ApiCall) -> Result<ApiResponse, FetchError> {
        let ApiCall { method, url, mut bearer, field, body } = call;
        check(&url, false)?;
        bearer.set_sensitive(true);
        let request = self.clients.of(&url).request(method, url).timeout(self.timeout);
        let mut request = request.header(ACCEPT, "application/json").header(AUTHORIZATION, bearer);
        if let Some((name, value)) = field {
            request = request.header(name, value);
        }
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        let exchange = exchange(request);
        match &self.elsewhere {
            Some(elsewhere) => AbortOnDropHandle::new(elsewhere.spawn(exchange)).await?,
            None => exchange.await,
        }
    }
}

async fn exchange(request: reqwest::RequestBuilder) -> Result<ApiResponse, FetchError> {
    let response = request.send().await?;
    let (status, retry_after) = (response.status(), retry_after(response.headers()));
    Ok(ApiResponse { status, retry_after, bytes: body(response, MAX_RESPONSE).await? })
}

/// RFC 9110 section 10.2.3. A date isn't read: it takes two clocks that agree.
fn retry_after(fields: &HeaderMap) -> Option<Duration> {
    fields.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(url: &str) -> ApiCall {
        let (method, url) = (Method::GET, Url::parse(url).unwrap());
        ApiCall { method, url, bearer: HeaderValue::from_static("Bearer t"), field: None, body: None }
    }

    #[tokio::test]
    async fn a_token_goes_over_tls_or_stays_on_this_machine() {
        let client = ApiClient::new(Duration::from_millis(200), &Fetching::default()).unwrap();
        for url in ["http://api.example/v1/customers", "http://192.0.2.1/", "https://user@api.example/"] {
            let error = client.call(call(url)).await.unwrap_err();
            assert!(matches!(error, FetchError::Insecure(_) | FetchError::Odd), "{url}: {error}");
        }
    }

    #[test]
    fn a_pause_is_read_in_seconds_alone() {
        let read =
            |text: &'static str| retry_after(&HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]));
        assert_eq!(read("7"), Some(Duration::from_secs(7)));
        assert_eq!((read("Fri, 31 Dec 2026 23:59:59 GMT"), read("-1"), read("")), (None, None, None));
    }
}
