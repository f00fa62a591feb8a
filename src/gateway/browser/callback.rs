//! The callback: where the issuer sends a browser back to.

use http::header::{HeaderValue, SET_COOKIE};
use http::{Method, Response};
use mfa_gateway_core::policy::{Decision, Denial, Evidence, Proof, Requirement, Rule, decide};
use mfa_gateway_layer::ClientVerifyError;
use mfa_gateway_store::StoreError;
use mfa_gateway_wire::Body;

use super::again::Again;
use super::own_request::OwnRequest;
use super::start::{add, see_other};
use crate::gateway::Live;
use crate::oidc::TokenEndpointError;
use crate::pages::{Action, Does, Failure, FailureKind, Kind, Outage};
use crate::session::{Arrival, Finished, Transaction, Unfinished, Wanted, clear_cookie, set_cookie};

/// How soon after a sign-in the next one counts as a round of a loop.
const ROUND_SECONDS: u64 = 20;

/// Responds to a callback: with the page that the browser wanted, by 303, or with a page that says why not.
pub(super) async fn respond(request: OwnRequest<'_>) -> Response<Body> {
    let (door, live) = (request.door, request.live);
    let parameters = match &request.form {
        Some(form) => form.as_ref(),
        None => request.query.as_bytes(),
    };
    // The cookies of the sign-in don't come with a form that another site sends; they come with the redirect.
    if *request.method == Method::POST && request.cookies.attempts.is_empty() {
        let query = std::str::from_utf8(parameters).unwrap_or_default();
        return see_other(&[&door.sign_in.settings().callback, "?", query].concat());
    }
    let judge = |proof: &Proof, wanted| judge(live, proof, wanted);
    let arrival = door.sign_in.finish(parameters, request.cookies, &judge).await;
    let result = match &arrival.outcome {
        Ok(Finished { short: None, .. }) => "ok",
        Ok(_) => "without_mfa",
        Err(error) => result(error),
    };
    door.sign_in.sessions().tell_sign_in(result, arrival.transaction.as_ref().is_some_and(|one| one.wanted.asks()));
    let mut response = match &arrival.outcome {
        Ok(finished) => signed_in(&request, finished, arrival.transaction.as_ref()),
        Err(error) => failed(&request, &arrival, error),
    };
    // A damaged response may be followed by the right one.
    let is_unread = matches!(&arrival.outcome, Err(Unfinished::Malformed(error)) if error.is_unread());
    if let Some(transaction) = arrival.transaction.as_ref().filter(|_| !is_unread) {
        let name = transaction.cookie_name(&door.sign_in.settings().cookie);
        add(response.headers_mut(), clear_cookie(&name));
    }
    response
}

/// What is missing in what came back, by the one decision.
fn judge(live: &Live, proof: &Proof, wanted: Wanted) -> Option<Denial> {
    let max_age = wanted.max_age.map(std::time::Duration::from_secs);
    let rule = Rule::from(Requirement::Mfa { max_age });
    let evidence = Evidence::Token(std::sync::Arc::new(proof.clone()));
    match decide(&rule, &evidence, &live.judge.waivers, live.clock.now()) {
        Decision::Deny(denial) => Some(denial),
        Decision::Permit(_) => None,
    }
}

/// Leads to the page that the browser wanted. If something is still missing, that page says so: the session's cookie notes
/// that it was tried, so that there is no second trip.
fn signed_in(request: &OwnRequest<'_>, finished: &Finished, transaction: Option<&Transaction>) -> Response<Body> {
    let settings = request.door.sign_in.settings();
    let mut response = see_other(finished.return_path.as_str());
    add(response.headers_mut(), set_cookie(settings.cookie.session(), &finished.cookie, None));
    if let Some(rounds) = transaction.map(|transaction| transaction.rounds).filter(|rounds| *rounds > 0) {
        let rounds = rounds.to_string();
        add(response.headers_mut(), set_cookie(&settings.cookie.rounds(), &rounds, Some(ROUND_SECONDS)));
    }
    response
}

