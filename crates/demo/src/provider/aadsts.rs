//! Entra's errors by their numbers, in the form in which its token endpoints report them.
//!
//! Numbers, names and first sentences are those of Microsoft's "Microsoft Entra authentication and authorization error
//! codes". Clients decide by `error` and `suberror`; the numbers are for people.

use http::StatusCode;
use serde_json::{Value, json};

use super::shape::Manner;
use mfa_gateway_core::clock::Timestamp;

/// An error of Entra's.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Its number.
    pub(crate) number: u32,
    /// The registered code, `error`.
    pub(crate) error: &'static str,
    /// What kind of error of that code it is, `suberror`.
    suberror: &'static str,
    /// What it says.
    pub(crate) text: &'static str,
}

/// The policy that a sign-in has to satisfy, in the claims that go with an error.
const POLICY: &str =
    r#"{"access_token":{"capolids":{"essential":true,"values":["9f1d5c3a-0000-4000-8000-000000000001"]}}}"#;

const BASIC: &str = "basic_action";
const GRANT: &str = "invalid_grant";
const CLIENT: &str = "invalid_client";

const fn refusal(number: u32, error: &'static str, suberror: &'static str, text: &'static str) -> Refusal {
    Refusal { number, error, suberror, text }
}

/// The errors that a consent of an unattended program meets, and those of passwords.
static REFUSALS: [Refusal; 35] = [
    // MFA.
    refusal(50072, GRANT, BASIC, "User needs to enroll in multi-factor authentication to access the resource."),
    refusal(50074, GRANT, BASIC, "Strong authentication is required, and the user did not pass the MFA challenge."),
    refusal(
        50076,
        GRANT,
        BASIC,
        "Due to a configuration change made by your administrator, or because you moved to a new location, you must use \
         multi-factor authentication to access the resource.",
    ),
    refusal(
        50078,
        GRANT,
        BASIC,
        "Presented multi-factor authentication has expired due to policies configured by your administrator, you must refresh your multi-factor authentication to access the resource.",
    ),
    refusal(
        50079,
        GRANT,
        BASIC,
        "Due to a configuration change made by your administrator, or because you moved to a new location, you must enroll \
         in multi-factor authentication to access the resource.",
    ),
    refusal(50158, "interaction_required", BASIC, "External security challenge was not satisfied."),
    refusal(
        53004,
        GRANT,
        BASIC,
        "User needs to complete the multi-factor authentication registration process before accessing this content.",
    ),
    // The grant is over.
    refusal(50132, GRANT, "", "The session is not valid due to password expiration or recent password change."),
    refusal(50133, GRANT, "", "The session is not valid due to password expiration or recent password change."),
    refusal(
        50173,
        GRANT,
        "bad_token",
        "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password.",
    ),
    refusal(
        70000,
        GRANT,
        "",
        "The provided value for the input parameter 'refresh_token' or 'assertion' is not valid.",
    ),
    refusal(
        70008,
        GRANT,
        "token_expired",
        "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource.",
    ),
    refusal(
        70043,
        GRANT,
        "bad_token",
        "The refresh token has expired or is invalid due to sign-in frequency checks by conditional access.",
    ),
    refusal(700_082, GRANT, "bad_token", "The refresh token has expired due to inactivity."),
    // Nobody consented.
    refusal(
        65001,
        GRANT,
        "consent_required",
        "The user or administrator has not consented to use the application. Send an interactive authorization request for this user and resource.",
    ),
    refusal(65004, GRANT, "consent_required", "User declined to consent to access the app."),
    refusal(
        650_052,
        GRANT,
        "",
        "The app needs access to a service that your organization has not subscribed to or enabled.",
    ),
    refusal(
        650_057,
        "invalid_resource",
        "",
        "Invalid resource. The client has requested access to a resource which is not listed in the requested permissions in the client's application registration.",
    ),
    // The client.
    refusal(70002, CLIENT, "", "Error validating credentials."),
    refusal(
        700_027,
        CLIENT,
        "",
        "The certificate with identifier used to sign the client assertion is not registered on application.",
    ),
    refusal(
        7_000_215,
        CLIENT,
        "",
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID.",
    ),
    refusal(7_000_222, CLIENT, "", "The provided client secret keys are expired."),
    // Blocked.
    refusal(
        50053,
        GRANT,
        "",
        "The account is locked, you've tried to sign in too many times with an incorrect user ID or password.",
    ),
    refusal(50057, GRANT, "", "The user account is disabled."),
    refusal(50105, GRANT, "", "The signed in user is not assigned to a role for the application."),
    refusal(
        53003,
        "access_denied",
        "",
        "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.",
    ),
    refusal(
        530_034,
        "access_denied",
        "",
        "A delegated administrator was blocked from accessing the tenant due to account risk in their home tenant.",
    ),
    refusal(700_016, "unauthorized_client", "", "Application was not found in the directory."),
    // Passwords.
    refusal(
        50034,
        GRANT,
        "",
        "The user account does not exist in the directory. To sign into this application, the account must be added to the directory.",
    ),
    refusal(50126, GRANT, "", "Error validating credentials due to invalid username or password."),
    // What passes.
    refusal(
        50087,
        "temporarily_unavailable",
        "",
        "A transient error has occurred during strong authentication. Please try again.",
    ),
    refusal(
        50196,
        GRANT,
        "",
        "The server terminated an operation because it encountered a client request loop. Please contact your app vendor.",
    ),
    refusal(90033, "temporarily_unavailable", "", "A transient error has occurred. Please try again."),
    refusal(90055, "temporarily_unavailable", "", "The tenant has been throttled due to too many requests."),
    // The request.
    refusal(900_144, "invalid_request", "", "The request body must contain a parameter that is missing."),
];

