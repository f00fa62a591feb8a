//! The bodies that operators post: JSON, bounded in size and time.

use std::sync::Arc;
use std::time::Duration;

use aide::generate::GenContext;
use aide::openapi::{self, Operation, RequestBody};
use aide::operation::set_body;
use aide::{OperationInput, OperationOutput};
use axum::body::HttpBody;
use axum::extract::{FromRequest, Request};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::context::Admin;
use super::described;
use super::refused::Refused;
use crate::gateway::{Notice, Reason};

/// How long a body may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

const NOT_JSON: Notice = Notice {
    status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
    code: "unsupported_media_type",
    description: "The request's Content-Type is not JSON.",
    remedy: "Send `Content-Type: application/json`.",
};

const TOO_LARGE: Notice = Notice {
    status: StatusCode::PAYLOAD_TOO_LARGE,
    code: "body_too_large",
    description: "The body is too large.",
    remedy: "Send less: the remedy of `malformed_request` says what a body has.",
};

/// What an operator posts.
pub(super) trait Question: DeserializeOwned {
    /// The refusal of another body.
    const UNREADABLE: &'static Notice;

    /// How much a body may have besides a token, in bytes.
    const BESIDES: usize = 64 << 10;

    /// Whether what it says can be meant.
    fn is_sound(&self) -> bool {
        true
    }
}

/// What a JSON body says. Nothing of the body is repeated in a refusal: a token is in it.
#[derive(Debug)]
pub(super) struct Posted<T>(pub(super) T);

impl<T: Question> FromRequest<Arc<Admin>> for Posted<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, admin: &Arc<Admin>) -> Result<Self, Refused> {
        let media_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case("application/json") {
            return Err((&NOT_JSON).into());
        }
        let limit = admin.state.load().config.token_bytes + T::BESIDES;
        // What announces its length is refused before it is sent.
        if request.body().size_hint().lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
            return Err((&TOO_LARGE).into());
        }
        let body = Limited::new(request.into_body(), limit).collect();
        let body = match tokio::time::timeout(BODY_TIMEOUT, body).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) if error.is::<LengthLimitError>() => return Err((&TOO_LARGE).into()),
            Ok(Err(_)) | Err(_) => return Err(Reason::BodyIncomplete.into()),
        };
        let read = serde_json::from_slice::<T>(&body).ok().filter(T::is_sound);
        read.map(Self).ok_or_else(|| T::UNREADABLE.into())
    }
}

impl<T: JsonSchema> OperationInput for Posted<T> {
    fn operation_input(context: &mut GenContext, operation: &mut Operation) {
        let json = described::content(described::read::<T>(&mut context.schema));
        let kinds = [("application/json".to_owned(), json)].into_iter().collect();
        set_body(context, operation, RequestBody { content: kinds, required: true, ..RequestBody::default() });
    }

    fn inferred_early_responses(
        context: &mut GenContext,
        operation: &mut Operation,
    ) -> Vec<(Option<openapi::StatusCode>, openapi::Response)> {
        let refused = |code| Some((Some(code), Refused::operation_response(context, operation)?));
        [400, 408, 413, 415].map(openapi::StatusCode::Code).into_iter().filter_map(refused).collect()
    }
}
