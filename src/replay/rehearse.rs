//! One recorded decision, decided again.

use std::sync::Arc;

use http::Method;

use super::places::{Place, Places};
use crate::config::{Config, Issuer};
use crate::journal::DecisionLine;
use crate::routing::RouteTable;
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy::{Attached, Decision, Evidence, MfaFinding, Proof, Waivers, decide};
use mfa_gateway_core::token::{Amr, App, Check, IssuerRule, Principal, TokenError, User, Validity};

/// Another configuration, under which recorded decisions are decided again.
#[derive(Debug)]
pub(crate) struct Rehearsal {
    places: Places,
    waivers: Waivers,
    issuers: Vec<Issuer>,
    /// The assumed time of every request; its own if absent.
    at: Option<Timestamp>,
}

/// The result for a recorded decision.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Again {
    pub(super) was_permitted: bool,
    pub(super) now: Outcome,
    /// Whether the recorded finding was used, because the issuer's rule looks at claims that the log lacks.
    pub(super) finding_taken: bool,
}

/// The new decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Permitted, on these grounds.
    Permit(&'static str),
    /// Refused, for this reason.
    Deny(String),
    /// The log doesn't contain enough.
    Undetermined(&'static str),
}

/// The recorded facts about the caller.
enum Caller {
    Known(Evidence),
    /// The token or its absence was refused before the rule looked at anything else.
    Refused(String),
    /// The route was public, so the token was not read.
    NotLookedAt,
}

const ROUTES_DIFFER: &str = "routes below the recorded route decide differently, and the log contains no paths";
const NOT_LOOKED_AT: &str = "the route was public, so no token was read";

impl Rehearsal {
    /// The rehearsal of a configuration. `recorded_with` is the one that recorded, if known.
    pub(crate) fn new(config: &Config, recorded_with: Option<&Config>, at: Option<Timestamp>) -> Self {
        let recorded = recorded_with.into_iter().flat_map(|config| &config.routes).map(|route| route.pattern.clone());
        Self {
            places: Places::new(RouteTable::new(config.routes.clone()), recorded.collect()),
            waivers: config.waivers.clone(),
            issuers: config.issuers.clone(),
            at,
        }
    }

    /// Decides again.
    ///
    /// # Errors
    ///
    /// A description, if the gateway doesn't write such lines.
    pub(super) fn decide(&mut self, line: &DecisionLine<'_>) -> Result<Again, String> {
        let recorded_at = Timestamp::parse(&line.time).ok_or("`time` is not a date and time (RFC 3339)")?;
        let now = self.at.unwrap_or(recorded_at);
        let method = Method::from_bytes(line.method.as_bytes()).map_err(|_| "`method` is not an HTTP method")?;
        let was_permitted = match &*line.decision {
            "permit" => true,
            "deny" => false,
            _ => return Err("`decision` is neither `permit` nor `deny`".to_owned()),
        };
        let (caller, finding_taken) = self.caller(line, recorded_at, now)?;
        let places = self.places.of(&line.route, line.route_kind == "path", &method);
        let mut outcomes = places.iter().map(|place| self.outcome(place, &caller, now));
        // There is always at least one.
        let first = outcomes.next().unwrap_or(Outcome::Undetermined(ROUTES_DIFFER));
        let now = if outcomes.all(|other| other.agrees(&first)) { first } else { Outcome::Undetermined(ROUTES_DIFFER) };
        Ok(Again { was_permitted, now, finding_taken })
    }

    fn outcome(&self, place: &Place, caller: &Caller, now: Timestamp) -> Outcome {
        let route = match place {
            Ok(route) => route,
            Err(reason) => return Outcome::Deny((*reason).to_owned()),
        };
        let none = Evidence::None;
        let evidence = if let Caller::Known(evidence) = caller { evidence } else { &none };
        match (decide(&route.rule, evidence, &self.waivers, now), caller) {
            (Decision::Permit(grounds), _) => Outcome::Permit(grounds.code()),
            (Decision::Deny(denial), Caller::Known(_)) => Outcome::Deny(denial.code().to_owned()),
            (Decision::Deny(_), Caller::Refused(reason)) => Outcome::Deny(reason.clone()),
            (Decision::Deny(_), Caller::NotLookedAt) => Outcome::Undetermined(NOT_LOOKED_AT),
        }
    }

    /// The line's facts about the caller, and whether its recorded finding had to be used.
    fn caller(
        &self,
        line: &DecisionLine<'_>,
        recorded_at: Timestamp,
        now: Timestamp,
    ) -> Result<(Caller, bool), &'static str> {
        let judged = |check: &str| [Check::Route, Check::Mfa].iter().any(|one| one.name() == check);
        if line.decision == "deny" && !line.check.as_deref().is_some_and(judged) {
            return Ok((Caller::Refused(line.reason.as_deref().unwrap_or_default().to_owned()), false));
        }
        let Some(name) = line.issuer.as_deref() else { return Ok((Caller::NotLookedAt, false)) };
        let finding = line.evidence.as_deref().and_then(MfaFinding::from_name);
        let finding = finding.ok_or("`evidence` is not an MFA finding")?;
        let mut of_name = self.issuers.iter().filter(|issuer| issuer.profile.name == name).peekable();
        let Some(issuer) = of_name.peek().copied() else {
            return Ok((Caller::Known(Evidence::Invalid(TokenError::IssuerUnknown)), false));
        };
        if !of_name.any(|issuer| trusts(issuer, line.tenant.as_deref())) {
            return Ok((Caller::Known(Evidence::Invalid(TokenError::TenantUntrusted)), false));
        }
        let evaluated = issuer.profile.mfa.evaluate_methods(line.amr.as_deref());
        let own = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().map(str::to_owned);
        let app = App { id: own(&line.application) };
        let principal = match line.class.as_deref() {
            Some("app_only") => Principal::AppOnly(app),
            Some("app_user") => Principal::AppUser(app, User { id: own(&line.user) }),
            _ => return Err("`class` is neither `app_only` nor `app_user`"),
        };
        let finding_taken = evaluated.is_none() && principal.user().is_some();
        // The time from sign-in to request stays the same.
        let moved = |at: Timestamp| at.plus(now.since(recorded_at)).minus(recorded_at.since(now));
        let proof = Proof {
            issuer: Arc::clone(&issuer.profile),
            principal,
            tenant: own(&line.tenant),
            version: own(&line.ver),
            amr: line.amr.as_deref().map_or(Amr::Absent, |methods| Amr::Methods(methods.to_vec())),
            mfa: evaluated.unwrap_or(finding),
            auth_time: line.auth_time.map(Timestamp::from_secs).map(moved),
            validity: Validity::always(),
            handles_claims_challenge: false,
            told: Box::default(),
            attached: Attached::default(),
        };
        Ok((Caller::Known(Evidence::Token(Arc::new(proof))), finding_taken))
    }
}

