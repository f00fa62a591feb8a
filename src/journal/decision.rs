//! A line of the decision log.

use std::borrow::Cow;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::listed::{bound_to, names};
use super::{Entry, ReadClaims};
use crate::routing::Pattern;
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy::{Decision, Denial, Grounds, Requirement, complies};
use mfa_gateway_core::token::{Amr, AuthTime};

/// A decision: the caller, the request, the evidence and the result.
///
/// It names the route's pattern, never the path, the query or a token: those contain secrets. `replay` decides from
/// these lines again.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[schemars(deny_unknown_fields)]
pub struct DecisionLine<'l> {
    /// `decision`.
    #[schemars(extend("const" = "decision"))]
    pub event: Cow<'l, str>,
    /// The time of the decision, as RFC 3339 in UTC with milliseconds.
    #[schemars(extend("format" = "date-time"))]
    pub time: Cow<'l, str>,
    /// `MS-RequestId`, which the caller also receives.
    pub request_id: Cow<'l, str>,
    /// `MS-CorrelationId`.
    pub correlation_id: Cow<'l, str>,
    /// The id of the trace; absent unless requests are traced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<Cow<'l, str>>,
    /// The request's method.
    pub method: Cow<'l, str>,
    /// The route's path or prefix, as the configuration writes it.
    pub route: Cow<'l, str>,
    /// Whether `route` is a `path` or a `prefix`.
    #[serde(default)]
    #[schemars(extend("enum" = ["path", "prefix"]))]
    pub route_kind: Cow<'l, str>,
    /// The routes below a prefix, each as `path` or `prefix` and its pattern: the request is for none of them. If they are
    /// many, a digest of them. `null` for a `path`, and in lines of older versions.
    #[serde(default)]
    pub narrower: Option<Cow<'l, [String]>>,
    /// The place that the route takes the token from. Absent in lines of older versions.
    #[serde(default)]
    pub token_from: Cow<'l, str>,
    /// What the caller was judged by: a `bearer` token, or the `session` of somebody who signed in. Absent in lines of older
    /// versions.
    #[serde(default)]
    #[schemars(extend("enum" = ["bearer", "session"]))]
    pub credential: Cow<'l, str>,
    /// The session's id; absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Cow<'l, str>>,
    /// The client's address; `null` for a request without a connection.
    #[schemars(with = "Option<String>")]
    pub client: Option<IpAddr>,
    /// The issuer's name. This and every member taken from the token is `null` unless a token was verified.
    pub issuer: Option<Cow<'l, str>>,
    /// `app_only` or `app_user`.
    #[schemars(extend("enum" = ["app_only", "app_user", null]))]
    pub class: Option<Cow<'l, str>>,
    /// The tenant (`tid`).
    pub tenant: Option<Cow<'l, str>>,
    /// The user's home tenant. Absent if it isn't known, and in lines of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home_tenant: Option<Cow<'l, str>>,
    /// The customer that the path names, on a route with `context: customer`. Absent on others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<Cow<'l, str>>,
    /// Whether the configuration has a delegation of this customer, in force or not. Absent if not, and in lines of older
    /// versions.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub customer_delegates: bool,
    /// The consent whose access token the upstream receives, on a route that uses one. Absent on others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<Cow<'l, str>>,
    /// The application's id (`appid`, `azp` or `client_id`).
    pub application: Option<Cow<'l, str>>,
    /// The user's object id (`oid`), or `sub`.
    pub user: Option<Cow<'l, str>>,
    /// What the user is, beyond a person: `directory_sync` for the account that synchronises a directory. Absent for others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["directory_sync", null]))]
    pub user_kind: Option<Cow<'l, str>>,
    /// The roles that the caller has, of those in the configuration. Absent if there is none, and in lines of older versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Cow<'l, str>>,
    /// Those of which it isn't known: the token leaves out a claim that could give them. Absent if there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles_unknown: Vec<Cow<'l, str>>,
    /// Stands for what the configuration takes for a role of this issuer's callers. Absent if there is no role, and in lines of
    /// older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_rules: Option<Cow<'l, str>>,
    /// The token's version.
    pub ver: Option<Cow<'l, str>>,
    /// The authentication methods; `null` if there is no `amr`, or it is not an array of strings.
    pub amr: Option<Cow<'l, [String]>>,
    /// The MFA finding of the issuer's rule: `proven`, `absent`, `missing` or `denied`.
    #[schemars(extend("enum" = ["proven", "absent", "missing", "denied", null]))]
    pub evidence: Option<Cow<'l, str>>,
    /// What the token says in the claims that the issuer's rule reads, except in an `amr` that the member above has.
    /// `null` without a token, and in lines of older versions.
    #[serde(default)]
    pub claims: Option<ReadClaims>,
    /// The issuer's rule; only if a claim was too long to be written whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mfa_rule: Option<Cow<'l, str>>,
    /// Stands for what the issuer's configuration requires of a token before the rule reads it, such as audiences and the
    /// proof of app-only tokens. `null` without a token, and in lines of older versions.
    #[serde(default)]
    pub issuer_rules: Option<Cow<'l, str>>,
    /// What the token is bound to: `dpop` (a key), `mtls` (a client certificate), both or nothing. `null` without one.
    #[serde(default)]
    pub bound_to: Option<Vec<Cow<'l, str>>>,
    /// When the user signed in, in seconds since 1970.
    pub auth_time: Option<i64>,
    /// Whether there is an `auth_time`, but not in the form of a time. Absent if not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub auth_time_malformed: bool,
    /// What the route requires: `public`, `authenticated` or `mfa`.
    #[schemars(extend("enum" = ["public", "authenticated", "mfa"]))]
    pub requirement: Cow<'l, str>,
    /// The mode for this caller: `off`, `report` or `enforce`. `null` if the route doesn't require MFA.
    #[schemars(extend("enum" = ["off", "report", "enforce", null]))]
    pub mode: Option<Cow<'l, str>>,
    /// Whether the caller fulfils what the route requires of MFA, whatever the mode and the exceptions. `null` if that isn't
    /// required, or wasn't judged; absent in lines of older versions.
    #[serde(default)]
    pub compliant: Option<bool>,
    /// `permit` or `deny`.
    #[schemars(extend("enum" = ["permit", "deny"]))]
    pub decision: Cow<'l, str>,
    /// The grounds of a permit.
    pub grounds: Option<Cow<'l, str>>,
    /// The reason code of a denial, or of a denial that was only reported.
    pub reason: Option<Cow<'l, str>>,
    /// The check that failed.
    pub check: Option<Cow<'l, str>>,
    /// The id of the exception that applied.
    pub exception: Option<Cow<'l, str>>,
    /// The generation of the configuration that decided: 1 at the start, one more for each reload.
    pub generation: u64,
    /// Which decisions the log gets (`log.decisions`): `all` or `denied`. Absent in lines of older versions.
    #[serde(default)]
    #[schemars(extend("enum" = ["all", "denied"]))]
    pub logged: Cow<'l, str>,
}

