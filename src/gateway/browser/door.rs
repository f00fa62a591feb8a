//! A way to sign in with the pages that people see on the way.

use std::sync::Arc;

use http::{HeaderValue, Response};
use mfa_gateway_wire::Body;

use crate::pages::{Fact, Page, Pages, Shortfall, StepUp, emptied};
use crate::session::{SignIn, Tried};

/// A way to sign in, and its pages.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) sign_in: Arc<SignIn>,
    pub(crate) pages: Arc<Pages>,
    /// The origin as browsers write it in `Origin`.
    pub(crate) origin: String,
}

impl Door {
    /// A door to the sessions of a sign-in.
    pub(crate) fn new(sign_in: SignIn, pages: Pages) -> Self {
        let origin = sign_in.settings().public.origin().ascii_serialization();
        Self { sign_in: Arc::new(sign_in), pages: Arc::new(pages), origin }
    }

    /// A path of the gateway's own.
    pub(super) fn path(&self, name: &str) -> String {
        [&self.sign_in.settings().base_path, name].concat()
    }

    /// Whether the path is one of the gateway's own; their names are the rest.
    pub(in crate::gateway) fn serves<'p>(&self, path: &'p str) -> Option<&'p str> {
        let settings = self.sign_in.settings();
        if path == settings.callback {
            return Some("callback");
        }
        path.strip_prefix(settings.base_path.as_str()).filter(|name| *name != "callback")
    }

    /// What a page says of a step-up that fell short: what was asked for, and what came back, if anything did.
    pub(super) fn shortfall(&self, shortfall: Shortfall, tried: Option<&Tried>) -> StepUp {
        let settings = self.sign_in.settings();
        let asked = settings.step_up.parameters().map(|(label, value)| Fact::new(label, value)).collect();
        let returned = tried.map(|tried| tried.returned.as_slice()).unwrap_or_default();
        let returned = returned.iter().map(|(label, value)| Fact::new(label, value)).collect();
        StepUp { product: settings.product, shortfall, asked, returned, of_customer: false }
    }

    /// A page as a response.
    pub(super) fn page(&self, page: &Page, is_head: bool) -> Response<Body> {
        let response = self.pages.response(page, page.kind.status());
        if is_head { emptied(response) } else { response }
    }
}

/// The id of a request as pages show it.
pub(super) fn id(request_id: &HeaderValue) -> String {
    request_id.to_str().unwrap_or_default().to_owned()
}