impl Outcome {
    fn agrees(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// Whether the issuer's tokens may come from this tenant.
fn trusts(issuer: &Issuer, tenant: Option<&str>) -> bool {
    let (IssuerRule::Entra { tenants, .. }, Some(tenant)) = (&issuer.rules.issuer, tenant) else { return true };
    tenants.contains(tenant)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::{Value, json};

    use super::*;

    fn config(issuer: &str, rest: &str) -> Config {
        let text = format!(
            "
listeners: [{{ address: 127.0.0.1:0 }}]
upstreams: [{{ name: api, endpoints: [\"http://127.0.0.1:1\"] }}]
issuers: [{{ name: idp, issuer: \"https://idp.example/\", audiences: [a]{issuer} }}]
{rest}
"
        );
        Config::parse("test.yaml", &text, HashMap::new()).unwrap()
    }

    /// A user without MFA, whom report mode permitted on `/v1/`.
    fn john() -> Value {
        json!({
            "event": "decision", "time": "2026-11-19T10:00:00.000Z", "request_id": "r", "correlation_id": "c",
            "method": "GET", "route": "/v1/", "route_kind": "prefix", "client": null, "issuer": "idp",
            "class": "app_user", "tenant": "t", "application": "app-1", "user": "john", "ver": null, "amr": ["pwd"],
            "evidence": "missing", "auth_time": 1_795_082_000, "requirement": "mfa", "mode": "report",
            "decision": "permit", "grounds": "report_only", "reason": "mfa_missing", "check": "mfa",
            "exception": null, "generation": 1,
        })
    }

    fn changed(changes: Value) -> Value {
        let mut line = john();
        let Value::Object(changes) = changes else { unreachable!() };
        line.as_object_mut().unwrap().extend(changes);
        line
    }

    /// John's token, without anything that could be refused.
    fn refused(check: &str, reason: &str) -> Value {
        changed(json!({"decision": "deny", "grounds": null, "check": check, "reason": reason}))
    }

    fn again(config: &Config, line: Value) -> Outcome {
        Rehearsal::new(config, None, None).decide(&serde_json::from_value(line).unwrap()).unwrap().now
    }

    fn deny(reason: &str) -> Outcome {
        Outcome::Deny(reason.to_owned())
    }

    const ENFORCED: &str = "routes: [{ prefix: /v1/, upstream: api }]";

    #[test]
    fn the_live_rule_decides_again_with_all_that_may_waive() {
        assert_eq!(again(&config("", ENFORCED), john()), deny("mfa_missing"));
        assert_eq!(again(&config("", ENFORCED), changed(json!({"amr": ["pwd", "mfa"]}))), Outcome::Permit("mfa"));
        let report = "routes: [{ prefix: /v1/, upstream: api, mode: report }]";
        assert_eq!(again(&config("", report), john()), Outcome::Permit("report_only"));
        let staged = format!("{ENFORCED}\nactivation: [{{ application: APP-1, mode: \"off\" }}]");
        assert_eq!(again(&config("", &staged), john()), Outcome::Permit("off"));
        let tenants = "routes: [{ prefix: /v1/, upstream: api, tenants: [df845f1a-7b35-40a2-ba78-6481de91f8ae] }]";
        assert_eq!(again(&config("", tenants), john()), deny("tenant_mismatch"));
        let daemon = changed(json!({"class": "app_only", "user": null, "grounds": "app_only"}));
        assert_eq!(again(&config("", ENFORCED), daemon.clone()), Outcome::Permit("app_only"));
        let people = "routes: [{ prefix: /v1/, upstream: api, app_only: deny }]";
        assert_eq!(again(&config("", people), daemon), deny("app_only_forbidden"));
    }

    #[test]
    fn the_time_is_that_of_the_record_unless_another_is_given() {
        let dated = "routes: [{ prefix: /v1/, upstream: api, enforce_from: \"2026-11-19T10:00:01Z\" }]
exceptions:
  - { id: x, owner: o, reason: r, application: app-2, expires: \"2026-11-19T10:00:01Z\" }";
        let dated = config("", dated);
        let at = |text: &str, line: Value| {
            Rehearsal::new(&dated, None, Timestamp::parse(text))
                .decide(&serde_json::from_value(line).unwrap())
                .unwrap()
                .now
        };
        let other = changed(json!({"application": "app-2"}));
        assert_eq!(again(&dated, john()), Outcome::Permit("report_only"));
        assert_eq!(again(&dated, other.clone()), Outcome::Permit("exempt"));
        assert_eq!(at("2026-11-19T10:00:01Z", john()), deny("mfa_missing"));
        assert_eq!(at("2026-11-19T10:00:01Z", other), deny("mfa_missing"));
    }

    #[test]
    fn a_sign_in_is_as_old_as_it_was_on_every_day() {
        let fresh = config("", "routes: [{ prefix: /v1/, upstream: api, max_age: 1h }]");
        let signed_in = |age: i64| {
            let at = Timestamp::parse("2026-11-19T10:00:00Z").unwrap().as_secs() - age;
            changed(json!({"amr": ["mfa"], "evidence": "proven", "auth_time": at}))
        };
        for at in [None, Timestamp::parse("2026-12-24T00:00:00Z"), Timestamp::parse("2020-01-01T00:00:00Z")] {
            let again =
                |line| Rehearsal::new(&fresh, None, at).decide(&serde_json::from_value(line).unwrap()).unwrap().now;
            assert_eq!(again(signed_in(3600)), Outcome::Permit("mfa"));
            assert_eq!(again(signed_in(3601)), deny("authentication_stale"));
        }
    }

    #[test]
    fn a_refused_token_stays_refused_unless_nobody_looks_any_more() {
        let open = config("", "routes: [{ prefix: /v1/, upstream: api, require: public }]");
        for (check, reason) in
            [("credential", "no_credential"), ("signature", "keys_unavailable"), ("time", "token_expired")]
        {
            assert_eq!(again(&config("", ENFORCED), refused(check, reason)), deny(reason));
            assert_eq!(again(&open, refused(check, reason)), Outcome::Permit("public"));
        }
        // The evidence of a decided token is known, so the decision of the route can change.
        assert_eq!(again(&config("", ENFORCED), refused("route", "tenant_mismatch")), deny("mfa_missing"));
        let unlooked = changed(json!({"issuer": null, "class": null, "evidence": null, "grounds": "public"}));
        assert_eq!(again(&open, unlooked.clone()), Outcome::Permit("public"));
        assert_eq!(again(&config("", ENFORCED), unlooked), Outcome::Undetermined(NOT_LOOKED_AT));
    }

    #[test]
    fn evidence_is_read_again_where_the_rule_is_about_amr_alone() {
        let decide = |issuer: &str, line: Value| {
            let line = serde_json::from_value(line).unwrap();
            let again = Rehearsal::new(&config(issuer, ENFORCED), None, None).decide(&line).unwrap();
            (again.now, again.finding_taken)
        };
        let password = ", mfa_evidence: { any: [{ claim: amr, contains: pwd }] }";
        assert_eq!(decide(password, john()), (Outcome::Permit("mfa"), false));
        assert_eq!(decide("", changed(json!({"amr": null, "evidence": "proven"}))), (deny("amr_absent"), false));
        let acr = ", mfa_evidence: { any: [{ claim: acr, equals: high }] }";
        assert_eq!(decide(acr, john()), (deny("mfa_missing"), true));
        assert_eq!(decide(acr, changed(json!({"evidence": "proven"}))), (Outcome::Permit("mfa"), true));
        assert_eq!(decide("", changed(json!({"issuer": "gone"}))), (deny("issuer_unknown"), false));
    }

    #[test]
    fn a_tenant_that_an_issuer_no_longer_has_is_refused() {
        let entra = "
listeners: [{ address: 127.0.0.1:0 }]
upstreams: [{ name: api, endpoints: [\"http://127.0.0.1:1\"] }]
issuers: [{ name: idp, entra: { tenants: [df845f1a-7b35-40a2-ba78-6481de91f8ae] }, audiences: [a] }]
routes: [{ prefix: /v1/, upstream: api, mode: report }]";
        let entra = Config::parse("test.yaml", entra, HashMap::new()).unwrap();
        assert_eq!(again(&entra, john()), deny("tenant_not_trusted"));
        let trusted = changed(json!({"tenant": "DF845F1A-7B35-40A2-BA78-6481DE91F8AE"}));
        assert_eq!(again(&entra, trusted), Outcome::Permit("report_only"));
    }

    #[test]
    fn what_another_table_of_routes_leaves_open_is_undetermined() {
        let split =
            config("", "routes: [{ prefix: /, upstream: api }, { prefix: /v1/open/, upstream: api, mode: report }]");
        assert_eq!(again(&split, john()), Outcome::Undetermined(ROUTES_DIFFER));
        // The recording routes below took their own requests.
        let line = serde_json::from_value(john()).unwrap();
        let known = Rehearsal::new(&split, Some(&split), None).decide(&line).unwrap().now;
        assert_eq!(known, deny("mfa_missing"));
        let proven = changed(json!({"amr": ["mfa"]}));
        assert_eq!(again(&split, proven), Outcome::Permit("mfa"), "both permit");
        let exact = changed(json!({"route": "/v1/open/x", "route_kind": "path"}));
        assert_eq!(again(&split, exact), Outcome::Permit("report_only"));
        let elsewhere = config("", "routes: [{ prefix: /v2/, upstream: api }]");
        assert_eq!(again(&elsewhere, john()), deny("no_route"));
        let read = config("", "routes: [{ prefix: /v1/, upstream: api, methods: [GET], mode: report }]");
        assert_eq!(again(&read, changed(json!({"method": "HEAD"}))), Outcome::Permit("report_only"));
        assert_eq!(again(&read, changed(json!({"method": "POST"}))), deny("method_not_allowed"));
    }

    #[test]
    fn a_line_that_the_gateway_did_not_write_is_malformed() {
        for (changes, problem) in [
            (json!({"time": "yesterday"}), "`time` is not a date and time (RFC 3339)"),
            (json!({"method": "G T"}), "`method` is not an HTTP method"),
            (json!({"decision": "maybe"}), "`decision` is neither `permit` nor `deny`"),
            (json!({"evidence": "good"}), "`evidence` is not an MFA finding"),
            (json!({"class": "robot"}), "`class` is neither `app_only` nor `app_user`"),
        ] {
            let line = serde_json::from_value(changed(changes)).unwrap();
            assert_eq!(Rehearsal::new(&config("", ENFORCED), None, None).decide(&line).unwrap_err(), problem);
        }
    }
}
