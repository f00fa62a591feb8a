//! An operator, once known.

use std::sync::Arc;

use crate::exceptions::Actor;
use mfa_gateway_core::policy::Proof;

/// An operator.
#[derive(Clone, Debug)]
pub(super) struct Operator {
    /// The name, for the log.
    pub(super) name: String,
    /// What the operator has shown; a token of the file shows nothing of its bearer.
    pub(super) proof: Option<Arc<Proof>>,
}

impl Operator {
    /// The bearer of a token of the file.
    pub(super) fn of_token_file() -> Self {
        Self { name: "token file".to_owned(), proof: None }
    }

    /// An application.
    pub(super) fn application(id: &str, proof: Arc<Proof>) -> Self {
        Self { name: format!("application {id}"), proof: Some(proof) }
    }

    /// A user.
    pub(super) fn user(id: Option<&str>, proof: Arc<Proof>) -> Self {
        Self { name: format!("user {}", id.unwrap_or("unknown")), proof: Some(proof) }
    }

    /// The same person, who is no operator.
    pub(super) fn person(self) -> Actor {
        Actor { is_operator: false, ..self.into() }
    }
}

impl From<Operator> for Actor {
    fn from(operator: Operator) -> Self {
        // Who reads the steps later knows people by their names; the id stands beside it.
        let name = operator.proof.as_ref().and_then(|proof| proof.name.as_deref()).map(str::to_owned);
        Self { name: name.unwrap_or(operator.name), proof: operator.proof, is_operator: true }
    }
}
