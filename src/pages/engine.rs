//! The templates: those that ship, and those that an operator has written instead.
//!
//! The engine escapes what it puts into HTML, and a name that doesn't exist is an error. An operator's templates are
//! rendered with every [sample](super::samples) when they are loaded, so that a wrong one is a problem of the
//! configuration; if one still fails later, the page that ships takes its place.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_LENGTH, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use mfa_gateway_wire::Body;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, UndefinedBehavior};

use super::action::Action;
use super::fields;
use super::kind::Kind;
use super::markup;
use super::page::Page;
use super::sample::samples;
use super::view::{start_page, view};

/// What ships, by the names under which an operator replaces it.
const SHIPPED: [(&str, &str); 4] = [
    (LAYOUT, include_str!("templates/layout.html")),
    (MESSAGE, include_str!("templates/message.html")),
    ("sessions.html", include_str!("templates/sessions.html")),
    (STYLE, include_str!("templates/style.css")),
];

const LAYOUT: &str = "layout.html";
const MESSAGE: &str = "message.html";
const STYLE: &str = "style.css";

/// The pages, with their templates.
#[derive(Debug)]
pub struct Pages {
    shipped: Set,
    replaced: Option<Set>,
    start: Action,
}

/// A template that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PagesError {
    /// No page is made from a template of this name.
    #[error("no page is made from a template named `{name}`")]
    Unknown {
        /// The file's name.
        name: String,
    },
    /// The template engine rejects it.
    #[error("the template `{name}` can't be rendered: {reason} (line {line})")]
    Template {
        /// The file's name.
        name: String,
        /// The line, counted from 1.
        line: usize,
        /// The engine's words.
        reason: String,
    },
    /// It uses something that the pages' policy forbids.
    #[error("the template `{name}` has {what}, and browsers ignore that on these pages")]
    Forbidden {
        /// The file's name.
        name: String,
        /// What is forbidden.
        what: String,
    },
}

/// Templates, with the hashes of their styles.
#[derive(Debug)]
struct Set {
    environment: Environment<'static>,
    /// The sources of the policy's `style-src`.
    styles: String,
}

impl PagesError {
    /// How to fix it.
    #[must_use]
    pub fn fix(&self) -> String {
        match self {
            Self::Unknown { .. } => {
                format!("use one of {}", names().into_iter().collect::<Vec<_>>().join(", "))
            }
            Self::Template { .. } => {
                "correct the template, or remove it; docs/configuration.md lists the names that it can use".to_owned()
            }
            Self::Forbidden { .. } => {
                "write styles into style.css, pictures as data: addresses, and no scripts".to_owned()
            }
        }
    }

    /// The template's name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Unknown { name } | Self::Template { name, .. } | Self::Forbidden { name, .. } => name,
        }
    }

    fn of(name: &str, error: &minijinja::Error) -> Self {
        let name = error.name().unwrap_or(name).to_owned();
        let reason = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
        Self::Template { name, line: error.line().unwrap_or(1), reason }
    }
}

impl Default for Pages {
    /// The pages as they ship.
    fn default() -> Self {
        // The shipped templates are constants, and each is rendered in the tests.
        let shipped = Set::new(&[]).unwrap_or_else(|_| Set { environment: Environment::new(), styles: String::new() });
        Self { shipped, replaced: None, start: start_page() }
    }
}

impl Pages {
    /// The pages, with these templates by their names instead of those that ship.
    pub fn new(replaced: &[(String, String)]) -> Result<Self, PagesError> {
        let replaced = if replaced.is_empty() { None } else { Some(Set::new(replaced)?) };
        Ok(Self { replaced, ..Self::default() })
    }

    /// The names that a template can have.
    pub fn names() -> impl Iterator<Item = String> {
        names().into_iter()
    }

    /// Makes the response.
    #[must_use]
    pub fn response(&self, page: &Page, status: StatusCode) -> Response<Body> {
        let (html, styles) = self.render(page);
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status;
        let headers = response.headers_mut();
        fields::add(headers, &fields::policy(styles, &page.form_targets));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(html.len()));
        if let Some(seconds) = page.kind.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        *response.body_mut() = Body::full(html);
        response
    }

    fn render(&self, page: &Page) -> (String, &str) {
        if let Some(replaced) = &self.replaced {
            match replaced.render(page, &self.start) {
                Ok(html) => return (html, &replaced.styles),
                Err(error) => {
                    tracing::warn!(template = error.name(), error = %error, "a page's template failed");
                }
            }
        }
        let html = self.shipped.render(page, &self.start).unwrap_or_else(|_| page.code.to_owned());
        (html, &self.shipped.styles)
    }
}

impl Set {
    /// The templates that ship, with others instead of some. Each page is tried.
    fn new(replaced: &[(String, String)]) -> Result<Self, PagesError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let known = names();
        let shipped = SHIPPED.map(|(name, source)| (name.to_owned(), source.to_owned()));
        for (name, source) in shipped.iter().chain(replaced) {
            if !known.contains(name.as_str()) {
                return Err(PagesError::Unknown { name: name.clone() });
            }
            if name == STYLE {
                if source.to_ascii_lowercase().contains("</style") {
                    return Err(PagesError::Forbidden { name: name.clone(), what: "the end of a style".to_owned() });
                }
                environment.add_global("style", Value::from_safe_string(source.clone()));
            } else {
                let added = environment.add_template_owned(name.clone(), source.clone());
                added.map_err(|error| PagesError::of(name, &error))?;
            }
        }
        let mut set = Self { environment, styles: String::new() };
        set.try_all()?;
        Ok(set)
    }

    /// Renders every sample, and keeps the hashes of the styles that are found.
    fn try_all(&mut self) -> Result<(), PagesError> {
        let (start, mut hashes) = (start_page(), BTreeSet::new());
        for page in samples() {
            let html = self.render(&page, &start)?;
            if let Some(what) = markup::forbidden(&html) {
                return Err(PagesError::Forbidden { name: self.template_of(&page.kind), what });
            }
            let hash = |style: &str| {
                let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, style.as_bytes());
                format!("'sha256-{}'", STANDARD.encode(hash))
            };
            hashes.extend(markup::styles(&html).map(hash));
        }
        self.styles = hashes.into_iter().collect::<Vec<_>>().join(" ");
        Ok(())
    }

    fn render(&self, page: &Page, start: &Action) -> Result<String, PagesError> {
        let name = self.template_of(&page.kind);
        let rendered = self.environment.get_template(&name);
        let rendered = rendered.and_then(|template| template.render(Serde(view(page, start))));
        // A slash needs no escape anywhere on a page, and who reads its source can read its links then.
        let rendered = rendered.map(|html| html.replace("&#x2f;", "/"));
        rendered.map_err(|error| PagesError::of(&name, innermost(&error)))
    }

    /// The template of a kind: its own, if there is one.
    fn template_of(&self, kind: &Kind) -> String {
        let own = format!("{}.html", kind.name());
        if self.environment.get_template(&own).is_ok() { own } else { MESSAGE.to_owned() }
    }
}

/// The error where it arose: those around it speak of the template that was asked for.
fn innermost(error: &minijinja::Error) -> &minijinja::Error {
    let mut innermost = error;
    while let Some(source) = std::error::Error::source(innermost).and_then(<dyn std::error::Error>::downcast_ref) {
        innermost = source;
    }
    innermost
}

/// The names that a template can have.
fn names() -> BTreeSet<String> {
    let own = samples().into_iter().map(|page| format!("{}.html", page.kind.name()));
    own.chain(SHIPPED.map(|(name, _)| name.to_owned())).collect()
}
