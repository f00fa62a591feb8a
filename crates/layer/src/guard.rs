//! The decision about one request.

use std::sync::Arc;

use http::{Request, Response, StatusCode};
use mfa_gateway_core::policy::{self, Decision, Denial, Evidence, decide};

use super::authenticator::Lookup;
use super::caller::Caller;
use super::credential::Credential;
use super::ids::Ids;
use super::preview::Preview;
use super::refusal::{Refusal, grpc_media_type};
use super::refuse::{Refuse, Refused};
use super::requirement::Requirement;
use super::shared::Shared;

/// Decides by one requirement.
#[derive(Debug)]
pub(super) struct Guard {
    pub(super) shared: Arc<Shared>,
    pub(super) requirement: Requirement,
}

impl Guard {
    /// The evidence of a request, without waiting.
    pub(super) fn look_up<B>(&self, request: &Request<B>) -> Lookup {
        if self.requirement.rule.requirement == policy::Requirement::Public {
            return Lookup::Known(Evidence::None);
        }
        self.shared.authenticator.look_up(match Credential::bearer_in(request.headers()) {
            // A layer doesn't know the address that the client asked for, so that it can judge no proof.
            Credential::Dpop(_) => Credential::None,
            credential => credential,
        })
    }

    /// Verifies a token, fetching keys if none fits it.
    pub(super) async fn verify(self: Arc<Self>, token: Box<str>) -> Evidence {
        self.shared.authenticator.verify(&token).await
    }

    /// Decides, and tells the request who calls; or refuses.
    pub(super) fn admit<B, A>(
        &self,
        request: &mut Request<B>,
        evidence: Evidence,
        refuse: &impl Refuse<A>,
    ) -> Result<Preview, Response<A>> {
        let (shared, rule) = (&*self.shared, &self.requirement.rule);
        let now = shared.clock.now();
        let decision = decide(rule, &evidence, &shared.waivers, now);
        let asks = (Preview::is_asked(request.headers()), shared.refusals.report_header);
        let preview = Preview::of(asks, rule, &evidence, &decision, &shared.waivers, now);
        match decision {
            Decision::Permit(grounds) => {
                let proof = match evidence {
                    Evidence::Token(proof) => Some(proof),
                    _ => None,
                };
                // Whatever an outer layer left there.
                request.extensions_mut().insert(Caller::new(grounds, proof));
                Ok(preview)
            }
            Decision::Deny(denial) => Err(self.refuse(request, denial, &evidence, preview, refuse)),
        }
    }

    fn refuse<B, A>(
        &self,
        request: &Request<B>,
        denial: Denial,
        evidence: &Evidence,
        preview: Preview,
        refuse: &impl Refuse<A>,
    ) -> Response<A> {
        let shared = &*self.shared;
        let proof = match evidence {
            // A token that has expired since its verification gets the same response as one that was never verified.
            Evidence::Token(proof) if !matches!(denial, Denial::InvalidToken(_)) => Some(&**proof),
            _ => None,
        };
        let dialect = self.requirement.dialect.or(proof.and_then(|proof| proof.issuer.dialect));
        let refusal = Refusal::denied(denial, proof, Some(&self.requirement.rule))
            .worded(dialect.unwrap_or(shared.dialect))
            .compliant(preview.compliant);
        let ids = Ids::of(request.headers(), &shared.random);
        let grpc = grpc_media_type(request.method(), request.headers());
        let refused = Refused { refusal, settings: &shared.refusals, request_id: ids.request_id(), grpc };
        let mut response = refuse.refuse(&refused);
        write(&refused, preview, &ids, &mut response);
        response
    }
}

/// Writes what a refusal must have.
fn write<A>(refused: &Refused<'_>, preview: Preview, ids: &Ids, response: &mut Response<A>) {
    let Refused { refusal, settings, grpc, .. } = refused;
    *response.status_mut() = match grpc {
        Some(_) => StatusCode::OK,
        None => refusal.status(),
    };
    let headers = response.headers_mut();
    if let Some(media_type) = grpc {
        refusal.write_grpc(media_type, headers);
    }
    // One challenge: the layer's, or none.
    headers.remove(http::header::WWW_AUTHENTICATE);
    refusal.write_fields(headers, settings);
    preview.write(headers);
    ids.put(headers);
}
