//! The authorization request: what a browser takes to the issuer (OpenID Connect Core section 3.1.2.1).

use std::fmt;

use mfa_gateway_keys::{EndpointError, Metadata};
use url::Url;
use url::form_urlencoded::Serializer;

use super::asks::Asks;
use super::settings::ClientSettings;

/// An authorization request. Nothing in it comes from the browser's own request.
#[derive(Clone, Copy)]
pub struct AuthorizationRequest<'r> {
    /// Where the issuer sends the browser back to.
    pub redirect_uri: &'r str,
    /// What binds the response to this browser.
    pub state: &'r str,
    /// What binds the ID token to it.
    pub nonce: &'r str,
    /// What binds the code to it: see [`super::Pkce`].
    pub code_challenge: &'r str,
    /// What is asked for beyond a sign-in.
    pub asks: &'r Asks,
    /// Who is to sign in, if that is known.
    pub login_hint: Option<&'r str>,
}

impl fmt::Debug for AuthorizationRequest<'_> {
    /// Without what binds it to a browser, and without the user.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { redirect_uri, asks, .. } = self;
        f.debug_struct("AuthorizationRequest")
            .field("redirect_uri", redirect_uri)
            .field("asks", asks)
            .finish_non_exhaustive()
    }
}

/// The parameters that a request sets itself, or must not have.
const RESERVED: [&str; 18] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "response_mode",
    "login_hint",
    "acr_values",
    "amr_values",
    "claims",
    "prompt",
    "max_age",
    "request",
    "request_uri",
    "client_secret",
];

/// Whether a configuration must not name this parameter among the further ones.
#[must_use]
pub fn is_reserved(parameter: &str) -> bool {
    RESERVED.contains(&parameter)
}

impl AuthorizationRequest<'_> {
    /// The address with the request in it.
    pub(super) fn url(&self, client: &ClientSettings, metadata: &Metadata) -> Result<Url, EndpointError> {
        Ok(with_query(metadata.authorization_endpoint()?, &self.parameters(client)))
    }

    /// All parameters, each once (RFC 6749 section 3.1).
    pub(super) fn parameters(&self, client: &ClientSettings) -> Vec<(String, String)> {
        let fixed = [
            ("response_type", "code"),
            ("client_id", &client.client_id),
            ("redirect_uri", self.redirect_uri),
            ("scope", &client.scope()),
            ("state", self.state),
            ("nonce", self.nonce),
            ("code_challenge", self.code_challenge),
            ("code_challenge_method", "S256"),
        ];
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let mut all: Vec<_> = fixed.into_iter().map(owned).collect();
        if client.is_form_post() {
            all.push(owned(("response_mode", "form_post")));
        }
        all.extend(self.asks.parameters().map(|(name, value)| (name.to_owned(), value)));
        all.extend(self.login_hint.map(|hint| owned(("login_hint", hint))));
        for (name, value) in &client.parameters {
            if !is_reserved(name) && all.iter().all(|(known, _)| known != name) {
                all.push((name.clone(), value.clone()));
            }
        }
        all
    }
}

/// An endpoint's address with parameters behind its own query, which stays (RFC 6749 section 3.1). What the query says of a
/// parameter that is sent is left out: the issuer must not see two.
pub(super) fn with_query(endpoint: &Url, parameters: &[(String, String)]) -> Url {
    let own = |name: &str| parameters.iter().any(|(known, _)| known == name);
    let mut query = Serializer::new(String::new());
    query.extend_pairs(endpoint.query_pairs().filter(|(name, _)| !own(name)));
    query.extend_pairs(parameters);
    let mut url = endpoint.clone();
    url.set_query(Some(&query.finish()));
    url
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::oidc::settings::ResponseMode;
    use crate::oidc::settings::tests::settings;

    fn metadata(endpoint: &str) -> Metadata {
        Metadata::parse(json!({ "authorization_endpoint": endpoint }).to_string().as_bytes(), "https://idp.example/")
    }

    fn request(asks: &Asks) -> AuthorizationRequest<'_> {
        AuthorizationRequest {
            redirect_uri: "https://portal.example/.mfa-gateway/callback",
            state: "s",
            nonce: "n",
            code_challenge: "c",
            asks,
            login_hint: Some("jane@example.com"),
        }
    }

    #[test]
    fn a_request_has_all_that_it_must_have_and_nothing_twice() {
        let asks = Asks { claims: Some(r#"{"id_token":{}}"#.to_owned()), max_age: Some(60), ..Asks::default() };
        let twice = [("resource", "api"), ("state", "other"), ("resource", "another"), ("client_secret", "x")];
        let client = ClientSettings {
            response_mode: ResponseMode::FormPost,
            parameters: twice.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            ..settings()
        };
        let endpoint = metadata("https://idp.example/authorize?p=flow&client_id=evil&x=%26");
        let url = request(&asks).url(&client, &endpoint).unwrap();
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let expected = [
            ("p", "flow"),
            ("x", "&"),
            ("response_type", "code"),
            ("client_id", "gateway"),
            ("redirect_uri", "https://portal.example/.mfa-gateway/callback"),
            ("scope", "openid profile"),
            ("state", "s"),
            ("nonce", "n"),
            ("code_challenge", "c"),
            ("code_challenge_method", "S256"),
            ("response_mode", "form_post"),
            ("claims", r#"{"id_token":{}}"#),
            ("max_age", "60"),
            ("login_hint", "jane@example.com"),
            ("resource", "api"),
        ];
        assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(pairs.iter().cloned().collect::<BTreeMap<_, _>>().len(), pairs.len());
        assert!(url.as_str().starts_with("https://idp.example/authorize?p=flow&x=%26&response_type=code&"));
    }

    #[test]
    fn without_a_place_to_sign_in_there_is_no_request() {
        let error = request(&Asks::default()).url(&settings(), &metadata("javascript:alert(1)")).unwrap_err();
        assert!(error.to_string().contains("authorization_endpoint"), "{error}");
        assert!(!format!("{:?}", request(&Asks::default())).contains("jane"));
    }
}
