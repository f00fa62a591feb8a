//! What an issuer's tokens say, and what it means.

use schemars::JsonSchema;
use serde::Deserialize;

/// The proof that a token was issued to an application without a user. Without the proof, the token counts as a user's.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::config) enum AppOnlyProof {
    /// One that the gateway knows.
    Known(KnownProof),
    /// One that is written out.
    Own(OwnProof),
}

/// A proof that the gateway knows.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum KnownProof {
    /// `idtyp` is `app`, or `oid` equals `sub` and the client authenticated (`appidacr`/`azpacr` 1 or 2), and there is
    /// no `scp`, `scope` or claim of a user.
    Entra,
    /// `idtyp` is `app`. No other proof counts.
    Idtyp,
    /// `sub` equals `client_id` (RFC 9068 section 2.2), and there is no claim of a user.
    Rfc9068,
    /// Either the `entra` or the `rfc9068` proof.
    Any,
    /// No token is ever app-only.
    None,
}

/// The rule that says which evidence counts as MFA. An empty `any` or `all` is the same as an absent one.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct MfaEvidence {
    /// One of these must hold.
    #[serde(default)]
    pub any: Vec<Predicate>,
    /// All of these must hold.
    #[serde(default)]
    pub all: Vec<Predicate>,
    /// None of these may hold.
    #[serde(default)]
    pub deny: Vec<Predicate>,
    /// The maximum age of the user's sign-in (`auth_time`). Absent: no maximum.
    pub max_age: Option<String>,
}

/// A test of one claim: exactly one of `contains` and `equals`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Predicate {
    /// The name of the claim, or the path to it as a list of names.
    pub claim: ClaimPath,
    /// The claim is an array of strings, and one element is exactly this.
    pub contains: Option<String>,
    /// The claim is a string, and is exactly this.
    pub equals: Option<String>,
}

/// A role: a name for what an issuer's claims say of a caller. Entries of one name add up.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Role {
    /// The name that routes, refusals and logs use.
    pub name: String,
    /// The name of the issuer whose callers get the role. Absent: those of every issuer.
    pub issuer: Option<String>,
    /// One of these must hold. At least one.
    pub any: Vec<Predicate>,
    /// Who grants the role, as refusals say it after the word "ask": `a global administrator of your tenant`.
    pub granted_by: Option<String>,
}

/// A proof that is written out. All signs of a user that the gateway knows count, too, unless `ignore` lists them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct OwnProof {
    /// All of these must hold. At least one.
    pub all: Vec<Condition>,
    /// None of these may hold: they are signs of a user.
    #[serde(default)]
    pub none: Vec<Condition>,
    /// Claims that are signs of a user elsewhere, but that this issuer's app-only tokens have, too.
    #[serde(default)]
    pub ignore: Vec<String>,
}

/// A condition on one claim: exactly one of `contains`, `equals`, `equals_claim` and `present`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Condition {
    /// The name of the claim, or the path to it as a list of names.
    pub claim: ClaimPath,
    /// The claim is an array of strings, and one element is exactly this.
    pub contains: Option<String>,
    /// The claim is a string, and is exactly this.
    pub equals: Option<String>,
    /// The claim is the string in this other claim, with `prefix` before and `suffix` after it.
    pub equals_claim: Option<ClaimPath>,
    /// With `equals_claim`: what stands before the other claim's value.
    pub prefix: Option<String>,
    /// With `equals_claim`: what stands after it.
    pub suffix: Option<String>,
    /// The word `true`: the claim is there, with any value but `null`.
    pub present: Option<bool>,
}

/// A claim's name, or the list of names that leads to it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::config) enum ClaimPath {
    /// A top-level claim; dots and slashes are part of the name.
    Name(String),
    /// The names from the outermost object inwards.
    Path(Vec<String>),
}
