//! The steps of an exception.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use http::StatusCode;

use super::path::ExceptionPath;
use super::{exceptions, refused};
use crate::admin::context::Admin;
use crate::admin::posted::{Posted, Question};
use crate::admin::refused::Refused;
use crate::admin::respond::Json;
use crate::exceptions::{Actor, Answer, Detail, RequestForm, StepForm};
use crate::gateway::Notice;

const NO_REQUEST: Notice = Notice {
    status: StatusCode::BAD_REQUEST,
    code: "malformed_request",
    description: "The body is not a request for an exception.",
    remedy: "Send JSON with `ground`, `owner`, `reason`, `ends`, one of `application` and `user`, and the evidence, as docs/exceptions.md has it. Files are base64.",
};

const NO_STEP: Notice = Notice {
    status: StatusCode::BAD_REQUEST,
    code: "malformed_request",
    description: "The body does not say why this step is made.",
    remedy: r#"Send `{"reason": "…"}`, and the `version` that was read if it must still be that one."#,
};

impl Question for RequestForm {
    const UNREADABLE: &'static Notice = &NO_REQUEST;
    /// Five files of 1 MiB in base64.
    const BESIDES: usize = 7 << 20;
}

impl Question for StepForm {
    const UNREADABLE: &'static Notice = &NO_STEP;
}

/// Asks for an exception.
pub(in crate::admin) async fn request(
    State(admin): State<Arc<Admin>>,
    Extension(actor): Extension<Actor>,
    Posted(form): Posted<RequestForm>,
) -> Result<Json<Detail>, Refused> {
    let (exceptions, live) = (exceptions(&admin)?, admin.live.load_full());
    exceptions.request(&actor, &form, &live).await.map(Json).map_err(|refusal| refused(refusal, &actor))
}

async fn answer(
    admin: &Admin,
    actor: &Actor,
    id: &str,
    answer: Answer,
    form: &StepForm,
) -> Result<Json<Detail>, Refused> {
    let (exceptions, live) = (exceptions(admin)?, admin.live.load_full());
    let configured = &live.judge.waivers.exceptions;
    let made = exceptions.answer(actor, id, answer, form, configured).await;
    made.map(Json).map_err(|refusal| refused(refusal, actor))
}

/// Grants a request.
pub(in crate::admin) async fn approve(
    State(admin): State<Arc<Admin>>,
    Extension(actor): Extension<Actor>,
    ExceptionPath { id }: ExceptionPath,
    Posted(form): Posted<StepForm>,
) -> Result<Json<Detail>, Refused> {
    answer(&admin, &actor, &id, Answer::Approve, &form).await
}

/// Doesn't grant a request.
pub(in crate::admin) async fn reject(
    State(admin): State<Arc<Admin>>,
    Extension(actor): Extension<Actor>,
    ExceptionPath { id }: ExceptionPath,
    Posted(form): Posted<StepForm>,
) -> Result<Json<Detail>, Refused> {
    answer(&admin, &actor, &id, Answer::Reject, &form).await
}

/// Takes a request back.
pub(in crate::admin) async fn withdraw(
    State(admin): State<Arc<Admin>>,
    Extension(actor): Extension<Actor>,
    ExceptionPath { id }: ExceptionPath,
    Posted(form): Posted<StepForm>,
) -> Result<Json<Detail>, Refused> {
    answer(&admin, &actor, &id, Answer::Withdraw, &form).await
}

/// Ends an exception.
pub(in crate::admin) async fn revoke(
    State(admin): State<Arc<Admin>>,
    Extension(actor): Extension<Actor>,
    ExceptionPath { id }: ExceptionPath,
    Posted(form): Posted<StepForm>,
) -> Result<Json<Detail>, Refused> {
    answer(&admin, &actor, &id, Answer::Revoke, &form).await
}
