//! One recorded decision, decided again.

use std::sync::Arc;

use http::Method;

use super::caller::{Caller, Issuers};
use super::places::{Place, Places};
use super::why::Why;
use crate::config::Config;
use crate::journal::DecisionLine;
use crate::routing::RouteTable;
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy::{
    Asked, Context, Decision, Delegations, Denial, Evidence, Exception, Requirement, Rule, Waivers, decide,
};
use mfa_gateway_core::token::Check;

/// Another configuration, under which recorded decisions are decided again.
#[derive(Debug)]
pub(crate) struct Rehearsal {
    places: Places,
    waivers: Waivers,
    delegations: Arc<Delegations>,
    issuers: Issuers,
    /// The assumed time of every request; its own if absent.
    at: Option<Timestamp>,
}

/// The result for a recorded decision.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Again {
    pub(super) was_permitted: bool,
    pub(super) now: Outcome,
    /// Whether the recorded finding was used, because the rule is the same and the line lacks a claim.
    pub(super) finding_taken: bool,
    /// Whether it was assumed that the issuer asked the same of its tokens.
    pub(super) token_rules_assumed: bool,
}

/// The new decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Permitted, on these grounds.
    Permit(&'static str),
    /// Refused, for this reason.
    Deny(String),
    /// The log doesn't contain enough.
    Undetermined(Why),
}

impl Rehearsal {
    /// The rehearsal of a configuration. `recorded_with` is the one that recorded, if known.
    pub(crate) fn new(config: &Config, recorded_with: Option<&Config>, at: Option<Timestamp>) -> Self {
        let issuers = Issuers {
            new: config.issuers.clone(),
            recorded: recorded_with.map(|config| config.issuers.clone()).unwrap_or_default(),
        };
        let recorded = recorded_with.map(|config| RouteTable::new(config.routes.clone()));
        let places = Places::new(RouteTable::new(config.routes.clone()), recorded);
        let (waivers, delegations) = (config.waivers.clone(), Arc::clone(&config.delegations));
        Self { places, waivers, delegations, issuers, at }
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
        let recorded = self.issuers.caller(line, (recorded_at, now))?;
        let narrower = line.narrower.as_deref();
        let places = self.places.of(&line.route, line.route_kind == "path", &method, narrower);
        let mut outcomes = places.all.iter().map(|place| self.outcome(place, &recorded.caller, now, line));
        // There is always at least one.
        let first = outcomes.next().unwrap_or(Outcome::Undetermined(places.why));
        let now = if outcomes.all(|other| other.agrees(&first)) { first } else { Outcome::Undetermined(places.why) };
        let (finding_taken, token_rules_assumed) = (recorded.finding_taken, recorded.token_rules_assumed);
        Ok(Again { was_permitted, now, finding_taken, token_rules_assumed })
    }

    fn outcome(&self, place: &Place, caller: &Caller, now: Timestamp, line: &DecisionLine<'_>) -> Outcome {
        let route = match place {
            Ok(route) => route,
            Err(reason) => return Outcome::Deny((*reason).to_owned()),
        };
        // An exception that people granted is in no configuration: at its own time, the request still has it.
        let granted = line.exception.as_deref().is_some_and(|id| id.starts_with(Exception::GRANTED));
        let asked = Asked::from(&route.rule).about(line.customer.as_deref()).among(&self.delegations);
        let decided = |evidence: &Evidence| match decide(asked, evidence, &self.waivers, now) {
            Decision::Deny(denial) if lacks_context(&route.rule, denial, line) => {
                Outcome::Undetermined(Why::ContextUnknown)
            }
            Decision::Deny(Denial::RoleMissing | Denial::RolesUnknown | Denial::RoleNotDelegated)
                if self.issuers.lack_roles(line) =>
            {
                Outcome::Undetermined(Why::RolesUnknown)
            }
            Decision::Deny(Denial::Sender(_)) if line.bound_to.is_none() => Outcome::Undetermined(Why::BindingUnknown),
            Decision::Permit(grounds) => Outcome::Permit(grounds.code()),
            Decision::Deny(denial) if granted && self.at.is_none() && denial.check() == Check::Mfa => {
                Outcome::Permit("exempt")
            }
            Decision::Deny(denial) => Outcome::Deny(denial.code().to_owned()),
        };
        // A credential that the route no longer takes is none to it.
        if !route.takes(&line.credential) {
            return decided(&Evidence::None);
        }
        let token_from = if line.credential == "session" { "" } else { &*line.token_from };
        match (caller, decided(&Evidence::None)) {
            (Caller::Known(possible, why), _) => {
                let mut outcomes = possible.iter().map(decided);
                let first = outcomes.next().unwrap_or(Outcome::Undetermined(*why));
                let first =
                    if outcomes.all(|other| other.agrees(&first)) { first } else { Outcome::Undetermined(*why) };
                let moved = route.token_from.to_string() != token_from && !token_from.is_empty();
                let needs_token = route.rule.requirement != Requirement::Public;
                match first {
                    Outcome::Permit(_) if moved && needs_token => Outcome::Undetermined(Why::TokenPlaceDiffers),
                    first => first,
                }
            }
            (_, Outcome::Permit(grounds)) => Outcome::Permit(grounds),
            (Caller::Refused(reason), _) => Outcome::Deny(reason.clone()),
            (Caller::NotLookedAt, _) => Outcome::Undetermined(Why::NotLookedAt),
        }
    }
}

