//! Why a token is not valid.

/// Stands for the name of a claim that the configuration chose.
pub(super) const NAMED: &str = "that names the application";

/// A step of the judgement. They come in this order, and a later one is never reached when an earlier one fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    /// One credential, in one `Authorization` field, in the compact form.
    Credential,
    /// The signature: algorithm, key and the bytes themselves.
    Signature,
    /// The issuer, its tenant and its key.
    Issuer,
    /// The audience.
    Audience,
    /// The time.
    Time,
    /// App-only or app+user, without contradiction.
    Class,
    /// What the token is bound to, and whether its sender has shown it.
    Binding,
    /// What the route asks beyond a valid token: tenant, app-only.
    Route,
    /// The evidence of MFA.
    Mfa,
}

impl Check {
    /// All of them, in order.
    pub const ALL: [Self; 9] = [
        Self::Credential,
        Self::Signature,
        Self::Issuer,
        Self::Audience,
        Self::Time,
        Self::Class,
        Self::Binding,
        Self::Route,
        Self::Mfa,
    ];

    /// The name that refusals, logs and `explain` use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Credential => "credential",
            Self::Signature => "signature",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Time => "time",
            Self::Class => "class",
            Self::Binding => "binding",
            Self::Route => "route",
            Self::Mfa => "mfa",
        }
    }
}

