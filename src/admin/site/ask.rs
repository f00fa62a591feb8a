//! The page where people ask for an exception. Its first question is the ground: most have their answer at once.

use std::sync::Arc;

use axum::Extension;
use axum::extract::multipart::MultipartRejection;
use axum::extract::{Multipart, State};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::exceptions::{PATH, address, not_done};
use super::frame::{Frame, Tab, see_other};
use super::upload::{NotTaken, Upload};
use super::who::Who;
use crate::admin::context::Admin;
use crate::admin::exceptions::exceptions;
use crate::exceptions::{Actor, Refusal, RequestForm};
use crate::pages::short;

/// The grounds in the order of the documents, each in words.
const GROUNDS: [(&str, &str); 7] = [
    ("third_party_mfa", "Third-party MFA is done, and can't be recognised"),
    ("software_without_mfa", "Client software can't do MFA"),
    ("more_time", "More time is needed to roll MFA out"),
    ("no_delegated_rights", "The accounts don't use delegated rights"),
    ("service_accounts", "The accounts are service accounts"),
    ("no_phones", "The users have no phones"),
    ("legacy_protocols", "The clients use legacy protocols"),
];

/// The fields of text, in the words of the call.
const TEXTS: [&str; 9] =
    ["ground", "owner", "reason", "ticket", "software", "purchaseOrder", "application", "user", "tenant"];

/// The fields of files, each with its kind.
const FILES: [(&str, &str); 4] = [
    ("file_configuration", "configuration"),
    ("file_purchase_order", "purchase_order"),
    ("file_software", "software"),
    ("file_other", "other"),
];

#[derive(Serialize)]
struct Ask {
    grounds: [(&'static str, &'static str); 7],
    issuers: Vec<String>,
    routes: Vec<String>,
    /// What was filled in before.
    filled: Map<String, Value>,
    answer: Option<[&'static str; 2]>,
    trouble: Option<String>,
}

/// Asks what is asked for.
pub(super) async fn page(State(admin): State<Arc<Admin>>, who: Who) -> Response {
    let page = Ask::new(&admin, filled(&Upload::default()));
    Frame::new(&admin, &who, Tab::Exceptions).respond(StatusCode::OK, "Ask for an exception", "ask.html", page)
}

/// Takes a request.
pub(super) async fn ask(
    State(admin): State<Arc<Admin>>,
    Extension(actor): Extension<Actor>,
    who: Who,
    form: Result<Multipart, MultipartRejection>,
) -> Response {
    let frame = Frame::new(&admin, &who, Tab::Exceptions);
    let upload = match form {
        Ok(form) => Upload::read(&who, form).await,
        Err(_) => Err(NotTaken::Broken),
    };
    let mut upload = match upload {
        Ok(upload) => upload,
        Err(error) => {
            let (status, description) = error.told();
            return frame.message(status, description, "Nothing was asked for.", PATH);
        }
    };
    let service = match exceptions(&admin) {
        Ok(service) => service,
        Err(refused) => return refused.into_response(),
    };
    let mut page = Ask::new(&admin, filled(&upload));
    let Some(request) = request(&mut upload) else {
        page.trouble = Some("Choose a ground, and say when the exception ends.".to_owned());
        return frame.respond(StatusCode::UNPROCESSABLE_ENTITY, "Ask for an exception", "ask.html", page);
    };
    match service.request(&actor, &request, &admin.live.load_full()).await {
        Ok(detail) => see_other(&address(&detail.exception.id)),
        Err(Refusal::Told(notice)) => {
            page.answer = Some([notice.description, notice.remedy]);
            frame.respond(notice.status, "Ask for an exception", "ask.html", page)
        }
        Err(refusal) => not_done(&frame, refusal, &actor),
    }
}

/// The form as the call takes it; `None` if it lacks what every request has.
fn request(upload: &mut Upload) -> Option<RequestForm> {
    let mut request = Map::new();
    for name in TEXTS.into_iter().chain(["issuer"]) {
        let text = upload.text(name);
        if !text.is_empty() || matches!(name, "owner" | "reason") {
            request.insert(name.to_owned(), text.into());
        }
    }
    for name in ["starts", "ends"] {
        let text = upload.text(name);
        if !text.is_empty() {
            request.insert(name.to_owned(), in_utc(text).into());
        }
    }
    let routes: Vec<&str> = upload.text("routes").lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if !routes.is_empty() {
        request.insert("routes".to_owned(), routes.into());
    }
    if !upload.text("token").is_empty() {
        let explain = json!({ "token": upload.text("token"), "path": upload.text("path") });
        request.insert("explain".to_owned(), explain);
    }
    let mut files = Vec::new();
    for (field, kind) in FILES {
        let Some(file) = upload.take_file(field) else { continue };
        let content = STANDARD.encode(file.content);
        files.push(json!({ "kind": kind, "name": file.name, "mediaType": file.media_type, "base64": content }));
    }
    request.insert("files".to_owned(), files.into());
    serde_json::from_value(Value::Object(request)).ok()
}

/// Browsers send a moment without a zone, and the labels say that it is in UTC.
fn in_utc(text: &str) -> String {
    if text.len() == 16 { format!("{text}:00Z") } else { text.to_owned() }
}

/// What to fill in again. The token is not among it.
fn filled(upload: &Upload) -> Map<String, Value> {
    let names = TEXTS.into_iter().chain(["issuer", "routes", "starts", "ends", "path"]);
    names.map(|name| (name.to_owned(), upload.text(name).into())).collect()
}

impl Ask {
    fn new(admin: &Admin, filled: Map<String, Value>) -> Self {
        let (state, live) = (admin.state.load(), admin.live.load());
        let mut issuers: Vec<String> = state.config.issuers.iter().map(|issuer| issuer.profile.name.clone()).collect();
        issuers.dedup();
        let routes = live.judge.routes.iter().map(|route| short(route.pattern.as_written()).into_owned());
        let routes = routes.take(200).collect();
        Self { grounds: GROUNDS, issuers, routes, filled, answer: None, trouble: None }
    }
}