impl<'l> DecisionLine<'l> {
    /// When the user signed in.
    pub(crate) fn signed_in(&self) -> AuthTime {
        match self.auth_time {
            Some(at) => AuthTime::At(Timestamp::from_secs(at)),
            None if self.auth_time_malformed => AuthTime::Malformed,
            None => AuthTime::Absent,
        }
    }

    /// The line for a decision.
    pub(crate) fn of(entry: &'l Entry<'_>, time: &'l str) -> Self {
        let (proof, denial) = (entry.proof(), entry.denial());
        let text = |text: Option<&'l str>| text.map(Cow::Borrowed);
        let (decision, grounds, exception) = match entry.decision {
            Decision::Deny(_) => ("deny", None, None),
            Decision::Permit(Grounds::Exempt(id)) => ("permit", Some("exempt"), Some(id.as_str())),
            Decision::Permit(grounds) => ("permit", Some(grounds.code()), None),
        };
        let asked = matches!(entry.route.rule.requirement, Requirement::Mfa { .. });
        let mode = proof.filter(|_| asked).map(|proof| entry.waivers.mode(&entry.route.rule, proof, entry.at).name());
        let (claims, rule) = (proof.map(ReadClaims::of), || proof.map(|proof| proof.issuer.mfa.to_string()));
        Self {
            event: "decision".into(),
            time: time.into(),
            request_id: entry.request_id.into(),
            correlation_id: entry.correlation_id.into(),
            trace_id: text(entry.trace_id),
            method: entry.method.as_str().into(),
            route: entry.route.pattern.as_written().into(),
            route_kind: entry.route.pattern.kind().into(),
            narrower: matches!(entry.route.pattern, Pattern::Prefix(_)).then(|| Cow::Borrowed(&*entry.route.narrower)),
            token_from: entry.route.token_from.to_string().into(),
            credential: entry.credential.into(),
            session: text(entry.session),
            client: entry.client,
            issuer: text(proof.map(|proof| proof.issuer.name.as_str())),
            class: text(proof.map(|proof| proof.principal.class())),
            tenant: text(proof.and_then(|proof| proof.tenant.as_deref())),
            home_tenant: text(proof.and_then(|proof| proof.home.as_deref())),
            customer: text(entry.customer.map(|customer| customer.id)),
            customer_delegates: entry.customer.is_some_and(|customer| customer.delegates),
            consent: text(entry.route.consent.as_deref().map(|consent| consent.name.as_str())),
            application: text(proof.and_then(|proof| proof.principal.app().id.as_deref())),
            user: text(proof.and_then(|proof| proof.principal.user()).and_then(|user| user.id.as_deref())),
            user_kind: text(proof.and_then(|proof| proof.kind.name())),
            roles: proof.map(|proof| names(&proof.roles.held)).unwrap_or_default(),
            roles_unknown: proof.map(|proof| names(&proof.roles.unknown)).unwrap_or_default(),
            role_rules: text(proof.map(|proof| proof.issuer.roles.fingerprint()).filter(|rules| !rules.is_empty())),
            ver: text(proof.and_then(|proof| proof.version.as_deref())),
            amr: proof.and_then(|proof| match &proof.amr {
                Amr::Methods(methods) => Some(Cow::Borrowed(methods.as_slice())),
                Amr::Absent | Amr::Malformed => None,
            }),
            evidence: text(proof.map(|proof| proof.mfa.name())),
            mfa_rule: claims.as_ref().filter(|claims| claims.are_cut()).and_then(|_| rule()).map(Cow::Owned),
            claims,
            issuer_rules: text(proof.map(|proof| proof.issuer.fingerprint.as_str())),
            bound_to: proof.map(bound_to),
            auth_time: proof.and_then(|proof| proof.auth_time.time()).map(Timestamp::as_secs),
            auth_time_malformed: proof.is_some_and(|proof| proof.auth_time == AuthTime::Malformed),
            requirement: entry.route.rule.requirement.name().into(),
            mode: text(mode),
            compliant: if asked { complies(&entry.route.rule, entry.evidence, entry.at) } else { None },
            decision: decision.into(),
            grounds: text(grounds),
            reason: text(denial.map(Denial::code)),
            check: text(denial.map(|denial| denial.check().name())),
            exception: text(exception),
            generation: entry.generation,
            logged: entry.logged.into(),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::journal::line::in_line;
    use crate::journal::plain::Plain;

    /// Lines with every member, with as few as there can be, and with what must be escaped.
    pub(in super::super) fn lines() -> [DecisionLine<'static>; 3] {
        let full = DecisionLine {
            event: "decision".into(),
            time: "2019-02-02T06:22:32.000Z".into(),
            request_id: "6ba7b810-9dad-11d1-80b4-00c04fd430c8".into(),
            correlation_id: "c".into(),
            trace_id: Some("4bf92f3577b34da6a3ce929d0e0e4736".into()),
            method: "GET".into(),
            route: "/v1/".into(),
            route_kind: "prefix".into(),
            narrower: Some(vec!["path /v1/x".to_owned()].into()),
            token_from: "the Authorization field".into(),
            credential: "session".into(),
            session: Some("0123456789abcdefghijkl".into()),
            client: Some([192, 0, 2, 1].into()),
            issuer: Some("entra".into()),
            class: Some("app_user".into()),
            tenant: Some("t".into()),
            home_tenant: Some("p".into()),
            customer: Some("t".into()),
            customer_delegates: true,
            consent: Some("nightly".into()),
            application: Some("a".into()),
            user: Some("u".into()),
            user_kind: Some("directory_sync".into()),
            roles: vec!["Admin agent".into()],
            roles_unknown: vec!["Sales agent".into(), "Helpdesk agent".into()],
            role_rules: Some("7766554433221100".into()),
            ver: Some("1.0".into()),
            amr: Some(vec!["pwd".to_owned(), "mfa".to_owned()].into()),
            evidence: Some("proven".into()),
            claims: serde_json::from_str(
                r#"[{"claim":"acr","value":"1"},{"claim":["a","b"],"value":null,"cut":true}]"#,
            )
            .unwrap(),
            mfa_rule: Some("acr equals gold".into()),
            issuer_rules: Some("0011223344556677".into()),
            bound_to: Some(vec!["dpop".into(), "mtls".into()]),
            auth_time: Some(-7),
            auth_time_malformed: true,
            requirement: "mfa".into(),
            mode: Some("enforce".into()),
            compliant: Some(true),
            decision: "permit".into(),
            grounds: Some("mfa".into()),
            reason: Some("mfa_missing".into()),
            check: Some("mfa".into()),
            exception: Some("e".into()),
            generation: 12,
            logged: "all".into(),
        };
        let few = DecisionLine {
            trace_id: None,
            credential: "bearer".into(),
            session: None,
            client: None,
            issuer: None,
            class: None,
            tenant: None,
            home_tenant: None,
            customer: None,
            customer_delegates: false,
            consent: None,
            application: None,
            user: None,
            user_kind: None,
            roles: Vec::new(),
            roles_unknown: Vec::new(),
            role_rules: None,
            ver: None,
            amr: None,
            evidence: None,
            narrower: None,
            claims: None,
            mfa_rule: None,
            issuer_rules: None,
            bound_to: None,
            auth_time: None,
            auth_time_malformed: false,
            mode: None,
            compliant: None,
            grounds: None,
            reason: None,
            check: None,
            exception: None,
            ..full.clone()
        };
        let odd = "é \"x\" a\\n\n\u{1b}[31m\u{7f}\u{9b}m\u{2028}\u{202e}'";
        let odd = DecisionLine {
            tenant: Some(odd.into()),
            application: Some(odd.into()),
            user: Some(odd.into()),
            ver: Some(odd.into()),
            amr: Some(vec![odd.to_owned(), "mfa".to_owned(), String::new()].into()),
            route: "/caf\u{e9}/\"".into(),
            claims: serde_json::from_value(serde_json::json!([{"claim": odd, "value": [odd]}])).unwrap(),
            ..full.clone()
        };
        [full, few, odd]
    }

    #[test]
    fn a_line_is_what_its_type_says() {
        for line in lines() {
            let (mut written, mut expected) = (Vec::new(), Vec::new());
            in_line(&mut written, &line);
            line.serialize(&mut serde_json::Serializer::with_formatter(&mut expected, Plain)).unwrap();
            assert_eq!(String::from_utf8(written).unwrap(), String::from_utf8(expected).unwrap());
        }
    }
}
