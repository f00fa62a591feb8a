//! The end of an issuer's session (OpenID Connect RP-Initiated Logout 1.0).

use std::fmt;

use mfa_gateway_keys::Metadata;
use url::Url;

use super::request::with_query;

/// What a browser takes to the issuer to sign out there (section 2).
#[derive(Clone, Copy)]
pub struct EndSession<'e> {
    /// The client's id.
    pub client_id: &'e str,
    /// The ID token of the session, so that the issuer knows which one ends, and needn't ask.
    pub id_token_hint: Option<&'e str>,
    /// Who signs out: Entra's claim `login_hint`.
    pub logout_hint: Option<&'e str>,
    /// Where the issuer sends the browser back to: registered there.
    pub post_logout_redirect_uri: &'e str,
    /// What it brings back.
    pub state: Option<&'e str>,
}

impl fmt::Debug for EndSession<'_> {
    /// Without the token and the user.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndSession").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

/// The longest ID token that is sent where a `logout_hint` says the same: with two hundred groups in it, the address would be
/// longer than many servers read.
const MAX_HINT: usize = 6000;

/// Where a browser signs out of the issuer; `None` if the issuer has no such place.
#[must_use]
pub fn end_session_url(metadata: &Metadata, request: &EndSession<'_>) -> Option<Url> {
    let endpoint = metadata.end_session_endpoint().ok()?;
    let id_token_hint = request.id_token_hint.filter(|token| token.len() <= MAX_HINT || request.logout_hint.is_none());
    let all = [
        ("client_id", Some(request.client_id)),
        ("post_logout_redirect_uri", Some(request.post_logout_redirect_uri)),
        ("state", request.state),
        ("logout_hint", request.logout_hint),
        ("id_token_hint", id_token_hint),
    ];
    let given: Vec<_> =
        all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect();
    Some(with_query(endpoint, &given))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_sign_out_says_whose_session_ends_and_where_to_go_afterwards() {
        let document = json!({"end_session_endpoint": "https://idp.example/logout?x=1"}).to_string();
        let metadata = Metadata::parse(document.as_bytes(), "https://idp.example/");
        let request = EndSession {
            client_id: "gateway",
            id_token_hint: Some("a.b.c"),
            logout_hint: None,
            post_logout_redirect_uri: "https://portal.example/out",
            state: Some("s&t"),
        };
        let url = end_session_url(&metadata, &request).unwrap();
        let query = "x=1&client_id=gateway&post_logout_redirect_uri=https%3A%2F%2Fportal.example%2Fout&state=s%26t\
                     &id_token_hint=a.b.c";
        assert_eq!(url.as_str(), format!("https://idp.example/logout?{query}"));
        let long = "x".repeat(MAX_HINT + 1);
        let has_token = |logout_hint| {
            let request = EndSession { id_token_hint: Some(&long), logout_hint, ..request };
            end_session_url(&metadata, &request).unwrap().query().unwrap().contains("id_token_hint")
        };
        assert!(has_token(None) && !has_token(Some("h")));
        assert!(end_session_url(&Metadata::parse(b"{}", "https://idp.example/"), &request).is_none());
        assert!(!format!("{request:?}").contains("a.b.c"));
    }
}
