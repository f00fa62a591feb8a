//! A client at work: authorization requests, and what is exchanged at the token endpoint.

use http::StatusCode;
use mfa_gateway_core::clock::Clock;
use mfa_gateway_keys::{EndpointError, FetchError, Fetching, FormClient, FormResponse, Metadata};
use serde::Deserialize;
use url::Url;

use super::authentication::{Proven, prove};
use super::request::{AuthorizationRequest, with_query};
use super::settings::ClientSettings;
use super::token_error::TokenEndpointError;
use super::tokens::{Refreshed, Tokens};

/// A client of an issuer. It knows no session: every exchange stands for itself, so a slow one delays no other.
#[derive(Debug)]
pub struct Client {
    settings: ClientSettings,
    http: FormClient,
    clock: Clock,
}

/// Why there is no authorization request to go to the issuer with.
#[derive(Debug, thiserror::Error)]
pub enum ParError {
    /// The issuer's metadata names no place to go to.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The request could not be pushed (RFC 9126).
    #[error("the authorization request could not be pushed")]
    Pushing(#[from] TokenEndpointError),
}

impl ParError {
    /// Whether another time it may work: the issuer can't be used at this moment.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Endpoint(_) => true,
            Self::Pushing(error) => error.is_unavailable(),
        }
    }
}

/// What comes back for a pushed request (RFC 9126 section 2.2).
#[derive(Deserialize)]
struct Pushed {
    request_uri: String,
}

/// The longest `request_uri` that a browser is sent with.
const MAX_REQUEST_URI: usize = 512;

impl Client {
    /// A client with these settings.
    ///
    /// # Errors
    ///
    /// If the system's certificate roots can't be read.
    pub fn new(settings: ClientSettings, clock: Clock, fetching: &Fetching) -> Result<Self, FetchError> {
        let http = FormClient::new(settings.timeout, settings.allow_http, &settings.authorities, fetching)?;
        Ok(Self { settings, http, clock })
    }

    /// A client that only asks what tokens are.
    ///
    /// # Errors
    ///
    /// If the system's certificate roots can't be read.
    pub fn for_questions(settings: ClientSettings, clock: Clock, fetching: &Fetching) -> Result<Self, FetchError> {
        let http = FormClient::for_questions(settings.timeout, settings.allow_http, &settings.authorities, fetching)?;
        Ok(Self { settings, http, clock })
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &ClientSettings {
        &self.settings
    }

    /// Where a browser goes with a request. If requests are pushed, only `client_id` and `request_uri` go with it, and
    /// nothing is tried in its place.
    pub async fn authorization_url(
        &self,
        metadata: &Metadata,
        request: &AuthorizationRequest<'_>,
    ) -> Result<Url, ParError> {
        if !self.settings.par && !metadata.require_pushed_authorization_requests {
            return Ok(request.url(&self.settings, metadata)?);
        }
        let endpoint = metadata.authorization_endpoint()?;
        let request_uri = self.push(metadata, request).await?;
        let parameters = [("client_id", &self.settings.client_id), ("request_uri", &request_uri)];
        Ok(with_query(endpoint, &parameters.map(|(name, value)| (name.to_owned(), value.clone()))))
    }

    async fn push(
        &self,
        metadata: &Metadata,
        request: &AuthorizationRequest<'_>,
    ) -> Result<String, TokenEndpointError> {
        let endpoint = metadata.pushed_authorization_request_endpoint()?;
        let response = self.post(endpoint, metadata, &request.parameters(&self.settings)).await?;
        // 201, and not every server knows that.
        if !matches!(response.status, StatusCode::CREATED | StatusCode::OK) {
            return Err(TokenEndpointError::of(response.status, &response.bytes));
        }
        let pushed: Option<Pushed> = serde_json::from_slice(&response.bytes).ok();
        let is_uri =
            |uri: &str| (1..=MAX_REQUEST_URI).contains(&uri.len()) && uri.bytes().all(|byte| byte.is_ascii_graphic());
        let request_uri = pushed.map(|pushed| pushed.request_uri).filter(|uri| is_uri(uri));
        request_uri.ok_or_else(|| TokenEndpointError::malformed(response.status))
    }

    /// Exchanges the code of a sign-in. It is sent once, whatever comes back: a server that saw it twice would take it for
    /// stolen, and revoke what it gave (RFC 6749 section 4.1.2).
    pub async fn exchange(
        &self,
        metadata: &Metadata,
        code: &str,
        verifier: &str,
        redirect_uri: &str,
    ) -> Result<Tokens, TokenEndpointError> {
        let parameters = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", verifier),
        ];
        let response = self.ask(metadata, &parameters).await?;
        Tokens::read(&response.bytes).ok_or_else(|| TokenEndpointError::malformed(response.status))
    }

