//! An explanation with the keys in use now. As for a request, a token that no key fits brings a fetch, within its budget.

use std::sync::Arc;

use super::explain::{explain, explain_evidence};
use super::explained_token::{as_if_shown, evidence, issuer_of, token_in};
use super::explanation::Explanation;
use super::{Live, Question};
use mfa_gateway_core::policy::{Evidence, Proof};

/// An explanation, and what it was made of.
#[derive(Debug)]
pub(crate) struct ExplainedNow {
    /// The explanation.
    pub(crate) explanation: Explanation,
    /// Why keys could not be fetched.
    pub(crate) trouble: Option<String>,
    /// What the token proves, if it is valid.
    pub(crate) proof: Option<Arc<Proof>>,
}

/// Explains.
pub(crate) async fn explain_now(live: &Live, question: &Question<'_>) -> ExplainedNow {
    if let Some(token) = token_in(question).filter(|token| live.judge.asks_about(token)) {
        let (evidence, proof) = match live.judge.verify(token).await {
            Evidence::Token(proof) => {
                let proof = as_if_shown(proof);
                (Evidence::Token(Arc::clone(&proof)), Some(proof))
            }
            other => (other, None),
        };
        return ExplainedNow { explanation: explain_evidence(live, question, &evidence), trouble: None, proof };
    }
    let issuer = token_in(question).and_then(|token| issuer_of(live, token));
    let keys = || issuer.and_then(|issuer| issuer.keys().current());
    let mut explanation = explain(live, question, keys().as_deref());
    let mut trouble = None;
    if let Some(issuer) = issuer {
        if matches!(explanation.reason, "key_unknown" | "keys_unavailable") {
            issuer.keys().ask().await;
            explanation = explain(live, question, keys().as_deref());
        }
        trouble = if keys().is_none() { issuer.keys().status().last_error } else { None };
    }
    let proof = match evidence(live, question, keys().as_deref()) {
        Evidence::Token(proof) => Some(proof),
        _ => None,
    };
    ExplainedNow { explanation, trouble, proof }
}
