//! How senders prove the key that their token is bound to.

use schemars::JsonSchema;
use serde::Deserialize;

/// How senders prove the key that their token is bound to (DPoP, RFC 9449).
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Dpop {
    /// The accepted signature algorithms of proofs. Default: `[ES256, ES384, ES512, EdDSA, PS256, RS256]`.
    pub algorithms: Option<Vec<String>>,
    /// How far the time of a proof may be from the gateway's, in either direction. Default `60s`, at most `5m`.
    pub window: Option<String>,
    /// How many proofs are remembered at once, so that none comes twice. While there are more, further ones get 503. Default
    /// 1000000.
    pub remembered: Option<u32>,
    /// The nonces that proofs have to hold (RFC 9449 section 9). Absent: they need none.
    pub nonce: Option<DpopNonce>,
}

/// The nonces of DPoP proofs: who makes a proof needs a new one from the gateway every few minutes.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct DpopNonce {
    /// How long a nonce is the current one; it is accepted for as long again. Default `5m`, from `10s` to `1h`.
    pub lifetime: Option<String>,
    /// Files with the keys of nonces: the first makes nonces, all accept them. Each has 32 random bytes: `openssl rand
    /// -base64 32`. Default: those of `sign_in`, else `consent_keys`, else a random key of the process.
    pub keys: Option<Vec<String>>,
}

/// Whether a route takes only tokens that are bound to their senders.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum SenderConstrained {
    /// Unbound ones, too. Who sends a bound one must show that it is theirs all the same.
    #[default]
    Any,
    /// Those that are bound to a key or to a client certificate.
    Required,
    /// Those that are bound to a key (DPoP).
    Dpop,
    /// Those that are bound to a client certificate (mutual TLS).
    Mtls,
}
