//! The report, its downloads, and the requests behind it.

use std::sync::Arc;

use aide::axum::IntoApiResponse;
use axum::extract::State;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use schemars::JsonSchema;
use serde::Serialize;

use super::asked::{DownloadQuery, ReportQuery};
use super::{reader, unavailable};
use crate::admin::context::Admin;
use crate::admin::refused::Refused;
use crate::admin::respond::Json;
use crate::report::{Download, MAX_REQUESTS, Request, StatusReport, csv};

/// The latest requests of users, the last first.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(in crate::admin) struct RequestsAnswer {
    /// The requests: at most 10,000.
    requests: Vec<Request>,
}

/// The report.
pub(in crate::admin) async fn report(
    State(admin): State<Arc<Admin>>,
    query: ReportQuery,
) -> Result<Json<StatusReport>, Refused> {
    let report = reader(&admin)?.status(&query.asked()).await;
    report.map(Json).map_err(|error| unavailable(&error))
}

/// The requests.
pub(in crate::admin) async fn requests(
    State(admin): State<Arc<Admin>>,
    query: ReportQuery,
) -> Result<Json<RequestsAnswer>, Refused> {
    let requests = reader(&admin)?.requests(&query.asked(), MAX_REQUESTS).await;
    requests.map(|requests| Json(RequestsAnswer { requests })).map_err(|error| unavailable(&error))
}

/// A download.
pub(in crate::admin) async fn download(
    State(admin): State<Arc<Admin>>,
    query: DownloadQuery,
) -> Result<impl IntoApiResponse, Refused> {
    let (reader, (asked, download)) = (reader(&admin)?, query.asked());
    let mut report = reader.status(&asked).await.map_err(|error| unavailable(&error))?;
    if download == Download::Requests {
        report.latest = reader.requests(&asked, MAX_REQUESTS).await.map_err(|error| unavailable(&error))?;
    }
    let name = format!("attachment; filename=\"{}.csv\"", download.name());
    let fields = [(CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (CONTENT_DISPOSITION, name)];
    Ok((fields, csv(&report, download)))
}
