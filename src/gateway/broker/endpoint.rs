//! The broker's own endpoints, on a route with `serve: token_broker`:
//!
//! | | |
//! |---|---|
//! | `POST v1/token` | an access token of a consent, for a program that must have one itself |
//! | `GET v1/consents` | how the consents do that the program may use |

use std::sync::Arc;
use std::time::Instant;

use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, PRAGMA};
use http::{HeaderMap, HeaderValue, Method, Response};
use mfa_gateway_wire::Body;
use serde::{Deserialize, Serialize};
use url::form_urlencoded;

use super::fault::ConsentFault;
use super::permission::{Permission, caller, check_mfa};
use super::told::{Way, tell, tell_refusal};
use crate::consent::{CallerSettings, Issued, Kept, TokenError, Wanted};
use crate::gateway::own_response::below;
use crate::gateway::pipeline::Parts;
use crate::gateway::tally::Outcome;
use crate::gateway::whole_body::collect;
use crate::gateway::{Live, Reason, Rejection, forward};

/// How long the body of a question may be.
const MAX_BODY: usize = 16 << 10;

/// What a program asks for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    consent: String,
    #[serde(default)]
    scope: Option<String>,
    /// The resource of Entra's v1 endpoint: its `.default` scope is meant.
    #[serde(default)]
    resource: Option<String>,
    #[serde(default)]
    tenant: Option<String>,
}

/// An access token for a program (RFC 6749 section 5.1, and what the gateway knows of it).
#[derive(Serialize)]
struct Answer<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
    expires_at: String,
    consent: &'a str,
    scope: Option<&'a str>,
    tenant: Option<&'a str>,
    mfa: Option<bool>,
    amr: &'a [String],
}

/// How the consents do that a program may use.
#[derive(Serialize)]
struct Consents {
    consents: Vec<Kept>,
}

/// Responds to a permitted request.
pub(in crate::gateway) async fn respond(mut parts: Parts) -> Result<Response<Body>, Rejection> {
    let (route, live, proof) = (Arc::clone(&parts.route), Arc::clone(&parts.exchange.live), parts.proof.clone());
    let rejected = |reason| Rejection::new(reason).on(Arc::clone(&route)).with_proof(proof.clone());
    let caller = caller(&live, proof.as_deref()).map_err(rejected)?;
    let method = parts.exchange.request.method().clone();
    let path = below(&route, parts.exchange.request.uri().path()).to_owned();
    let body = match (path.as_str(), &method) {
        ("v1/token", &Method::POST) => {
            let question = read(&mut parts).await.map_err(rejected)?;
            let (consent, wanted) = question.into_parts().map_err(rejected)?;
            let permission = Permission::of(&live, caller, &consent, wanted).and_then(Permission::handed_out);
            let permission = permission
                .inspect_err(|reason| tell_refusal(&parts, &consent, reason, Way::HandedOut))
                .map_err(rejected)?;
            let keeper = permission.keeper;
            let issued = keeper.token(&permission.wanted, &permission.caller.name).await;
            tell(&parts, &permission, issued.as_ref(), Way::HandedOut);
            let issued = issued.map_err(|error| rejected(ConsentFault::token(keeper, &error).into()))?;
            check_mfa(&route, keeper, &issued).map_err(rejected)?;
            answer(&live, &permission, &issued)
        }
        ("v1/consents", &Method::GET | &Method::HEAD) => {
            consents(&live, caller).await.map_err(|fault| rejected(fault.into()))?
        }
        ("v1/token", _) => return Err(rejected(Reason::MethodNotAllowed(vec![Method::POST]))),
        ("v1/consents", _) => return Err(rejected(Reason::MethodNotAllowed(vec![Method::GET, Method::HEAD]))),
        _ => return Err(rejected(Reason::NotFound)),
    };
    let mut response = Response::new(Body::empty());
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // RFC 6749 section 5.1.
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    fields.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    if method == Method::HEAD {
        fields.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    } else {
        *response.body_mut() = Body::full(body);
    }
    forward::finish_response(&mut response, &route, &live, None);
    let outcome = Outcome::permitted(Arc::clone(&route), parts.grounds, proof.as_deref(), Instant::now());
    Ok(response.map(|body| body.carrying(outcome)))
}

/// Reads what a program asks for: JSON, or a form.
async fn read(parts: &mut Parts) -> Result<Question, Reason> {
    let patience = parts.exchange.live.edge.body_timeout;
    let request = &mut parts.exchange.request;
    let is_form = is_form(request.headers());
    let body = collect(std::mem::take(request.body_mut()), patience, MAX_BODY).await?;
    if is_form { Question::of_form(&body) } else { Question::of_json(&body) }
}