    /// Exchanges a refresh token. What comes back may be the only one that works from then on, so whoever asks must not stop
    /// waiting.
    pub async fn refresh(&self, metadata: &Metadata, refresh_token: &str) -> Result<Refreshed, TokenEndpointError> {
        self.refresh_for(metadata, refresh_token, &[]).await
    }

    /// The same with further parameters, such as the `scope` or the `resource` that an access token is wanted for.
    pub async fn refresh_for(
        &self,
        metadata: &Metadata,
        refresh_token: &str,
        more: &[(&str, &str)],
    ) -> Result<Refreshed, TokenEndpointError> {
        let own = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
        let response = self.ask(metadata, &[&own, more].concat()).await?;
        let read = Refreshed::read(&response.bytes).ok_or_else(|| TokenEndpointError::malformed(response.status));
        Ok(Refreshed { request_id: response.request_id, ..read? })
    }

    /// Asks for an access token of the client itself, without any user (RFC 6749 section 4.4).
    pub async fn own_token(&self, metadata: &Metadata, scope: Option<&str>) -> Result<Refreshed, TokenEndpointError> {
        let scope = scope.map(|scope| ("scope", scope));
        let parameters: Vec<_> = std::iter::once(("grant_type", "client_credentials")).chain(scope).collect();
        let response = self.ask(metadata, &parameters).await?;
        Refreshed::read(&response.bytes).ok_or_else(|| TokenEndpointError::malformed(response.status))
    }

    /// Asks what a token is (RFC 7662 section 2.1), for a response of this media type. Without an endpoint, it is the
    /// metadata's.
    pub async fn introspect(
        &self,
        endpoint: Option<&Url>,
        metadata: &Metadata,
        token: &str,
        accept: &'static str,
    ) -> Result<FormResponse, TokenEndpointError> {
        let endpoint = endpoint.map_or_else(|| metadata.introspection_endpoint(), Ok)?;
        let parameters = [("token", token), ("token_type_hint", "access_token")];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let Proven { form, authorization } = prove(&self.settings, metadata, &parameters, self.clock.now())?;
        Ok(self.http.post_for(endpoint, form, authorization, accept).await?)
    }

    /// A success of the token endpoint.
    async fn ask(&self, metadata: &Metadata, parameters: &[(&str, &str)]) -> Result<FormResponse, TokenEndpointError> {
        let owned: Vec<_> = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let response = self.post(metadata.token_endpoint()?, metadata, &owned).await?;
        match response.status {
            StatusCode::OK => Ok(response),
            status => Err(TokenEndpointError::of(status, &response.bytes)),
        }
    }

