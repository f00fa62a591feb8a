//! Who asks for a page.

use std::convert::Infallible;
use std::sync::Arc;

use aide::OperationInput;
use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::admin::context::Admin;
use crate::admin::operator::Operator;
use crate::exceptions::Actor;
use crate::gateway::SignedIn;
use crate::pages::short;

/// The operator who asks, by a session or by a token.
#[derive(Debug)]
pub(in crate::admin) struct Who {
    operator: Option<Operator>,
    signed_in: Option<SignedIn>,
}

impl FromRequestParts<Arc<Admin>> for Who {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Admin>) -> Result<Self, Infallible> {
        let (operator, signed_in) = (parts.extensions.get().cloned(), parts.extensions.get().cloned());
        Ok(Self { operator, signed_in })
    }
}

/// It is read from what the entrance and the guards found, and is no part of the request.
impl OperationInput for Who {}

impl Who {
    /// The operator, as exceptions know people.
    pub(super) fn actor(&self) -> Option<Actor> {
        self.operator.clone().map(Actor::from)
    }

    /// The name for the log.
    pub(super) fn name(&self) -> &str {
        self.operator.as_ref().map_or("unknown", |operator| &operator.name)
    }

    /// The name as pages show it.
    pub(super) fn person(&self) -> String {
        let person = self.signed_in.as_ref().and_then(SignedIn::person);
        short(person.as_deref().unwrap_or_else(|| self.name())).into_owned()
    }

    /// Whether this is an operator, or a person who may ask for exceptions or answer those of others.
    pub(super) fn is_operator(&self) -> bool {
        self.operator.is_some()
    }

    /// The session by which the operator asks.
    pub(super) fn signed_in(&self) -> Option<&SignedIn> {
        self.signed_in.as_ref()
    }
}