fn is_form(fields: &HeaderMap) -> bool {
    let kind = fields.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

impl Question {
    fn of_json(body: &[u8]) -> Result<Self, Reason> {
        serde_json::from_slice(body)
            .map_err(|_| ConsentFault::question("isn't JSON with the known members, each once").into())
    }

    /// Of a form, each member counts once, as in JSON.
    fn of_form(body: &[u8]) -> Result<Self, Reason> {
        let mut question = Self::default();
        let mut seen = Vec::new();
        for (name, value) in form_urlencoded::parse(body) {
            let value = value.into_owned();
            match &*name {
                _ if seen.contains(&name) => return Err(ConsentFault::question("has a member twice").into()),
                "consent" => question.consent = value,
                "scope" => question.scope = Some(value),
                "resource" => question.resource = Some(value),
                "tenant" => question.tenant = Some(value),
                // PowerShell and OAuth's own clients send it.
                "grant_type" => {}
                _ => return Err(ConsentFault::question("has an unknown member").into()),
            }
            seen.push(name);
        }
        Ok(question)
    }

    /// The consent's name, and what is wanted of it.
    fn into_parts(self) -> Result<(String, Wanted), Reason> {
        if self.consent.is_empty() {
            return Err(ConsentFault::question("names no `consent`").into());
        }
        let scope = match (self.scope, self.resource) {
            (Some(_), Some(_)) => return Err(ConsentFault::question("has both `scope` and `resource`").into()),
            (None, Some(resource)) => Some(format!("{resource}/.default")),
            (scope, None) => scope,
        };
        Ok((self.consent, Wanted { tenant: self.tenant, scope }))
    }
}

fn answer(live: &Live, permission: &Permission<'_>, issued: &Issued) -> Vec<u8> {
    let settings = permission.keeper.settings();
    let wanted = &permission.wanted;
    let answer = Answer {
        access_token: issued.access_token(),
        token_type: "Bearer",
        expires_in: issued.expires.since(live.clock.now()).as_secs(),
        expires_at: issued.expires.to_rfc3339(),
        consent: &settings.name,
        scope: wanted.scope.as_deref().or(settings.scope.as_deref()),
        tenant: issued.tenant.as_deref().or(wanted.tenant.as_deref()).or(settings.tenant.as_deref()),
        mfa: issued.mfa,
        amr: &issued.amr,
    };
    serde_json::to_vec(&answer).unwrap_or_default()
}

/// How the consents of a program do.
async fn consents(live: &Live, caller: &CallerSettings) -> Result<Vec<u8>, ConsentFault> {
    let mut consents = Vec::new();
    for keeper in live.keepers.iter().filter(|keeper| caller.consents.contains(&keeper.settings().name)) {
        consents.push(keeper.kept().await.map_err(|_| ConsentFault::token(keeper, &TokenError::Store))?);
    }
    Ok(serde_json::to_vec(&Consents { consents }).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(tenant: Option<&str>, scope: Option<&str>) -> (String, Wanted) {
        let [tenant, scope] = [tenant, scope].map(|text| text.map(str::to_owned));
        ("nightly".to_owned(), Wanted { tenant, scope })
    }

    #[test]
    fn json_and_a_form_ask_for_the_same() {
        let json = |text: &str| Question::of_json(text.as_bytes()).and_then(Question::into_parts);
        let form = |text: &str| Question::of_form(text.as_bytes()).and_then(Question::into_parts);
        let both = Ok(wanted(Some("t"), Some("a/.default")));
        assert_eq!(json(r#"{"consent":"nightly"}"#), Ok(wanted(None, None)));
        assert_eq!(json(r#"{"consent":"nightly","tenant":"t","scope":"a/.default"}"#), both);
        assert_eq!(json(r#"{"consent":"nightly","tenant":"t","resource":"a"}"#), both);
        assert_eq!(form("consent=nightly"), Ok(wanted(None, None)));
        assert_eq!(form("grant_type=x&consent=nightly&tenant=t&resource=a"), both);
    }

    #[test]
    fn what_could_be_meant_in_two_ways_is_refused() {
        for odd in [
            "",
            "[]",
            "{}",
            r#"{"consent":""}"#,
            r#"{"consent":"a","consent":"b"}"#,
            r#"{"consent":"a","tenants":"b"}"#,
            r#"{"consent":"a","scope":"x","resource":"y"}"#,
            r#"{"consent":7}"#,
        ] {
            assert!(Question::of_json(odd.as_bytes()).and_then(Question::into_parts).is_err(), "{odd}");
        }
        for odd in ["", "consent=a&consent=b", "consent=a&tenants=b", "consent=a&scope=x&resource=y", "tenant=t"] {
            assert!(Question::of_form(odd.as_bytes()).and_then(Question::into_parts).is_err(), "{odd}");
        }
    }
}
