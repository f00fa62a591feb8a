//! How a person gives a consent in an operator's browser. That person need not be the operator who is signed in here.
//!
//! The consent under way is bound to the browser by a cookie that holds it, sealed: what comes back counts in no other
//! browser, and once.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use serde::Serialize;

use super::consents::{PATH, address, unknown};
use super::form::Form;
use super::frame::{Frame, Tab};
use super::who::Who;
use crate::admin::consents::{find, finish_as, sentence};
use crate::admin::context::Admin;
use crate::consent::{GiveError, Given};
use crate::pages::short;

/// The cookie of the consent under way: no other host sets one of this prefix (RFC 6265bis section 4.1.3).
const NAME: &str = "__Host-consent";

/// As long as the consent under way is good for, in seconds.
const MAX_AGE: u32 = 900;

#[derive(Serialize)]
struct Go {
    name: String,
    url: String,
    user: Option<String>,
    tenant: Option<String>,
    redirect_uri: String,
}

#[derive(Serialize)]
struct Outcome<'r> {
    name: &'r str,
    display: String,
    user: String,
    tenant: String,
    warnings: Vec<String>,
}

/// Begins a consent. A page leads to the issuer: a policy of this site's keeps forms from going anywhere else.
pub(super) async fn give(State(admin): State<Arc<Admin>>, form: Form) -> Response {
    let frame = Frame::new(&admin, &form.who, Tab::Consents);
    let Some(keeper) = find(&admin, form.field("consent")) else { return unknown(&frame) };
    let Some(redirect_uri) = address(&admin) else {
        let description = "Operators sign in with no browser here, so that none can come back.";
        let remedy = "Use `mfa-gateway consents give`, or set `admin.authentication.sign_in`.";
        return frame.message(StatusCode::CONFLICT, description, remedy, PATH);
    };
    let begun = match keeper.begin(&redirect_uri, form.who.name()).await {
        Ok(begun) => begun,
        Err(error) => return not_given(&frame, &error),
    };
    let settings = keeper.settings();
    let text = |text: &String| short(text).into_owned();
    let go = Go {
        name: text(&settings.name),
        url: begun.url.into(),
        user: settings.user.as_ref().map(text),
        tenant: settings.tenant.as_ref().map(text),
        redirect_uri,
    };
    let value = format!("{}.{}", begun.transaction, settings.name);
    with_cookie(frame.respond(StatusCode::OK, "Give a consent", "consent_go.html", go), &value, MAX_AGE)
}

/// Takes what the browser brings back from the issuer.
pub(super) async fn back(State(admin): State<Arc<Admin>>, who: Who, headers: HeaderMap, uri: Uri) -> Response {
    let frame = Frame::new(&admin, &who, Tab::Consents);
    let Some((transaction, name)) = under_way(&headers) else { return not_given(&frame, &GiveError::Foreign) };
    let Some(keeper) = find(&admin, name) else { return unknown(&frame) };
    let query = uri.query().unwrap_or_default();
    let response = match finish_as(who.name(), &keeper, transaction, query.as_bytes()).await {
        Ok(given) => frame.respond(StatusCode::OK, "Consent given", "consent_given.html", Outcome::of(name, &given)),
        Err(error @ (GiveError::Foreign | GiveError::Malformed(_))) => {
            // Not of the consent that is under way in this browser: that one goes on.
            return not_given(&frame, &error);
        }
        Err(error) => not_given(&frame, &error),
    };
    with_cookie(response, "", 0)
}

/// The consent under way in this browser: its transaction, and its name.
fn under_way(headers: &HeaderMap) -> Option<(&str, &str)> {
    let fields = headers.get_all(COOKIE).into_iter().filter_map(|field| field.to_str().ok());
    let mut values = fields
        .flat_map(|field| field.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == NAME)
        .map(|(_, value)| value);
    // A second one is somebody else's.
    values.next().filter(|_| values.next().is_none())?.split_once('.')
}

fn not_given(frame: &Frame<'_>, error: &GiveError) -> Response {
    let status = if error.is_passing() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::CONFLICT };
    let description = format!("{} ({})", sentence(&error.to_string()), error.code());
    frame.message(status, &description, error.remedy(), PATH)
}

fn with_cookie(mut response: Response, value: &str, max_age: u32) -> Response {
    let text = format!("{NAME}={value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={max_age}");
    if let Ok(field) = HeaderValue::try_from(text) {
        response.headers_mut().append(SET_COOKIE, field);
    }
    response
}

impl<'r> Outcome<'r> {
    fn of(name: &'r str, given: &Given) -> Self {
        let text = |text: &str| short(text).into_owned();
        Self {
            name,
            display: text(&given.display),
            user: text(&given.user),
            tenant: text(&given.tenant),
            warnings: given.warnings.iter().map(|warning| sentence(warning)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_cookie_of_the_very_name_is_a_consent_under_way() {
        let under_way = |fields: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for field in fields {
                headers.append(COOKIE, HeaderValue::from_static(field));
            }
            under_way(&headers).map(|(transaction, name)| (transaction.to_owned(), name.to_owned()))
        };
        let found = Some(("abc".to_owned(), "nightly.v2".to_owned()));
        assert_eq!(under_way(&["a=b; __Host-consent=abc.nightly.v2; c=d"]), found);
        for none in [
            &["__Host-consent=abc"][..],
            &["consent=abc.nightly"],
            &["__host-consent=abc.nightly"],
            &["__Host-consent=abc.nightly; __Host-consent=abd.nightly"],
            &["__Host-consent=abc.nightly", "__Host-consent=abd.nightly"],
            &[],
        ] {
            assert_eq!(under_way(none), None, "{none:?}");
        }
    }
}
