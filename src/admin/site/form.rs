//! Forms: bounded in size and time, and of a page of this session.
//!
//! Browsers send cookies with forms of any page. The entrance has refused those of other origins; the sealed field is a
//! second proof, which no other page can make or read. A request with a token needs none: browsers don't add tokens.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::frame::{Frame, Tab};
use super::who::Who;
use crate::admin::context::Admin;

/// How long a form may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The longest form.
const MAX: usize = 128 << 10;

/// The field of the proof.
pub(super) const PROOF: &str = "proof";

/// A form that an operator has sent.
#[derive(Debug)]
pub(super) struct Form {
    pub(super) who: Who,
    fields: Vec<(String, String)>,
}

impl FromRequest<Arc<Admin>> for Form {
    type Rejection = Response;

    async fn from_request(request: Request, admin: &Arc<Admin>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let Ok(who) = Who::from_request_parts(&mut parts, admin).await;
        if !is_form(&parts.headers) {
            return Err(refused(admin, &who, StatusCode::UNSUPPORTED_MEDIA_TYPE, "This is not a form of this site."));
        }
        let limit = MAX + admin.state.load().config.token_bytes;
        let text = match tokio::time::timeout(TIMEOUT, Limited::new(body, limit).collect()).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                return Err(refused(admin, &who, StatusCode::PAYLOAD_TOO_LARGE, "The form is too long."));
            }
            Ok(Err(_)) | Err(_) => {
                return Err(refused(admin, &who, StatusCode::REQUEST_TIMEOUT, "The form did not arrive."));
            }
        };
        let form = Self { fields: fields(&text), who };
        if !is_proven(&form.who, form.field(PROOF)) {
            return Err(unproven(admin, &form.who));
        }
        Ok(form)
    }
}

impl Form {
    /// The value of a field that stands there once; empty if it is absent or repeated.
    pub(super) fn field(&self, name: &str) -> &str {
        let mut values = self.fields.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
        values.next().filter(|_| values.next().is_none()).unwrap_or_default()
    }
}

/// Whether a form is of a page of this session, by its field.
pub(super) fn is_proven(who: &Who, proof: &str) -> bool {
    who.signed_in().is_none_or(|signed_in| signed_in.proves(proof))
}

/// The page for a form that isn't.
pub(super) fn unproven(admin: &Admin, who: &Who) -> Response {
    refused(admin, who, StatusCode::FORBIDDEN, "The form is not of a page of this session. Open the page again.")
}

fn refused(admin: &Admin, who: &Who, status: StatusCode, description: &str) -> Response {
    Frame::new(admin, who, Tab::Overview).message(status, description, "Nothing has changed.", "/").into_response()
}

fn is_form(headers: &HeaderMap) -> bool {
    let media = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    media.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

fn fields(text: &Bytes) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}