/// The error with this number.
pub(crate) fn find(number: u32) -> Option<&'static Refusal> {
    REFUSALS.iter().find(|refusal| refusal.number == number)
}

impl Refusal {
    /// The status of the response.
    pub(crate) fn status(&self) -> StatusCode {
        match (self.error, self.number) {
            (CLIENT, _) => StatusCode::UNAUTHORIZED,
            (_, 90055) => StatusCode::TOO_MANY_REQUESTS,
            (_, 90033) => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// The body of the response.
    pub(crate) fn body(&self, manner: Manner, now: Timestamp) -> Value {
        let (trace, correlation) = (id(), id());
        let timestamp = now.to_rfc3339().replace('T', " ");
        let Self { number, text, .. } = self;
        let about = format!("Trace ID: {trace}\r\nCorrelation ID: {correlation}\r\nTimestamp: {timestamp}");
        let wants_mfa = self.suberror == BASIC;
        // The v1 endpoint has a code of its own where a person has to act.
        let error = if wants_mfa && manner == Manner::V1 { "interaction_required" } else { self.error };
        let mut body = json!({
            "error": error,
            "error_description": format!("AADSTS{number}: {text}\r\n{about}"),
            "error_codes": [number],
            "timestamp": timestamp,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": format!("https://login.microsoftonline.com/error?code={number}"),
        });
        if !self.suberror.is_empty() {
            body["suberror"] = json!(self.suberror);
        }
        if wants_mfa || *number == 53003 {
            body["claims"] = json!(POLICY);
        }
        body
    }
}

/// An id in the form of a UUID.
fn id() -> String {
    let mut bytes = [0; 16];
    // Without random numbers, the id tells nothing, and nothing else goes wrong.
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    let part = |range: std::ops::Range<usize>| hex.get(range).unwrap_or_default().to_owned();
    [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn body(number: u32, manner: Manner) -> Value {
        find(number).unwrap().body(manner, Timestamp::from_secs(1_549_088_552))
    }

    #[test]
    fn each_number_stands_once() {
        let numbers: BTreeSet<_> = REFUSALS.iter().map(|refusal| refusal.number).collect();
        assert_eq!(numbers.len(), REFUSALS.len());
        assert_eq!(find(1), None);
    }

    #[test]
    fn an_error_has_the_members_that_support_asks_for() {
        let body = body(50076, Manner::V2);
        assert_eq!((&body["error"], &body["error_codes"]), (&json!("invalid_grant"), &json!([50076])));
        assert_eq!(body["timestamp"], "2019-02-02 06:22:32.000Z");
        for id in [&body["trace_id"], &body["correlation_id"]] {
            assert_eq!(id.as_str().unwrap().split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
            assert!(body["error_description"].as_str().unwrap().contains(id.as_str().unwrap()));
        }
        assert!(body["error_description"].as_str().unwrap().starts_with("AADSTS50076: Due to"));
    }

    #[test]
    fn where_a_person_has_to_act_the_error_says_by_which_policy() {
        for number in [50072, 50074, 50076, 50078, 50079, 50158, 53004] {
            let body = body(number, Manner::V2);
            assert_eq!(body["suberror"], BASIC, "{number}");
            assert!(body["claims"].as_str().unwrap().contains("capolids"), "{number}");
        }
        assert_eq!(body(50076, Manner::V1)["error"], "interaction_required");
        assert_eq!(body(700_082, Manner::V1)["error"], "invalid_grant");
        assert_eq!(body(50057, Manner::V2).get("claims"), None);
    }

    #[test]
    fn clients_and_troubles_have_their_own_statuses() {
        let status = |number| find(number).unwrap().status().as_u16();
        assert_eq!([status(7_000_222), status(90055), status(90033), status(50173)], [401, 429, 503, 400]);
    }
}
