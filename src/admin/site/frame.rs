//! What every page has around its content, and the fields of its response.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY};
use http::{HeaderName, HeaderValue, StatusCode};
use mfa_gateway_core::clock::Timestamp;
use serde::Serialize;

use super::engine::render;
use super::who::Who;
use crate::admin::context::Admin;
use crate::gateway::SignedIn;
use crate::pages::{Moment, about};
use crate::telemetry::VERSION;

/// The site's own style and forms, and nothing else.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'self'; \
                      frame-ancestors 'none'";

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// A page of the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tab {
    Overview,
    Report,
    Exceptions,
    Consents,
    Vendors,
    Sessions,
    Explain,
    Replay,
    Configuration,
}

/// What stands around the content of a page.
#[derive(Debug)]
pub(super) struct Frame<'f> {
    admin: &'f Admin,
    who: &'f Who,
    tab: Tab,
    done: Option<String>,
}

/// What a template is rendered with.
#[derive(Serialize)]
struct View<'f, T> {
    title: &'f str,
    tabs: Vec<ShownTab>,
    person: String,
    sign_out: Option<String>,
    proof: Option<String>,
    done: Option<&'f str>,
    version: &'static str,
    generation: u64,
    now: Moment,
    page: T,
}

#[derive(Serialize)]
struct ShownTab {
    name: &'static str,
    href: &'static str,
    current: bool,
}

#[derive(Serialize)]
struct Message<'m> {
    description: &'m str,
    remedy: &'m str,
    back: &'m str,
}

impl Tab {
    const ALL: [Self; 9] = [
        Self::Overview,
        Self::Report,
        Self::Exceptions,
        Self::Consents,
        Self::Vendors,
        Self::Sessions,
        Self::Explain,
        Self::Replay,
        Self::Configuration,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Report => "Report",
            Self::Exceptions => "Exceptions",
            Self::Consents => "Consents",
            Self::Vendors => "Vendors",
            Self::Sessions => "Sessions",
            Self::Explain => "Explain",
            Self::Replay => "Replay",
            Self::Configuration => "Configuration",
        }
    }

    fn href(self) -> &'static str {
        match self {
            Self::Overview => "/",
            Self::Report => "/site/report",
            Self::Exceptions => "/site/exceptions",
            Self::Consents => "/site/consents",
            Self::Vendors => "/site/vendors",
            Self::Sessions => "/site/sessions",
            Self::Explain => "/site/explain",
            Self::Replay => "/site/replay",
            Self::Configuration => "/site/configuration",
        }
    }
}

impl<'f> Frame<'f> {
    /// The frame of a page.
    pub(super) fn new(admin: &'f Admin, who: &'f Who, tab: Tab) -> Self {
        Self { admin, who, tab, done: None }
    }

    /// The same, with what was just done.
    pub(super) fn done(self, done: Option<String>) -> Self {
        Self { done, ..self }
    }

    /// The page, by the template of this name.
    pub(super) fn page(&self, template: &str, content: impl Serialize) -> Response {
        self.respond(StatusCode::OK, self.tab.name(), template, content)
    }

    /// The same, with another status and title.
    pub(super) fn respond(&self, status: StatusCode, title: &str, template: &str, page: impl Serialize) -> Response {
        let signed_in = self.who.signed_in();
        let view = View {
            title,
            // Who is no operator has come for the exceptions.
            tabs: Tab::ALL
                .into_iter()
                .filter(|tab| self.who.is_operator() || *tab == Tab::Exceptions)
                .map(|tab| ShownTab { name: tab.name(), href: tab.href(), current: tab == self.tab })
                .collect(),
            person: self.who.person(),
            sign_out: signed_in.map(SignedIn::sign_out),
            proof: signed_in.and_then(SignedIn::form_proof),
            done: self.done.as_deref(),
            version: VERSION,
            generation: self.admin.state.load().generation,
            now: Moment::of(self.admin.live.load().clock.now()),
            page,
        };
        match render(template, view) {
            Ok(html) => response(status, html),
            Err(error) => {
                tracing::warn!(template, error = mfa_gateway_core::chain(&error), "a page can't be rendered");
                (StatusCode::INTERNAL_SERVER_ERROR, "This page can't be shown. The diagnostics log says why.")
                    .into_response()
            }
        }
    }

    /// A page that says one thing.
    pub(super) fn message(&self, status: StatusCode, description: &str, remedy: &str, back: &str) -> Response {
        let title = status.canonical_reason().unwrap_or("Not possible");
        self.respond(status, title, "message.html", Message { description, remedy, back })
    }
}

/// A rendered page. Its forms name their origin, so that they can be told from those of others.
fn response(status: StatusCode, html: String) -> Response {
    let fields = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "same-origin"),
        (OPENER_POLICY, "same-origin"),
    ];
    (status, fields, html).into_response()
}

/// Leads to a page after something was done, so that a reload of it does nothing twice.
pub(super) fn see_other(path: &str) -> Response {
    let location = HeaderValue::try_from(path).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response()
}

/// How long something has left, as a mark.
pub(super) fn left(at: Timestamp, now: Timestamp, soon: Duration, over: &'static str) -> (&'static str, String) {
    if at <= now {
        return ("bad", over.to_owned());
    }
    let kind = if at.minus(soon) <= now { "warn" } else { "good" };
    (kind, format!("{} left", about(at.since(now))))
}
