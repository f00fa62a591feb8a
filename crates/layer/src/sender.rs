//! What a request shows of its sender: a DPoP proof (RFC 9449) and a client certificate (RFC 8705).
//!
//! It never refuses. A verified token is cached, and what it is bound to with it; what a request shows is looked at on every
//! request.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy::{Evidence, Possession};
use mfa_gateway_core::token::{
    Algorithm, DpopError, DpopNonces, DpopProof, DpopRules, ProvenRequest, Target, Thumbprint,
};

use super::credential::Credential;
use super::seen_proofs::SeenProofs;

/// The field with a DPoP proof.
pub static DPOP: HeaderName = HeaderName::from_static("dpop");

/// The field with the nonce that proofs have to hold.
pub static DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// How senders are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SenderSettings {
    /// What DPoP proofs must be like.
    pub rules: DpopRules,
    /// How many of them are remembered at once.
    pub remembered: usize,
}

impl Default for SenderSettings {
    /// The algorithms of RFC 9449's examples and of the libraries in use, a minute, and a million proofs.
    fn default() -> Self {
        use Algorithm::{EdDsa, Es256, Es384, Es512, Ps256, Rs256};
        let algorithms = vec![Es256, Es384, Es512, EdDsa, Ps256, Rs256];
        Self { rules: DpopRules { algorithms, window: Duration::from_secs(60) }, remembered: 1_000_000 }
    }
}

impl SenderSettings {
    /// The names of the accepted algorithms, as challenges list them.
    #[must_use]
    pub fn algorithms(&self) -> String {
        self.rules.algorithms.iter().map(|one| one.name()).collect::<Vec<_>>().join(" ")
    }
}

/// Looks at what requests show of their senders.
#[derive(Clone, Debug)]
pub struct Senders {
    settings: SenderSettings,
    seen: Arc<SeenProofs>,
    nonces: Option<DpopNonces>,
}

/// A request, as far as it tells of its sender.
#[derive(Debug)]
pub struct Sent<'r> {
    /// When it is judged.
    pub at: Timestamp,
    /// Its fields.
    pub fields: &'r HeaderMap,
    /// Its method.
    pub method: &'r str,
    /// Its address, as its client wrote it; `None` if it isn't known.
    pub target: Option<Target>,
    /// The verified client certificate of its connection.
    pub certificate: Option<Thumbprint>,
    /// Whether it was refused already, and is asked about again for its refusal: its proof came before then.
    pub again: bool,
}

/// What a good proof shows.
struct Proven {
    key: Thumbprint,
    came_before: bool,
    nonce_ends: bool,
}

impl Senders {
    /// A look at senders, with the memory of the process, and the nonces that proofs have to hold, if they do.
    #[must_use]
    pub fn new(settings: SenderSettings, seen: Arc<SeenProofs>, nonces: Option<DpopNonces>) -> Self {
        Self { settings, seen, nonces }
    }

    /// Whether proofs have to hold a nonce.
    #[must_use]
    pub fn has_nonces(&self) -> bool {
        self.nonces.is_some()
    }

    /// The nonce for new proofs, if they have to hold one.
    #[must_use]
    pub fn nonce(&self, now: Timestamp) -> Option<HeaderValue> {
        HeaderValue::try_from(self.nonces.as_ref()?.current(now)).ok()
    }

    /// Adds to the evidence of a token what its request shows. The evidence of an unbound bearer token stays as it is.
    #[must_use]
    pub fn look<'r>(
        &self,
        evidence: Evidence,
        credential: Credential<'_>,
        sent: impl FnOnce() -> Sent<'r>,
    ) -> Evidence {
        match evidence {
            Evidence::Token(proof) if proof.binding.is_some() || matches!(credential, Credential::Dpop(_)) => {
                let (sent, key) = (sent(), proof.binding.as_ref().and_then(|binding| binding.key));
                let dpop = match (credential, key) {
                    (Credential::Dpop(token), Some(key)) => Some(self.proven(token, &key, &sent)),
                    // Bound to nothing that a proof could show.
                    (Credential::Dpop(_), None) => Some(Err(DpopError::Missing)),
                    _ => None,
                };
                let of = |fact: fn(&Proven) -> bool| matches!(&dpop, Some(Ok(proven)) if fact(proven));
                let possession = Possession {
                    certificate: sent.certificate,
                    came_before: of(|proven| proven.came_before),
                    nonce_ends: of(|proven| proven.nonce_ends),
                    dpop: dpop.map(|found| found.map(|proven| proven.key)),
                };
                Evidence::Token(Arc::new(proof.shown(possession)))
            }
            other => other,
        }
    }

    /// What a request's proof shows. It is remembered if its key is the token's.
    fn proven(&self, token: &[u8], bound: &Thumbprint, sent: &Sent<'_>) -> Result<Proven, DpopError> {
        let now = sent.at;
        let text = only(sent.fields)?.to_str().map_err(|_| DpopError::Form)?;
        let target = sent.target.as_ref().ok_or(DpopError::Target)?;
        let request = ProvenRequest { method: sent.method, target, token };
        let proof = DpopProof::verify(text, &self.settings.rules, request, now)?;
        if proof.key != *bound {
            return Ok(Proven { key: proof.key, came_before: false, nonce_ends: false });
        }
        // One that is refused for its nonce is made anew, so that it needs no place in the memory.
        let nonce_ends = self.check_nonce(proof.nonce.as_deref().unwrap_or_default(), now)?;
        let came_before = sent.again && self.seen.has(&proof);
        if !sent.again {
            let until = proof.issued_at.plus(self.settings.rules.window);
            self.seen.note(&proof, until, now, self.settings.remembered)?;
        }
        Ok(Proven { key: proof.key, came_before, nonce_ends })
    }

    /// Whether a nonce is about to end.
    fn check_nonce(&self, nonce: &str, now: Timestamp) -> Result<bool, DpopError> {
        match &self.nonces {
            None => Ok(false),
            Some(nonces) if nonces.is_current(nonce, now) => Ok(false),
            Some(nonces) if nonces.accepts(nonce, now) => Ok(true),
            Some(_) => Err(DpopError::Nonce),
        }
    }
}

/// The one proof of a request.
fn only(fields: &HeaderMap) -> Result<&HeaderValue, DpopError> {
    let mut values = fields.get_all(&DPOP).iter();
    let value = values.next().ok_or(DpopError::Missing)?;
    if values.next().is_some() { Err(DpopError::Several) } else { Ok(value) }
}