/// A reason for which a token is not valid.
///
/// Messages name the rule, never anything that stood in the token: most are said before its signature was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum TokenError {
    /// The `Authorization` field isn't `Bearer` and one token.
    #[error("the Authorization field is not the word Bearer, one space and one token (RFC 6750 section 2.1)")]
    Credential,
    /// The token is longer than the configuration allows.
    #[error("the token has {bytes} bytes, and the limit is {limit} (limits.token_bytes)")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// It isn't three parts of canonical unpadded base64url.
    #[error("the token is not three parts of canonical unpadded base64url (RFC 7515 section 3.1)")]
    Compact,
    /// A part isn't one JSON object with unique names.
    #[error("the token's {0} is not one JSON object in UTF-8 with unique names (RFC 7519 section 4)")]
    Json(&'static str),
    /// A header parameter that the gateway must understand, and doesn't.
    #[error("the token's header parameter {0} is not accepted")]
    Header(&'static str),
    /// `typ` names something else than an access token.
    #[error("the token's typ is not that of an access token (RFC 9068 section 4)")]
    Type,
    /// The algorithm isn't in the issuer's list.
    #[error("the token's alg is not in the issuer's list of algorithms")]
    Algorithm,
    /// No key of the issuer fits the token.
    #[error("the issuer has no key with the token's kid that supports its alg")]
    KeyUnknown,
    /// The token doesn't name its key, and more keys fit than may be tried.
    #[error("the token's header has neither kid nor x5t, and more than four of the issuer's keys support its alg")]
    KeyUnnamed,
    /// The signature doesn't verify.
    #[error("the signature does not verify with the issuer's key")]
    Signature,
    /// A required claim is missing.
    #[error("the claim {0} is missing")]
    ClaimMissing(&'static str),
    /// A claim has the wrong JSON type.
    #[error("the claim {0} has the wrong JSON type")]
    ClaimMalformed(&'static str),
    /// `iss` isn't a configured issuer's.
    #[error("the token's issuer is not configured")]
    IssuerUnknown,
    /// The tenant isn't one of those the issuer is trusted for.
    #[error("the token's tenant is not trusted")]
    TenantUntrusted,
    /// `tid` and `iss` name different tenants, or `ver` and `iss` different token versions.
    #[error("the token's issuer, tenant and version do not match")]
    TenantContradicts,
    /// The key belongs to another issuer or cloud.
    #[error("the key that signed the token belongs to another issuer")]
    KeyIssuer,
    /// `aud` doesn't hold a configured audience.
    #[error("the token is for another audience")]
    Audience,
    /// A claim that the issuer's configuration requires is missing, or has another value.
    #[error("a claim that binds tokens to this issuer (required_claims) is missing or has another value")]
    ClaimMismatch,
    /// There is no `aud`, and the token isn't an access token of a configured client.
    #[error("the token has no aud, and it is not an access token (token_use) of a listed client (client_id)")]
    Client,
    /// The token is for Microsoft Graph, which alone can verify it.
    #[error("the token is for Microsoft Graph: the nonce in its header keeps everybody else from verifying it")]
    Graph,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` lies ahead.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// Its issuer says that it isn't active.
    #[error("the issuer says that the token is not active (RFC 7662 section 2.2)")]
    Inactive,
    /// Its issuer has ended it by a security event.
    #[error("the issuer has ended the caller's tokens since this one was issued (RFC 8417)")]
    Revoked,
    /// The claims say both app-only and user.
    #[error("the token claims to be app-only but has a user")]
    ClassContradicts,
    /// `idtyp` has a value that is neither `app` nor `user`.
    #[error("the token's idtyp is neither app nor user")]
    ClassUnknown,
    /// `cnf` binds the token in a way that the gateway doesn't know.
    #[error("the token's cnf binds it in a way that is not known here: only jkt and x5t#S256 are")]
    Binding,
}

impl TokenError {
    /// The stable reason code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Credential => "credential_malformed",
            Self::TooLong { .. } => "token_too_long",
            Self::Compact | Self::Json(_) => "token_malformed",
            Self::Header(_) => "token_header_not_accepted",
            Self::Type => "token_type_not_accepted",
            Self::Algorithm => "algorithm_not_accepted",
            Self::KeyUnknown | Self::KeyUnnamed => "key_unknown",
            Self::Signature => "signature_invalid",
            Self::ClaimMissing(_) => "claim_missing",
            Self::ClaimMalformed(_) => "claim_malformed",
            Self::IssuerUnknown => "issuer_unknown",
            Self::TenantUntrusted => "tenant_not_trusted",
            Self::TenantContradicts => "tenant_contradictory",
            Self::KeyIssuer => "key_of_another_issuer",
            Self::ClaimMismatch => "claim_mismatch",
            Self::Audience | Self::Client => "audience_mismatch",
            Self::Graph => "token_of_graph",
            Self::Expired => "token_expired",
            Self::NotYetValid => "token_not_yet_valid",
            Self::Inactive => "token_inactive",
            Self::Revoked => "token_revoked",
            Self::ClassContradicts => "class_contradictory",
            Self::ClassUnknown => "class_unknown",
            Self::Binding => "binding_unknown",
        }
    }

    /// The check that failed.
    #[must_use]
    pub fn check(self) -> Check {
        match self {
            Self::Credential | Self::TooLong { .. } | Self::Compact | Self::Json(_) | Self::Header(_) | Self::Type => {
                Check::Credential
            }
            Self::Algorithm | Self::KeyUnknown | Self::KeyUnnamed | Self::Signature | Self::Graph => Check::Signature,
            Self::IssuerUnknown
            | Self::TenantUntrusted
            | Self::TenantContradicts
            | Self::KeyIssuer
            | Self::ClaimMismatch => Check::Issuer,
            Self::Audience | Self::Client => Check::Audience,
            Self::Expired | Self::NotYetValid | Self::Inactive | Self::Revoked => Check::Time,
            Self::ClassContradicts | Self::ClassUnknown => Check::Class,
            Self::Binding => Check::Binding,
            Self::ClaimMissing(name) | Self::ClaimMalformed(name) => match name {
                "aud" => Check::Audience,
                "exp" | "nbf" | "iat" => Check::Time,
                "sub" | "oid" | "appid" | "azp" | "client_id" | "cid" | NAMED => Check::Class,
                "cnf" => Check::Binding,
                _ => Check::Issuer,
            },
        }
    }
}
