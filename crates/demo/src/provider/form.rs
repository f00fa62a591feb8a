//! Parameters of a request, read as OAuth wants them read.

use std::collections::BTreeSet;
use std::time::Duration;

use http::Request;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use url::form_urlencoded;

use super::error::OAuthError;

const MAX_BODY: usize = 64 * 1024;
const MAX_VALUE: usize = 4 * 1024;
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// How a scope of Entra's v2 manner ends; what stands before is the audience.
const RESOURCE_SCOPES: [&str; 2] = ["/.default", "/user_impersonation"];
const FORM: &str = "application/x-www-form-urlencoded";

/// The parameters of one request.
#[derive(Debug, Default)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a query or a form body; a parameter without a value counts as omitted (RFC 6749 §3.1).
    pub(crate) fn parse(text: &[u8]) -> Self {
        let given = form_urlencoded::parse(text).into_owned();
        Self(given.filter(|(_, value)| !value.is_empty()).collect())
    }

    /// Reads the body of a request.
    pub(crate) async fn read(request: Request<Incoming>) -> Result<Self, OAuthError> {
        let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        let essence = content_type.split(';').next().unwrap_or("").trim();
        if !essence.eq_ignore_ascii_case(FORM) {
            return Err(OAuthError::invalid_request("the body must be application/x-www-form-urlencoded"));
        }
        let body = Limited::new(request.into_body(), MAX_BODY).collect();
        match tokio::time::timeout(BODY_TIMEOUT, body).await {
            Ok(Ok(body)) => Ok(Self::parse(&body.to_bytes())),
            Ok(Err(_)) => Err(OAuthError::invalid_request("the body is larger than 64 KiB or incomplete")),
            Err(_) => Err(OAuthError::invalid_request("the body took too long")),
        }
    }

    /// The value of a parameter that is given exactly once.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(given, _)| given == name);
        let (_, value) = values.next()?;
        values.next().is_none().then_some(value)
    }

    /// The value of a parameter that must be there.
    pub(crate) fn need(&self, name: &str, otherwise: &'static str) -> Result<&str, OAuthError> {
        self.get(name).ok_or(OAuthError::invalid_request(otherwise))
    }

    /// Refuses repeated parameters (RFC 6749 §3.1 and §3.2) and values beyond reason.
    pub(crate) fn sound(&self) -> Result<(), OAuthError> {
        let mut names = BTreeSet::new();
        if !self.0.iter().all(|(name, _)| names.insert(name)) {
            return Err(OAuthError::invalid_request("a parameter is repeated"));
        }
        if self.0.iter().any(|(_, value)| value.len() > MAX_VALUE) {
            return Err(OAuthError::invalid_request("a parameter is longer than 4 KiB"));
        }
        Ok(())
    }

    /// The words of a space-separated parameter.
    pub(crate) fn words(&self, name: &str) -> impl Iterator<Item = &str> {
        self.get(name).unwrap_or("").split(' ').filter(|word| !word.is_empty())
    }

    /// The audience that is asked for: by `resource` (RFC 8707 §2), by `audience`, or in Entra's v2 manner by a
    /// scope such as `https://api.example/.default`.
    pub(crate) fn audience(&self) -> Option<&str> {
        let of_scope = |scope| RESOURCE_SCOPES.iter().find_map(|end| str::strip_suffix(scope, end));
        let named = self.get("resource").or_else(|| self.get("audience"));
        named.or_else(|| self.words("scope").filter(|scope| scope.contains("://")).find_map(of_scope))
    }

    /// All parameters, in their order.
    pub(crate) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_parameter_has_no_value_and_is_refused() {
        let form = Form::parse(b"a=1&b=2&a=3");
        assert_eq!(form.get("a"), None);
        assert_eq!(form.get("b"), Some("2"));
        assert!(form.sound().is_err());
        assert!(Form::parse(b"a=1&b=2&c=").sound().is_ok());
    }

    #[test]
    fn the_audience_comes_from_resource_audience_or_scope() {
        let audience = |query: &str| Form::parse(query.as_bytes()).audience().map(str::to_owned);
        assert_eq!(audience("resource=https://a&scope=https://b/.default").as_deref(), Some("https://a"));
        assert_eq!(audience("audience=https://a").as_deref(), Some("https://a"));
        assert_eq!(audience("scope=openid+https://b/user_impersonation").as_deref(), Some("https://b"));
        assert_eq!(audience("scope=openid"), None);
    }
}
