//! Forms for an issuer's endpoints: a code or a refresh token, which must be sent once at most.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use mfa_gateway_core::random::Random;
use reqwest::RequestBuilder;
use rustls::pki_types::CertificateDer;
use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;
use url::Url;

use crate::clients::{Clients, Fetching};
use crate::fetch::{FetchError, body, check};

/// The size beyond which a response is given up. Tokens have some kilobytes.
const MAX_RESPONSE: usize = 256 << 10;

/// Posts forms: over https or to loopback, without redirects, within a deadline and a size, and each one once.
#[derive(Clone, Debug)]
pub struct FormClient {
    clients: Clients,
    timeout: Duration,
    allow_http: bool,
    elsewhere: Option<Handle>,
}

/// What came back.
pub struct FormResponse {
    /// The status.
    pub status: StatusCode,
    /// What the request was called: its `client-request-id`, by which Microsoft's support finds it.
    pub request_id: String,
    /// What kind of document it is said to be.
    pub content_type: Option<HeaderValue>,
    /// The document, which may hold tokens.
    pub bytes: Bytes,
}

impl std::fmt::Debug for FormResponse {
    /// Without the document.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FormResponse").field("status", &self.status).finish_non_exhaustive()
    }
}

impl FormClient {
    /// A client whose every exchange ends within `timeout`, and that trusts these authorities besides the system's.
    ///
    /// # Errors
    ///
    /// If the system's certificate roots can't be read.
    pub fn new(
        timeout: Duration,
        allow_http: bool,
        authorities: &[CertificateDer<'static>],
        fetching: &Fetching,
    ) -> Result<Self, FetchError> {
        let clients = fetching.clients_for_once(authorities)?;
        Ok(Self { clients, timeout, allow_http, elsewhere: fetching.elsewhere.clone() })
    }

    /// The same, whose forms may be sent a second time, so that connections are kept: for questions.
    ///
    /// # Errors
    ///
    /// If the system's certificate roots can't be read.
    pub fn for_questions(
        timeout: Duration,
        allow_http: bool,
        authorities: &[CertificateDer<'static>],
        fetching: &Fetching,
    ) -> Result<Self, FetchError> {
        let clients = fetching.clients_for_many(authorities)?;
        Ok(Self { clients, timeout, allow_http, elsewhere: fetching.elsewhere.clone() })
    }

    /// Posts a form (`application/x-www-form-urlencoded`), with this `Authorization` if there is one. Every status is a
    /// response.
    pub async fn post(
        &self,
        url: &Url,
        form: String,
        authorization: Option<HeaderValue>,
    ) -> Result<FormResponse, FetchError> {
        self.post_for(url, form, authorization, "application/json").await
    }

    /// The same for a response of this media type.
    pub async fn post_for(
        &self,
        url: &Url,
        form: String,
        authorization: Option<HeaderValue>,
        accept: &'static str,
    ) -> Result<FormResponse, FetchError> {
        check(url, self.allow_http)?;
        let mut request = self.clients.of(url).post(url.clone()).timeout(self.timeout);
        request = request.header(ACCEPT, accept).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(mut authorization) = authorization {
            authorization.set_sensitive(true);
            request = request.header(AUTHORIZATION, authorization);
        }
        let request_id = Random::system().uuid();
        request = request.header("client-request-id", &request_id);
        let exchange = exchange(request.body(form), request_id);
        match &self.elsewhere {
            Some(elsewhere) => AbortOnDropHandle::new(elsewhere.spawn(exchange)).await?,
            None => exchange.await,
        }
    }
}

async fn exchange(request: RequestBuilder, request_id: String) -> Result<FormResponse, FetchError> {
    let response = request.send().await?;
    let (status, content_type) = (response.status(), response.headers().get(CONTENT_TYPE).cloned());
    Ok(FormResponse { status, request_id, content_type, bytes: body(response, MAX_RESPONSE).await? })
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::sync::mpsc::{Receiver, channel};

    use super::*;

    fn client() -> FormClient {
        FormClient::new(Duration::from_millis(500), false, &[], &Fetching::default()).unwrap()
    }

    /// A server that says this once on each connection, and what each connection brought.
    fn server(answer: &'static [u8]) -> (Url, Receiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = Url::parse(&format!("http://{}/token", listener.local_addr().unwrap())).unwrap();
        let (seen, connections) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut bytes = [0; 4096];
                let mut all = String::new();
                while !all.ends_with("code=c") {
                    let count = stream.read(&mut bytes).unwrap();
                    all.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
                    if count == 0 {
                        break;
                    }
                }
                seen.send(all).unwrap();
                let _ = stream.write_all(answer);
            }
        });
        (url, connections)
    }

    #[tokio::test]
    async fn a_form_is_sent_with_its_credentials_and_every_status_is_a_response() {
        let (url, seen) = server(b"HTTP/1.1 400 Bad\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}");
        for _ in 0..2 {
            let response =
                client().post(&url, "code=c".to_owned(), Some(HeaderValue::from_static("Basic x"))).await.unwrap();
            assert_eq!((response.status, &response.bytes[..]), (StatusCode::BAD_REQUEST, &b"{}"[..]));
            let request = seen.recv().unwrap().to_ascii_lowercase();
            assert!(
                request.starts_with("post /token http/1.1\r\n") && request.ends_with("\r\n\r\ncode=c"),
                "{request}"
            );
            assert!(request.contains("authorization: basic x\r\n"), "{request}");
            assert!(request.contains("content-type: application/x-www-form-urlencoded\r\n"), "{request}");
        }
    }

    #[tokio::test]
    async fn what_fails_is_not_sent_a_second_time() {
        let (url, seen) = server(b"");
        assert!(client().post(&url, "code=c".to_owned(), None).await.is_err(), "closed without a response");
        let (slow, seen_slowly) = server(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{");
        assert!(client().post(&slow, "code=c".to_owned(), None).await.is_err(), "cut off");
        let (redirecting, followed) = server(b"HTTP/1.1 307 Go\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n");
        let response = client().post(&redirecting, "code=c".to_owned(), None).await.unwrap();
        assert_eq!(response.status, StatusCode::TEMPORARY_REDIRECT);
        tokio::time::sleep(Duration::from_millis(100)).await;
        for seen in [seen, seen_slowly, followed] {
            assert_eq!(seen.try_iter().count(), 1);
        }
    }

    #[tokio::test]
    async fn a_response_without_end_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
            while stream.write_all(&[b' '; 4096]).is_ok() {}
        });
        let error = client().post(&url, "code=c".to_owned(), None).await.unwrap_err();
        assert!(matches!(error, FetchError::Coding(_)), "{error}");
        let far = Url::parse("http://idp.example/token").unwrap();
        assert!(matches!(client().post(&far, String::new(), None).await, Err(FetchError::Insecure(_))));
    }
}