fn failed(request: &OwnRequest<'_>, arrival: &Arrival, error: &Unfinished) -> Response<Body> {
    let door = request.door;
    let reason = mfa_gateway_core::chain(error);
    let request_id = request.request_id.to_str().unwrap_or_default();
    tracing::info!(request_id, sign_in = %door.sign_in.settings().name, reason, "a sign-in did not end in a session");
    let signed_in = arrival.before.is_some();
    let return_path = arrival.transaction.as_ref().map(|transaction| transaction.return_path.clone());
    if let (Unfinished::Repeated(path), true) = (error, signed_in) {
        return see_other(path.as_str());
    }
    let again = Again {
        return_path: return_path.unwrap_or_else(|| "/".to_owned()),
        wanted: arrival.transaction.as_ref().map(|transaction| transaction.wanted).unwrap_or_default(),
        another_account: false,
        at: request.live.clock.now().as_millis(),
    };
    let person = arrival.before.as_ref().and_then(|session| door.sign_in.person(&session.record));
    let mut page = request.page(kind(error, person.as_deref()));
    if again.wanted.mfa && matches!(page.kind, Kind::SignInFailed(_)) {
        page = page.without_mfa();
    }
    let does = if matches!(error, Unfinished::AnotherUser(_)) { Does::SignIn } else { Does::TryAgain };
    page = page.with(Action::link(does, again.link(door)));
    if !signed_in || matches!(error, Unfinished::AnotherUser(_)) {
        page = page.with(Action::link(Does::AnotherAccount, Again { another_account: true, ..again }.link(door)));
    }
    if !matches!(error, Unfinished::AnotherUser(_)) {
        page = page.of(person.as_deref());
        if signed_in {
            page = page.with(Action::link(Does::SignOut, door.path("sign-out")));
        }
    }
    let mut response = request.respond(&page);
    match error {
        Unfinished::AnotherUser(_) => {
            add(response.headers_mut(), clear_cookie(door.sign_in.settings().cookie.session()));
        }
        // Nobody is sent on a second trip by himself.
        _ => note_in_vain(request, arrival, page.code, &mut response),
    }
    response
}

/// Notes in the session's cookie that a step-up, or a sign-in to a tenant, was tried.
fn note_in_vain(request: &OwnRequest<'_>, arrival: &Arrival, came: &str, response: &mut Response<Body>) {
    let (Some(transaction), Some(session)) = (&arrival.transaction, &arrival.before) else { return };
    if !transaction.wanted.is_any() {
        return;
    }
    let sign_in = &request.door.sign_in;
    let value: Option<HeaderValue> = sign_in
        .note_tried(session, transaction.wanted, came)
        .and_then(|value| set_cookie(sign_in.settings().cookie.session(), &value, None));
    if let Some(value) = value {
        response.headers_mut().append(SET_COOKIE, value);
    }
}

fn kind(error: &Unfinished, before: Option<&str>) -> Kind {
    let failed = |kind: FailureKind| Kind::SignInFailed(Failure::from(kind));
    match error {
        Unfinished::Malformed(_) => failed(FailureKind::InvalidResponse),
        Unfinished::Foreign | Unfinished::Repeated(_) => Kind::SignInExpired,
        Unfinished::Reported(error) => Kind::SignInFailed(Failure::reported(&error.code, error.number)),
        Unfinished::NoTokens(error) => failed(of_token_endpoint(error)),
        Unfinished::IdToken(error) => match error {
            ClientVerifyError::KeysUnavailable => failed(FailureKind::Unreachable),
            ClientVerifyError::Invalid(error) if error.is_late() => failed(FailureKind::ExpiredIdToken),
            ClientVerifyError::Invalid(_) => failed(FailureKind::InvalidIdToken),
        },
        Unfinished::AnotherUser(_) => Kind::AnotherUser { before: before.map(str::to_owned) },
        Unfinished::AnotherTenant => failed(FailureKind::WrongTenant),
        Unfinished::NoMetadata => failed(FailureKind::Unreachable),
        // A claim that no database takes: nothing is wrong with the store.
        Unfinished::Store(StoreError::Invalid(_)) | Unfinished::TooLong => failed(FailureKind::InvalidIdToken),
        Unfinished::Store(_) | Unfinished::NoRandom(_) => Kind::Unavailable(Outage::Store, 5),
    }
}

fn of_token_endpoint(error: &TokenEndpointError) -> FailureKind {
    if error.is_invalid_grant() {
        FailureKind::CodeRejected
    } else if error.is_invalid_client() {
        FailureKind::ClientRejected
    } else {
        FailureKind::Unreachable
    }
}

/// The word for it in metrics.
fn result(error: &Unfinished) -> &'static str {
    match error {
        Unfinished::Malformed(_) => "malformed",
        Unfinished::Foreign => "foreign",
        Unfinished::Repeated(_) => "repeated",
        Unfinished::Reported(_) => "issuer_error",
        Unfinished::NoTokens(_) | Unfinished::NoMetadata => "issuer_unavailable",
        Unfinished::IdToken(_) | Unfinished::TooLong | Unfinished::Store(StoreError::Invalid(_)) => "invalid_id_token",
        Unfinished::AnotherUser(_) => "another_user",
        Unfinished::AnotherTenant => "another_tenant",
        Unfinished::Store(_) | Unfinished::NoRandom(_) => "store_unavailable",
    }
}
