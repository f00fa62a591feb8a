//! The settings of a client.

use std::time::Duration;

use rustls::pki_types::CertificateDer;

use super::secret::Secret;
use super::signing_key::SigningKey;

/// A client: one registration at one issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSettings {
    /// Its id.
    pub client_id: String,
    /// How it proves to the issuer that it is the client.
    pub authentication: ClientAuthentication,
    /// The scopes that are asked for besides `openid`.
    pub scopes: Vec<String>,
    /// How a browser brings the response back.
    pub response_mode: ResponseMode,
    /// Whether authorization requests are pushed (RFC 9126). They are, too, if the issuer requires it.
    pub par: bool,
    /// What else is sent with each authorization request, such as `resource`.
    pub parameters: Vec<(String, String)>,
    /// The deadline of one exchange with the issuer.
    pub timeout: Duration,
    /// Whether `http` is allowed beyond loopback.
    pub allow_http: bool,
    /// The authorities that are trusted besides the system's.
    pub authorities: Vec<CertificateDer<'static>>,
}

/// How a client proves to the token endpoint that it is the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientAuthentication {
    /// A secret in `Authorization` (RFC 6749 section 2.3.1).
    SecretBasic(Secret),
    /// A secret in the form.
    SecretPost(Secret),
    /// A signed assertion (RFC 7523 section 2.2).
    PrivateKeyJwt(SigningKey, AssertionAudience),
    /// PKCE alone: a public client.
    None,
}

/// Whom an assertion is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AssertionAudience {
    /// The token endpoint's address, as RFC 7523 section 3 suggests, and Entra requires.
    #[default]
    TokenEndpoint,
    /// The issuer. No other server can use it then, whatever endpoints it claims to have.
    Issuer,
}

/// How a browser brings the response back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResponseMode {
    /// In the query, by `GET`.
    #[default]
    Query,
    /// In a form, by `POST` from the issuer's site.
    FormPost,
}

impl ClientSettings {
    /// Whether the response comes back in a form.
    #[must_use]
    pub fn is_form_post(&self) -> bool {
        self.response_mode == ResponseMode::FormPost
    }

    /// The scope: `openid`, and the others once each (OpenID Connect Core section 3.1.2.1).
    #[must_use]
    pub fn scope(&self) -> String {
        let mut scopes = vec!["openid"];
        for scope in &self.scopes {
            if !scopes.contains(&scope.as_str()) {
                scopes.push(scope);
            }
        }
        scopes.join(" ")
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn settings() -> ClientSettings {
        ClientSettings {
            client_id: "gateway".to_owned(),
            authentication: ClientAuthentication::None,
            scopes: vec!["profile".to_owned()],
            response_mode: ResponseMode::Query,
            par: false,
            parameters: Vec::new(),
            timeout: Duration::from_secs(2),
            allow_http: false,
            authorities: Vec::new(),
        }
    }

    #[test]
    fn the_scope_begins_with_openid_and_has_each_word_once() {
        let scopes = ["profile", "openid", "offline_access", "profile"].map(str::to_owned).to_vec();
        assert_eq!(ClientSettings { scopes, ..settings() }.scope(), "openid profile offline_access");
        assert_eq!(ClientSettings { scopes: Vec::new(), ..settings() }.scope(), "openid");
    }
}
