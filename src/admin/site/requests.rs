//! The list behind the report's numbers: the latest requests of users. And the records of a user, deleted.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::Uri;
use serde::Serialize;

use super::asked_report::Filter;
use super::form::Form;
use super::frame::{Frame, Tab, see_other};
use super::report::{PATH, malformed, read};
use super::who::Who;
use crate::admin::context::Admin;
use crate::admin::report::{forget_as, reader, unavailable};
use crate::pages::short;
use crate::report::{MAX_REQUESTS, Request};

/// How many rows the list has. The download has all that are kept.
const MOST: usize = 500;

#[derive(Default, Serialize)]
struct Page {
    filters: Vec<Filter>,
    report: String,
    only_without: bool,
    switch: String,
    download: String,
    trouble: Option<String>,
    requests: Vec<Row>,
    /// How many more of those that are kept.
    more: usize,
}

#[derive(Serialize)]
struct Row {
    time: String,
    user: String,
    tenant: String,
    application: String,
    operation: String,
    kind: &'static str,
    address: String,
    compliant: bool,
    request_id: String,
}

/// Lists requests.
pub(super) async fn page(State(admin): State<Arc<Admin>>, who: Who, uri: Uri) -> Response {
    const OWN: &str = "/site/report/requests";
    let frame = Frame::new(&admin, &who, Tab::Report);
    let Some((fields, asked)) = read(&uri) else { return malformed(&frame) };
    let only_without = fields.get("mfa") == Some("without");
    let plain = fields.with(&[("mfa", &"")]);
    let mut page = Page {
        filters: fields.filters(OWN),
        report: plain.at(PATH),
        only_without,
        switch: if only_without { plain.at(OWN) } else { plain.with(&[("mfa", &"without")]).at(OWN) },
        download: plain.at("/report.csv?of=requests"),
        ..Page::default()
    };
    let requests = match reader(&admin) {
        Ok(reader) => reader.requests(&asked, MAX_REQUESTS).await.map_err(|error| unavailable(&error)),
        Err(refused) => Err(refused),
    };
    match requests {
        Ok(requests) => {
            let shown: Vec<_> = requests.iter().filter(|one| !only_without || !one.compliant).collect();
            page.more = shown.len().saturating_sub(MOST);
            page.requests = shown.into_iter().take(MOST).map(row).collect();
        }
        Err(refused) => {
            let (_, description, remedy) = refused.told();
            page.trouble = Some(format!("{description} {remedy}"));
        }
    }
    frame.respond(http::StatusCode::OK, "Requests", "requests.html", page)
}

fn row(request: &Request) -> Row {
    let name = if request.name.is_empty() { &request.user } else { &request.name };
    let text = |text: &str| short(text).into_owned();
    Row {
        time: request.time.get(..19).unwrap_or(&request.time).replace('T', " "),
        user: text(name),
        tenant: text(&request.tenant),
        application: text(&request.application),
        operation: text(&request.operation),
        kind: if request.credential == "session" { "portal" } else { "API" },
        address: text(request.address.as_deref().unwrap_or_default()),
        compliant: request.compliant,
        request_id: text(&request.request_id),
    }
}

/// Deletes a user's records.
pub(super) async fn forget(State(admin): State<Arc<Admin>>, form: Form) -> Response {
    let [issuer, tenant, user] = ["issuer", "tenant", "user"].map(|name| form.field(name));
    match forget_as(&admin, form.who.name(), issuer, tenant, user).await {
        Ok(_) => see_other(PATH),
        Err(refused) => {
            let (status, description, remedy) = refused.told();
            Frame::new(&admin, &form.who, Tab::Report).message(status, &description, &remedy, PATH)
        }
    }
}
