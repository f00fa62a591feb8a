//! What a discovery document says beside the address of the keys: where people sign in, and how.
//!
//! Issuers whose access tokens alone matter may leave all of it out, or get it wrong. So each member is read by itself, and
//! what is wrong with one is said to those who need it.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use url::Url;

use crate::fetch::{FetchError, check};

/// What an issuer says of itself (OpenID Connect Discovery section 3, RFC 8414 section 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    issuer: String,
    authorization_endpoint: Endpoint,
    token_endpoint: Endpoint,
    end_session_endpoint: Endpoint,
    pushed_authorization_request_endpoint: Endpoint,
    introspection_endpoint: Endpoint,
    /// Whether authorization requests must be pushed (RFC 9126 section 5).
    pub require_pushed_authorization_requests: bool,
    /// Whether each authorization response has an `iss` (RFC 9207 section 3).
    pub authorization_response_iss_parameter_supported: bool,
    /// Whether the issuer sends logout tokens (OpenID Connect Back-Channel Logout section 2.1).
    pub backchannel_logout_supported: bool,
    /// How clients may authenticate, if it says so.
    pub token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// The algorithms of ID tokens, if it says so.
    pub id_token_signing_alg_values_supported: Option<Vec<String>>,
    /// The forms in which responses come back, if it says so.
    pub response_modes_supported: Option<Vec<String>>,
    /// The methods of PKCE, if it says so (RFC 8414 section 2).
    pub code_challenge_methods_supported: Option<Vec<String>>,
}

/// One address in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Endpoint {
    #[default]
    Absent,
    Unusable(String),
    At(Url),
}