    async fn post(
        &self,
        endpoint: &Url,
        metadata: &Metadata,
        parameters: &[(String, String)],
    ) -> Result<FormResponse, TokenEndpointError> {
        let Proven { form, authorization } = prove(&self.settings, metadata, parameters, self.clock.now())?;
        Ok(self.http.post(endpoint, form, authorization).await?)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::sync::mpsc::{Receiver, channel};

    use serde_json::json;
    use url::form_urlencoded;

    use super::*;
    use crate::oidc::asks::Asks;
    use crate::oidc::settings::tests::settings;
    use crate::oidc::token_error::TokenEndpointErrorKind;

    /// An issuer all of whose endpoints give this response, and the forms that it gets.
    fn issuer(status: &'static str, document: &'static str) -> (Metadata, Receiver<BTreeMap<String, String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (seen, forms) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let (mut bytes, mut all) = ([0; 4096], String::new());
                let form = loop {
                    let count = stream.read(&mut bytes).unwrap();
                    all.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
                    let Some((head, body)) = all.split_once("\r\n\r\n") else { continue };
                    let length = head.to_ascii_lowercase();
                    let length = length.split_once("content-length: ").unwrap().1;
                    if count == 0 || body.len() >= length.lines().next().unwrap().parse().unwrap() {
                        break body;
                    }
                };
                seen.send(form_urlencoded::parse(form.as_bytes()).into_owned().collect()).unwrap();
                let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{document}", document.len());
                let _ = stream.write_all(head.as_bytes());
            }
        });
        let document = json!({"authorization_endpoint": format!("{base}/authorize?p=1"),
            "token_endpoint": format!("{base}/token"), "pushed_authorization_request_endpoint": format!("{base}/par")});
        (Metadata::parse(document.to_string().as_bytes(), &base), forms)
    }

    fn client(par: bool) -> Client {
        Client::new(ClientSettings { par, ..settings() }, Clock::system(), &Fetching::default()).unwrap()
    }

    fn request(asks: &Asks) -> AuthorizationRequest<'_> {
        AuthorizationRequest {
            redirect_uri: "https://portal.example/callback",
            state: "s",
            nonce: "n",
            code_challenge: "c",
            asks,
            login_hint: None,
        }
    }

    #[tokio::test]
    async fn a_code_is_exchanged_once_with_its_verifier() {
        let (metadata, forms) = issuer("200 OK", r#"{"token_type":"Bearer","access_token":"a","id_token":"i"}"#);
        let tokens = client(false).exchange(&metadata, "a+b", "v", "https://portal.example/callback").await.unwrap();
        assert_eq!((tokens.id_token.as_str(), tokens.access_token.as_str()), ("i", "a"));
        let form = forms.recv().unwrap();
        let expected = [
            ("client_id", "gateway"),
            ("code", "a+b"),
            ("code_verifier", "v"),
            ("grant_type", "authorization_code"),
            ("redirect_uri", "https://portal.example/callback"),
        ];
        assert_eq!(form, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        assert!(forms.try_recv().is_err());
        let (metadata, forms) = issuer("200 OK", r#"{"token_type":"Bearer","access_token":"a"}"#);
        let error = client(false).exchange(&metadata, "c", "v", "r").await.unwrap_err();
        assert_eq!(error.kind, TokenEndpointErrorKind::Malformed, "without an ID token");
        let refreshed = client(false).refresh(&metadata, "r1").await.unwrap();
        assert_eq!((refreshed.access_token.as_str(), refreshed.id_token), ("a", None));
        assert_eq!(forms.iter().nth(1).unwrap()["refresh_token"], "r1");
        let own = client(false).own_token(&metadata, Some("s/.default")).await.unwrap();
        assert_eq!(own.access_token, "a");
        let form = forms.recv().unwrap();
        assert_eq!(
            (form["grant_type"].as_str(), form["scope"].as_str(), form.len()),
            ("client_credentials", "s/.default", 3)
        );
    }

    #[tokio::test]
    async fn what_fails_is_told_apart_and_never_tried_again() {
        let kind = async |status, document| {
            let (metadata, forms) = issuer(status, document);
            let error = client(false).exchange(&metadata, "c", "v", "r").await.unwrap_err();
            assert_eq!(forms.recv().unwrap()["code"], "c");
            assert!(forms.try_recv().is_err(), "{status}");
            error.kind
        };
        let invalid_grant = kind("400 Bad", r#"{"error":"invalid_grant"}"#).await;
        assert_eq!(invalid_grant, TokenEndpointErrorKind::InvalidGrant);
        assert_eq!(kind("503 Away", "").await, TokenEndpointErrorKind::Unavailable);
        let redirect = kind("302 Found\r\nlocation: /elsewhere", "").await;
        assert_eq!(redirect, TokenEndpointErrorKind::Malformed);
        assert_eq!(kind("200 OK", "<html>").await, TokenEndpointErrorKind::Malformed);
        let gone = Metadata::parse(br#"{"token_endpoint":"http://127.0.0.1:1/"}"#, "i");
        assert!(client(false).exchange(&gone, "c", "v", "r").await.unwrap_err().is_unavailable());
        let none = Metadata::parse(b"{}", "i");
        let error = client(false).exchange(&none, "c", "v", "r").await.unwrap_err();
        assert_eq!(error.kind, TokenEndpointErrorKind::NoEndpoint);
    }

    #[tokio::test]
    async fn of_a_pushed_request_a_browser_sees_only_where_it_is() {
        let (metadata, forms) = issuer("201 Created", r#"{"request_uri":"urn:x:1","expires_in":60}"#);
        let asks = Asks::default();
        let url = client(true).authorization_url(&metadata, &request(&asks)).await.unwrap();
        assert_eq!(url.query(), Some("p=1&client_id=gateway&request_uri=urn%3Ax%3A1"));
        let form = forms.recv().unwrap();
        assert_eq!((form["state"].as_str(), form["client_id"].as_str(), form.len()), ("s", "gateway", 8));
        let plain = client(false).authorization_url(&metadata, &request(&asks)).await.unwrap();
        assert!(plain.query().unwrap().contains("&state=s&") && forms.try_recv().is_err());
        for (status, document, unavailable) in [
            ("400 Bad", r#"{"error":"invalid_request"}"#, false),
            ("500 Oh", "", true),
            ("201 Created", "{}", false),
            ("201 Created", r#"{"request_uri":"a b"}"#, false),
        ] {
            let (metadata, _forms) = issuer(status, document);
            let error = client(true).authorization_url(&metadata, &request(&asks)).await.unwrap_err();
            assert_eq!(error.is_unavailable(), unavailable, "{status} {document}");
        }
    }
}
