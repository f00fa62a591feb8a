//! The evidence of an exception. What somebody uploaded is only ever a download of unknown bytes: no browser shows it, or
//! guesses what it is.

use std::sync::Arc;

use aide::axum::IntoApiResponse;
use axum::Extension;
use axum::extract::State;
use http::StatusCode;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::path::{EvidencePath, ExceptionPath};
use super::{exceptions, refused};
use crate::admin::context::Admin;
use crate::admin::posted::{Posted, Question};
use crate::admin::refused::Refused;
use crate::admin::respond::Json;
use crate::exceptions::{Actor, Detail, EvidenceForm};
use crate::gateway::Notice;

const NO_FILE: Notice = Notice {
    status: StatusCode::BAD_REQUEST,
    code: "malformed_request",
    description: "The body is not a file of evidence.",
    remedy: r#"Send `{"kind": "configuration", "name": "mfa.pdf", "mediaType": "application/pdf", "base64": "…"}`."#,
};

impl Question for EvidenceForm {
    const UNREADABLE: &'static Notice = &NO_FILE;
    /// A file of 1 MiB in base64.
    const BESIDES: usize = 3 << 19;
}

/// Adds evidence to an own request.
pub(in crate::admin) async fn add(
    State(admin): State<Arc<Admin>>,
    Extension(actor): Extension<Actor>,
    ExceptionPath { id }: ExceptionPath,
    Posted(form): Posted<EvidenceForm>,
) -> Result<Json<Detail>, Refused> {
    let added = exceptions(&admin)?.add_evidence(&actor, &id, &form).await;
    added.map(Json).map_err(|refusal| refused(refusal, &actor))
}

/// Sends evidence, as a file to save.
pub(in crate::admin) async fn download(
    State(admin): State<Arc<Admin>>,
    Extension(actor): Extension<Actor>,
    EvidencePath { id, number }: EvidencePath,
) -> Result<impl IntoApiResponse, Refused> {
    let found = exceptions(&admin)?.evidence(&actor, &id, number).await;
    let (about, bytes) = found.map_err(|refusal| refused(refusal, &actor))?;
    let fields =
        [(CONTENT_TYPE, "application/octet-stream".to_owned()), (CONTENT_DISPOSITION, disposition(&about.name))];
    Ok((fields, bytes))
}

/// The name of the file in a form that no character of it can leave (RFC 6266 section 4.3, RFC 8187).
fn disposition(name: &str) -> String {
    format!("attachment; filename*=UTF-8''{}", utf8_percent_encode(name, NON_ALPHANUMERIC))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_one_whatever_it_holds() {
        assert_eq!(disposition("a.pdf"), "attachment; filename*=UTF-8''a%2Epdf");
        assert_eq!(
            disposition("../\"ö\"; x=\r\n"),
            "attachment; filename*=UTF-8''%2E%2E%2F%22%C3%B6%22%3B%20x%3D%0D%0A"
        );
    }
}