/// Why an endpoint can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// It isn't there.
    #[error("the discovery document has no `{0}`")]
    Absent(&'static str),
    /// It is no address that may be used.
    #[error("the discovery document's `{0}` is not usable: {1}")]
    Unusable(&'static str, String),
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Members<'d> {
    #[serde(borrow)]
    authorization_endpoint: Option<&'d RawValue>,
    #[serde(borrow)]
    token_endpoint: Option<&'d RawValue>,
    #[serde(borrow)]
    end_session_endpoint: Option<&'d RawValue>,
    #[serde(borrow)]
    pushed_authorization_request_endpoint: Option<&'d RawValue>,
    #[serde(borrow)]
    introspection_endpoint: Option<&'d RawValue>,
    #[serde(borrow)]
    require_pushed_authorization_requests: Option<&'d RawValue>,
    #[serde(borrow)]
    authorization_response_iss_parameter_supported: Option<&'d RawValue>,
    #[serde(borrow)]
    backchannel_logout_supported: Option<&'d RawValue>,
    #[serde(borrow)]
    token_endpoint_auth_methods_supported: Option<&'d RawValue>,
    #[serde(borrow)]
    id_token_signing_alg_values_supported: Option<&'d RawValue>,
    #[serde(borrow)]
    response_modes_supported: Option<&'d RawValue>,
    #[serde(borrow)]
    code_challenge_methods_supported: Option<&'d RawValue>,
}

impl Metadata {
    /// Reads a document of this issuer, whose addresses are over https or on loopback.
    #[must_use]
    pub fn parse(document: &[u8], issuer: &str) -> Self {
        Self::read(document, issuer, |url| check(url, false))
    }

    /// Reads what stands in the document of this issuer. `check` tells whether an address may be used.
    pub(crate) fn read(document: &[u8], issuer: &str, check: impl Fn(&Url) -> Result<(), FetchError>) -> Self {
        // One member that stands twice says nothing, and which of the two is meant, nobody knows: then there is none.
        let members: Members<'_> = serde_json::from_slice(without_mark(document)).unwrap_or_default();
        let endpoint = |member: Option<&RawValue>| Endpoint::read(member, &check);
        Self {
            issuer: issuer.to_owned(),
            authorization_endpoint: endpoint(members.authorization_endpoint),
            token_endpoint: endpoint(members.token_endpoint),
            end_session_endpoint: endpoint(members.end_session_endpoint),
            pushed_authorization_request_endpoint: endpoint(members.pushed_authorization_request_endpoint),
            introspection_endpoint: endpoint(members.introspection_endpoint),
            require_pushed_authorization_requests: is_true(members.require_pushed_authorization_requests),
            authorization_response_iss_parameter_supported: is_true(
                members.authorization_response_iss_parameter_supported,
            ),
            backchannel_logout_supported: is_true(members.backchannel_logout_supported),
            token_endpoint_auth_methods_supported: value(members.token_endpoint_auth_methods_supported),
            id_token_signing_alg_values_supported: value(members.id_token_signing_alg_values_supported),
            response_modes_supported: value(members.response_modes_supported),
            code_challenge_methods_supported: value(members.code_challenge_methods_supported),
        }
    }

    /// The issuer, as the document names it. Entra's for all tenants has `{tenantid}` in it.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Where a browser is sent to sign in.
    pub fn authorization_endpoint(&self) -> Result<&Url, EndpointError> {
        self.authorization_endpoint.get("authorization_endpoint")
    }

    /// Where codes and refresh tokens are exchanged.
    pub fn token_endpoint(&self) -> Result<&Url, EndpointError> {
        self.token_endpoint.get("token_endpoint")
    }

    /// The same with another token endpoint, such as that of another tenant.
    #[must_use]
    pub fn with_token_endpoint(&self, url: Url) -> Self {
        Self { token_endpoint: Endpoint::At(url), ..self.clone() }
    }

    /// The same for one tenant of an issuer that has many: with its endpoints, and as the issuer that it is.
    #[must_use]
    pub fn for_tenant(&self, tenant: &str, authorization: Url, token: Url) -> Self {
        Self {
            issuer: self.issuer.replace("{tenantid}", tenant),
            authorization_endpoint: Endpoint::At(authorization),
            token_endpoint: Endpoint::At(token),
            ..self.clone()
        }
    }

    /// Where a browser is sent to sign out (OpenID Connect RP-Initiated Logout section 2.1).
    pub fn end_session_endpoint(&self) -> Result<&Url, EndpointError> {
        self.end_session_endpoint.get("end_session_endpoint")
    }

    /// Where authorization requests are pushed (RFC 9126 section 5).
    pub fn pushed_authorization_request_endpoint(&self) -> Result<&Url, EndpointError> {
        self.pushed_authorization_request_endpoint.get("pushed_authorization_request_endpoint")
    }

    /// Where the issuer says what a token is (RFC 8414 section 2, RFC 7662).
    pub fn introspection_endpoint(&self) -> Result<&Url, EndpointError> {
        self.introspection_endpoint.get("introspection_endpoint")
    }

    /// Whether there is all that a sign-in needs.
    #[must_use]
    pub fn can_sign_in(&self) -> bool {
        self.authorization_endpoint().is_ok() && self.token_endpoint().is_ok()
    }
}

impl Endpoint {
    fn read(member: Option<&RawValue>, check: impl Fn(&Url) -> Result<(), FetchError>) -> Self {
        let Some(member) = member.filter(|member| member.get() != "null") else { return Self::Absent };
        match value::<Url>(Some(member)) {
            None => Self::Unusable("it is not a URL".to_owned()),
            // RFC 6749 sections 3.1 and 3.2: what comes behind it would be cut off or misplaced.
            Some(url) if url.fragment().is_some() => Self::Unusable("it has a fragment".to_owned()),
            Some(url) => match check(&url) {
                Ok(()) => Self::At(url),
                Err(error) => Self::Unusable(error.to_string()),
            },
        }
    }

    fn get(&self, name: &'static str) -> Result<&Url, EndpointError> {
        match self {
            Self::At(url) => Ok(url),
            Self::Absent => Err(EndpointError::Absent(name)),
            Self::Unusable(why) => Err(EndpointError::Unusable(name, why.clone())),
        }
    }
}

fn value<T: DeserializeOwned>(member: Option<&RawValue>) -> Option<T> {
    serde_json::from_str(member?.get()).ok()
}

fn is_true(member: Option<&RawValue>) -> bool {
    value(member).unwrap_or(false)
}

/// Without the byte order mark that some editors write, and RFC 8259 section 8.1 lets a reader ignore.
pub(crate) fn without_mark(document: &[u8]) -> &[u8] {
    document.strip_prefix("\u{feff}".as_bytes()).unwrap_or(document)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(document: &Value) -> Metadata {
        read_bytes(document.to_string().as_bytes())
    }

    fn read_bytes(document: &[u8]) -> Metadata {
        Metadata::parse(document, "https://idp.example/")
    }

    #[test]
    fn what_a_sign_in_needs_is_read() {
        let metadata = read(&json!({
            "issuer": "https://idp.example/",
            "authorization_endpoint": "https://idp.example/authorize?p=1",
            "token_endpoint": "https://idp.example/token",
            "end_session_endpoint": "https://idp.example/logout",
            "pushed_authorization_request_endpoint": "https://idp.example/par",
            "require_pushed_authorization_requests": true,
            "authorization_response_iss_parameter_supported": true,
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
            "response_modes_supported": ["query"],
        }));
        let text = |found: Result<&Url, EndpointError>| found.map(Url::to_string).unwrap();
        assert_eq!(metadata.issuer(), "https://idp.example/");
        assert_eq!(text(metadata.authorization_endpoint()), "https://idp.example/authorize?p=1");
        assert_eq!(text(metadata.token_endpoint()), "https://idp.example/token");
        assert_eq!(text(metadata.end_session_endpoint()), "https://idp.example/logout");
        assert_eq!(text(metadata.pushed_authorization_request_endpoint()), "https://idp.example/par");
        assert!(metadata.can_sign_in() && metadata.require_pushed_authorization_requests);
        assert!(metadata.authorization_response_iss_parameter_supported && !metadata.backchannel_logout_supported);
        assert_eq!(metadata.id_token_signing_alg_values_supported.unwrap(), ["RS256", "ES256"]);
    }

    #[test]
    fn a_bad_member_costs_itself_and_is_told_to_those_who_need_it() {
        let token = ("token_endpoint", json!("https://idp.example/token"));
        let told = |odd: Value| {
            let metadata = read(&json!({"authorization_endpoint": odd, (token.0): token.1}));
            assert!(metadata.token_endpoint().is_ok() && !metadata.can_sign_in());
            metadata.authorization_endpoint().unwrap_err().to_string()
        };
        assert_eq!(told(json!(null)), "the discovery document has no `authorization_endpoint`");
        for (odd, why) in [
            (json!("/authorize"), "not a URL"),
            (json!(7), "not a URL"),
            (json!(["https://idp.example/a"]), "not a URL"),
            (json!("https://idp.example/a#b"), "fragment"),
            (json!("http://idp.example/a"), "neither https nor loopback"),
            (json!("javascript:alert(1)"), "neither https nor loopback"),
        ] {
            assert!(told(odd.clone()).contains(why), "{odd}");
        }
        let odd = read(&json!({"authorization_response_iss_parameter_supported": "true",
            "token_endpoint_auth_methods_supported": "none"}));
        assert!(!odd.authorization_response_iss_parameter_supported);
        assert_eq!(odd.token_endpoint_auth_methods_supported, None);
    }

    #[test]
    fn a_document_that_says_a_thing_twice_says_nothing() {
        let twice = br#"{"token_endpoint":"https://a.example/","token_endpoint":"https://b.example/"}"#;
        assert!(read_bytes(twice).token_endpoint().is_err());
        for odd in [&b"[]"[..], b"", b"{", b"\xff"] {
            assert!(!read_bytes(odd).can_sign_in());
        }
        let others = b"\xef\xbb\xbf{\"x\":\"\xff\",\"y\":1e999,\"token_endpoint\":\"https://a.example/\"}";
        assert!(read_bytes(others).token_endpoint().is_ok(), "what nobody reads does no harm");
    }
}