/// Whether a denial may only be due to what the line doesn't say of the customer and the user's home tenant.
fn lacks_context(rule: &Rule, denial: Denial, line: &DecisionLine<'_>) -> bool {
    let recorded_why =
        [Denial::WrongContext, Denial::NoDelegation].iter().any(|one| line.reason.as_deref() == Some(one.code()));
    // A line of an older version has no home tenant; of one that has the customer, it wasn't known.
    let lacks_home = line.home_tenant.is_none() && line.customer.is_none() && !recorded_why;
    match (denial, rule.context) {
        (Denial::WrongContext, Context::Customer) => line.customer.is_none(),
        (Denial::WrongContext | Denial::NoDelegation, _) => lacks_home,
        _ => false,
    }
}

impl Outcome {
    fn agrees(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::HashMap;

    use serde_json::{Value, json};

    use super::*;

    pub(in super::super) fn config(issuer: &str, rest: &str) -> Config {
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
    pub(in super::super) fn john() -> Value {
        json!({
            "event": "decision", "time": "2026-11-19T10:00:00.000Z", "request_id": "r", "correlation_id": "c",
            "method": "GET", "route": "/v1/", "route_kind": "prefix", "client": null, "issuer": "idp",
            "class": "app_user", "tenant": "t", "application": "app-1", "user": "john", "ver": null, "amr": ["pwd"],
            "evidence": "missing", "auth_time": 1_795_082_000, "requirement": "mfa", "mode": "report",
            "decision": "permit", "grounds": "report_only", "reason": "mfa_missing", "check": "mfa",
            "exception": null, "generation": 1,
        })
    }

    pub(in super::super) fn changed(changes: Value) -> Value {
        let mut line = john();
        let Value::Object(changes) = changes else { unreachable!() };
        line.as_object_mut().unwrap().extend(changes);
        line
    }

    /// John's token, without anything that could be refused.
    fn refused(check: &str, reason: &str) -> Value {
        changed(json!({"decision": "deny", "grounds": null, "check": check, "reason": reason}))
    }

    pub(in super::super) fn again(config: &Config, line: Value) -> Outcome {
        Rehearsal::new(config, None, None).decide(&serde_json::from_value(line).unwrap()).unwrap().now
    }

    pub(in super::super) fn deny(reason: &str) -> Outcome {
        Outcome::Deny(reason.to_owned())
    }

    pub(in super::super) fn undetermined(why: Why) -> Outcome {
        Outcome::Undetermined(why)
    }

    pub(in super::super) const ENFORCED: &str = "routes: [{ prefix: /v1/, upstream: api }]";

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
    fn a_granted_exception_holds_at_its_own_time_and_waives_no_more_than_mfa() {
        let line = |id: &str| changed(json!({"grounds": "exempt", "exception": id}));
        let granted = "granted-abcdefghijklmnop";
        assert_eq!(again(&config("", ENFORCED), line(granted)), Outcome::Permit("exempt"));
        assert_eq!(again(&config("", ENFORCED), line("removed")), deny("mfa_missing"));
        let roles = "roles: [{ name: r, any: [{ claim: groups, contains: g }] }]
routes: [{ prefix: /v1/, upstream: api, roles: [r] }]";
        assert_ne!(again(&config("", roles), line(granted)), Outcome::Permit("exempt"));
        let later = Rehearsal::new(&config("", ENFORCED), None, Timestamp::parse("2026-12-24T00:00:00Z"));
        let line = serde_json::from_value(line(granted)).unwrap();
        assert_eq!({ later }.decide(&line).unwrap().now, deny("mfa_missing"));
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
        assert_eq!(again(&config("", ENFORCED), unlooked), undetermined(Why::NotLookedAt));
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
        assert_eq!(again(&split, john()), undetermined(Why::RoutesUnknown));
        // The recording routes below took their own requests.
        let line = serde_json::from_value(john()).unwrap();
        let known = Rehearsal::new(&split, Some(&split), None).decide(&line).unwrap().now;
        assert_eq!(known, deny("mfa_missing"));
        // A line that names them needs no second configuration; nor does one with a digest of the same routes.
        let below = |routes: &[&str]| changed(json!({ "narrower": routes }));
        assert_eq!(again(&split, below(&["prefix /v1/open/"])), deny("mfa_missing"));
        assert_eq!(again(&split, below(&["prefix /v1/o", "path /v1/open"])), undetermined(Why::RoutesDiffer));
        assert_eq!(again(&split, below(&[])), undetermined(Why::RoutesDiffer));
        assert_eq!(again(&split, below(&["digest 0011223344556677"])), undetermined(Why::ManyRoutes));
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
