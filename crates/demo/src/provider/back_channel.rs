//! Ending sessions, and telling the applications (OpenID Connect Back-Channel Logout).

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use url::form_urlencoded;

use super::browsers::Account;
use super::issue::issue;
use super::shape::Shape;
use super::state::State;
use super::tokens::logout_claims;
use crate::people::{Client, Person};

/// How long an application may take to answer.
const DEADLINE: Duration = Duration::from_secs(5);

/// A logout token that was sent, and what came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// Where it went.
    pub uri: String,
    /// The session that it named.
    pub sid: String,
    /// The status of the response, if there was one.
    pub status: Option<u16>,
}

/// Ends the sessions that `ends` chooses, by browser and session, with their refresh tokens if `revoke` says so, and
/// tells the applications.
pub(crate) async fn end_sessions(
    state: &State,
    revoke: bool,
    ends: impl Fn(&str, &Account) -> bool,
) -> (Vec<Account>, Vec<Delivery>) {
    let ended = state.browsers.end(ends);
    let mut deliveries = Vec::new();
    for account in &ended {
        if revoke {
            state.grants.end(&account.login, Some(&account.sid));
        }
        let Some(person) = state.people.iter().find(|person| person.login == account.login) else { continue };
        for (client, shape) in &account.clients {
            deliveries.extend(tell(state, person, *client, *shape, &account.sid).await);
        }
    }
    (ended, deliveries)
}

/// The claims of a logout token for this session of a person.
pub(crate) fn claims(state: &State, person: &Person, client: Client, shape: Shape, sid: &str) -> Value {
    let issuer = shape.issuer_for(&state.issuer, person);
    logout_claims(&issuer, person, client.id, sid, state.clock.now())
}

/// Sends the logout token, if the application has registered where.
async fn tell(state: &State, person: &Person, client: Client, shape: Shape, sid: &str) -> Option<Delivery> {
    let uri = state.clients.of(client.id).backchannel_logout_uri?;
    let fault = state.faults.now().logout_token;
    let token = issue(state, "logout+jwt", claims(state, person, client, shape, sid), &fault, client.secret);
    let status = post(state, &uri, &token).await;
    tracing::debug!(uri, sid, status, "a logout token was sent");
    Some(Delivery { uri, sid: sid.to_owned(), status })
}

/// Posts a logout token (OpenID Connect Back-Channel Logout §2.5).
async fn post(state: &State, uri: &str, token: &str) -> Option<u16> {
    let http = state.http.get_or_init(|| {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        // A gateway on this machine often has a certificate of its own making, and a logout token is no secret.
        client.tls_danger_accept_invalid_certs(true).timeout(DEADLINE).build().ok()
    });
    let body = form_urlencoded::Serializer::new(String::new()).append_pair("logout_token", token).finish();
    let request = http.as_ref()?.post(uri).header("content-type", "application/x-www-form-urlencoded").body(body);
    match request.send().await {
        Ok(response) => Some(response.status().as_u16()),
        Err(error) => {
            tracing::debug!(%error, "a logout token did not arrive");
            None
        }
    }
}
