//! The authorization response, in each of its ways, and wrong if a fault says so.

use http::StatusCode;
use serde_json::json;

use super::answer::{Answer, see_other};
use super::error::OAuthError;
use super::fault_set::{AuthorizeFault, IssFault, Presence};
use super::html::Allowed;
use super::page::PAGES;
use super::request::{ResponseMode, Target};

/// Another issuer, for responses that come from somewhere else.
const FOREIGN_ISSUER: &str = "https://other-issuer.example/";

/// What posts the form of a response without a click. A browser without scripts shows a button.
const POST_AT_ONCE: &str = "document.forms[0].submit()";

/// What an authorization request ends with.
#[derive(Debug)]
pub(crate) enum Outcome {
    Code(String),
    Error(OAuthError),
}

/// Sends the outcome to the application. `issuer` is what `iss` says.
pub(crate) fn respond(target: &Target, outcome: Outcome, issuer: &str, fault: &AuthorizeFault) -> Answer {
    let fields = fields(target, outcome, issuer, fault);
    match target.mode {
        ResponseMode::Query => {
            let mut location = target.redirect_uri.clone();
            location.query_pairs_mut().extend_pairs(&fields);
            see_other(&location)
        }
        ResponseMode::FormPost => {
            let content = json!({ "title": "Back to the application", "address": target.redirect_uri.as_str(), "fields": fields });
            let allowed = Allowed { script: Some(POST_AT_ONCE), ..Allowed::default() };
            PAGES.page_with(StatusCode::OK, "form_post.html", &content, allowed)
        }
    }
}

/// The parameters of the response, in their order.
fn fields(target: &Target, outcome: Outcome, issuer: &str, fault: &AuthorizeFault) -> Vec<(&'static str, String)> {
    let mut fields = match outcome {
        Outcome::Code(code) => vec![("code", code)],
        Outcome::Error(error) => {
            vec![("error", error.code.to_owned()), ("error_description", error.description.to_owned())]
        }
    };
    if let Some(error) = &fault.error {
        if !fault.code_too {
            fields.clear();
        }
        fields.push(("error", error.clone()));
        fields.extend(fault.error_description.iter().map(|description| ("error_description", description.clone())));
    }
    match (&target.state, fault.state) {
        (Some(state), Presence::Right) => fields.push(("state", state.clone())),
        (Some(_), Presence::Wrong) => fields.push(("state", "wrong-state".to_owned())),
        _ => {}
    }
    // RFC 9207 §2: the client can tell which provider answered.
    if target.shape.names_itself() {
        let named: &[&str] = match fault.iss {
            IssFault::Right => &[issuer],
            IssFault::Missing => &[],
            IssFault::Foreign => &[FOREIGN_ISSUER],
            IssFault::Wrong => &[issuer.trim_end_matches('/')],
            IssFault::Twice => &[issuer, issuer],
        };
        fields.extend(named.iter().map(|&issuer| ("iss", issuer.to_owned())));
    }
    if let Some(again) = fields.iter().find(|(name, _)| Some(*name) == fault.repeat.as_deref()).cloned() {
        fields.push(again);
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::PORTAL_CLIENT_ID;
    use crate::provider::clients::Clients;
    use crate::provider::form::Form;
    use crate::provider::shape::Shape;

    fn response(fault: &AuthorizeFault) -> String {
        let query = format!("client_id={PORTAL_CLIENT_ID}&redirect_uri=http://127.0.0.1:9/cb?x=1&state=s");
        let target = Target::parse(&Clients::default(), &Form::parse(query.as_bytes()), Shape::GENERIC).unwrap();
        let answer = respond(&target, Outcome::Code("c".to_owned()), "http://i/", fault);
        answer.headers()["location"].to_str().unwrap().to_owned()
    }

    #[test]
    fn a_response_is_right_unless_a_fault_says_otherwise() {
        let none = AuthorizeFault::default;
        assert_eq!(response(&none()), "http://127.0.0.1:9/cb?x=1&code=c&state=s&iss=http%3A%2F%2Fi%2F");
        let error = Some("access_denied".to_owned());
        for (fault, expected) in [
            (AuthorizeFault { error: error.clone(), ..none() }, "error=access_denied&state=s&iss=http%3A%2F%2Fi%2F"),
            (
                AuthorizeFault { error, code_too: true, state: Presence::Missing, iss: IssFault::Missing, ..none() },
                "code=c&error=access_denied",
            ),
            (AuthorizeFault { iss: IssFault::Wrong, ..none() }, "code=c&state=s&iss=http%3A%2F%2Fi"),
            (
                AuthorizeFault { iss: IssFault::Twice, ..none() },
                "code=c&state=s&iss=http%3A%2F%2Fi%2F&iss=http%3A%2F%2Fi%2F",
            ),
            (
                AuthorizeFault { repeat: Some("state".to_owned()), iss: IssFault::Missing, ..none() },
                "code=c&state=s&state=s",
            ),
        ] {
            assert_eq!(response(&fault), format!("http://127.0.0.1:9/cb?x=1&{expected}"));
        }
    }
}
