//! What an issuer's error means for a consent.
//!
//! An issuer's `error` and `suberror` decide (RFC 6749 section 5.2). Entra's numbers only tell apart what those leave open, as
//! its documents advise: new numbers appear, and old ones change their text.

use super::state::ConsentState;
use crate::oidc::{TokenEndpointError, TokenEndpointErrorKind as Kind};

/// What failed, and how far that reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What it means for the consent, where it reaches.
    pub state: ConsentState,
    /// How far it reaches.
    pub reach: Reach,
}

/// How far a failure reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It passes.
    Moment,
    /// The tenant or the resource that the token was wanted for: nobody consented there.
    Tenant,
    /// The consent.
    Consent,
}

/// MFA is due: a policy, a location, or an account that isn't enrolled.
const MFA: [u32; 7] = [50072, 50074, 50076, 50078, 50079, 50158, 53004];

/// Nobody consented for this tenant or resource.
const MISSING: [u32; 4] = [65001, 65004, 650_052, 650_057];

/// The account or the application is blocked or disabled.
const BLOCKED: [u32; 5] = [50057, 50105, 53003, 530_034, 700_016];

/// Troubles of Entra's own.
const PASSING: [u32; 3] = [50087, 50196, 90033];

impl Failure {
    /// What an error means.
    #[must_use]
    pub fn of(error: &TokenEndpointError) -> Self {
        let has = |numbers: &[u32]| error.numbers.iter().any(|number| numbers.contains(number));
        let consent = |state| Self { state, reach: Reach::Consent };
        let moment = Self { state: ConsentState::Alive, reach: Reach::Moment };
        let missing = Self { state: ConsentState::Alive, reach: Reach::Tenant };
        match (error.kind, error.code.as_deref(), error.suberror.as_deref()) {
            (Kind::Unavailable | Kind::NoEndpoint | Kind::Malformed, ..) => moment,
            (Kind::InvalidClient | Kind::Signing, ..) => consent(ConsentState::ClientCredential),
            _ if has(&PASSING) => moment,
            (_, Some("consent_required" | "invalid_resource" | "invalid_scope" | "invalid_target"), _)
            | (_, _, Some("consent_required")) => missing,
            (_, Some("access_denied"), _) => consent(ConsentState::Blocked),
            (_, _, Some("bad_token")) => consent(ConsentState::Reconsent),
            _ if has(&MISSING) => missing,
            _ if has(&BLOCKED) => consent(ConsentState::Blocked),
            (_, Some("interaction_required" | "login_required"), _)
            | (_, _, Some("basic_action" | "additional_action")) => consent(ConsentState::ReconsentMfa),
            _ if has(&MFA) => consent(ConsentState::ReconsentMfa),
            (Kind::InvalidGrant, ..) => consent(ConsentState::Reconsent),
            // Nothing that is known: the consent may be fine.
            _ => moment,
        }
    }

    /// The same where the token was wanted in another tenant than the one in which the consent was given. Only what no
    /// tenant could change reaches further.
    #[must_use]
    pub fn elsewhere(self) -> Self {
        match self.state {
            ConsentState::ClientCredential => self,
            _ if self.reach == Reach::Consent => Self { reach: Reach::Tenant, ..self },
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use serde_json::json;

    use super::*;

    fn of(status: u16, document: &serde_json::Value) -> Failure {
        Failure::of(&TokenEndpointError::of(StatusCode::from_u16(status).unwrap(), document.to_string().as_bytes()))
    }

    fn entra(error: &str, number: u32) -> Failure {
        of(400, &json!({"error": error, "error_codes": [number], "error_description": format!("AADSTS{number}: …")}))
    }

    #[test]
    fn each_published_error_has_its_state() {
        for (error, numbers, state) in [
            ("interaction_required", &[50076, 50074, 50078, 50079, 50072][..], ConsentState::ReconsentMfa),
            ("invalid_grant", &[50076, 50074, 50078, 50079, 50072], ConsentState::ReconsentMfa),
            ("invalid_grant", &[50173, 70000, 50132, 50133, 700_082, 70008, 70043], ConsentState::Reconsent),
            ("invalid_client", &[7_000_215, 70002, 7_000_222, 700_027], ConsentState::ClientCredential),
            ("invalid_grant", &[53003, 50057, 530_034], ConsentState::Blocked),
            ("access_denied", &[53003], ConsentState::Blocked),
        ] {
            for number in numbers {
                assert_eq!(entra(error, *number), Failure { state, reach: Reach::Consent }, "{error} {number}");
            }
        }
        for (error, number) in [("invalid_grant", 65001), ("invalid_grant", 650_052), ("invalid_resource", 650_057)] {
            assert_eq!(entra(error, number).reach, Reach::Tenant, "{number}");
        }
        for (status, error, number) in
            [(400, "invalid_grant", 90033), (400, "invalid_request", 50087), (503, "invalid_grant", 50173)]
        {
            let document = json!({"error": error, "error_codes": [number]});
            assert_eq!(of(status, &document).reach, Reach::Moment, "{number}");
        }
        assert_eq!(of(429, &json!({"error": "invalid_grant"})).reach, Reach::Moment);
        assert_eq!(of(400, &json!({"error": "temporarily_unavailable"})).reach, Reach::Moment);
    }

    #[test]
    fn words_go_before_numbers_and_what_is_unknown_ends_no_consent() {
        let with =
            |suberror: &str| of(400, &json!({"error": "invalid_grant", "suberror": suberror, "error_codes": [1]}));
        assert_eq!(with("basic_action").state, ConsentState::ReconsentMfa);
        assert_eq!(with("bad_token").state, ConsentState::Reconsent);
        assert_eq!(with("consent_required").reach, Reach::Tenant);
        assert_eq!(of(400, &json!({"error": "invalid_grant"})).state, ConsentState::Reconsent);
        assert_eq!(of(400, &json!({"error": "something_new"})).reach, Reach::Moment);
        assert_eq!(of(200, &json!({})).reach, Reach::Moment);
    }

    #[test]
    fn a_customers_policy_does_not_end_the_partners_consent() {
        assert_eq!(entra("invalid_grant", 50076).elsewhere().reach, Reach::Tenant);
        assert_eq!(entra("invalid_client", 700_027).elsewhere().reach, Reach::Consent);
        assert_eq!(entra("invalid_grant", 90033).elsewhere().reach, Reach::Moment);
    }
}
