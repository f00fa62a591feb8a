//! The figures of the store and those of the log are equal, whatever is decided.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use mfa_gateway_core::clock::{Clock, Timestamp};
use mfa_gateway_core::policy::{
    AppOnlyRule, Attached, Decision, Denial, Evidence, Grounds, IssuerProfile, MfaFinding, Proof, Requirement,
    Revocable, RolesFound, Rule, SenderError, UserKind, Waivers,
};
use mfa_gateway_core::random::Random;
use mfa_gateway_core::token::{Amr, App, AuthTime, Principal, TokenError, User, Validity};
use mfa_gateway_store::{Kind, Store, StoreMetrics, StoreSettings};
use serde_json::{Value, json};

use super::{
    Asked, Counts, Decided, Download, Flusher, MAX_REQUESTS, Names, OfCustomer, Reader, ReportMetrics, ReportSettings,
    csv,
};
use crate::journal::{Customer, DecisionLine, Entry};
use crate::routing::{Pattern, Route};

const DAY: Duration = Duration::from_secs(24 * 3600);

pub(super) fn now() -> Timestamp {
    Timestamp::parse("2026-11-29T12:00:00.000Z").unwrap()
}

pub(super) fn proof(user: Option<&str>, application: &str, mfa: MfaFinding) -> Arc<Proof> {
    let app = App { id: Some(application.to_owned()) };
    let principal = match user {
        Some(user) => Principal::AppUser(app, User { id: Some(user.to_owned()) }),
        None => Principal::AppOnly(app),
    };
    Arc::new(Proof {
        issuer: Arc::new(IssuerProfile { name: "entra".to_owned(), ..IssuerProfile::default() }),
        principal,
        name: user.map(|user| format!("{user}@Contoso.example").into()),
        kind: if user == Some("john") { UserKind::DirectorySync } else { UserKind::Ordinary },
        tenant: Some("contoso".to_owned()),
        // One home is known.
        home: (user == Some("jane")).then(|| "Rival".to_owned()),
        version: None,
        amr: Amr::Absent,
        mfa,
        seen: Box::default(),
        roles: RolesFound::default(),
        auth_time: AuthTime::Absent,
        validity: Validity::always(),
        binding: None,
        possession: None,
        handles_claims_challenge: false,
        told: Box::default(),
        revocable: Revocable::default(),
        attached: Attached::default(),
    })
}

pub(super) fn routes() -> [Arc<Route>; 3] {
    let rule = |requirement: Requirement| Rule { app_only: AppOnlyRule::Allow, ..requirement.into() };
    let route = |path: &str, requirement| Arc::new(Route::new(Pattern::Prefix(path.to_owned()), rule(requirement)));
    let mfa = Requirement::Mfa { max_age: None };
    [route("/v1/", mfa), route("/pages/", mfa), route("/open/", Requirement::Authenticated)]
}

/// Every decision that there can be about a user of either kind, and about none.
fn decisions() -> Vec<(Evidence, Decision)> {
    let denials = [
        Denial::NoCredential,
        Denial::InvalidToken(TokenError::Signature),
        Denial::KeysUnavailable,
        Denial::IntrospectionUnavailable,
        Denial::SessionsUnavailable,
        Denial::Sender(SenderError::Bearer),
        Denial::RevocationsUnavailable,
        Denial::TenantMismatch,
        Denial::WrongContext,
        Denial::NoDelegation,
        Denial::DelegationEnded,
        Denial::AppOnlyForbidden,
        Denial::VendorAppOnly,
        Denial::RoleMissing,
        Denial::RoleNotDelegated,
        Denial::RolesUnknown,
        Denial::AmrAbsent,
        Denial::MfaMissing,
        Denial::EvidenceDenied,
        Denial::AuthenticationStale,
    ];
    let grounds = [
        Grounds::Public,
        Grounds::Authenticated,
        Grounds::AppOnly,
        Grounds::Mfa,
        Grounds::Exempt("legacy".to_owned()),
        Grounds::ReportOnly(Denial::MfaMissing),
        Grounds::Off,
    ];
    let decisions = denials.into_iter().map(Decision::Deny).chain(grounds.into_iter().map(Decision::Permit));
    let mut all = Vec::new();
    for decision in decisions {
        for (user, finding) in
            [(Some("jane"), MfaFinding::Proven), (Some("john"), MfaFinding::Missing), (None, MfaFinding::Absent)]
        {
            all.push((Evidence::Token(proof(user, "console", finding)), decision.clone()));
        }
        all.push((Evidence::None, decision.clone()));
        all.push((Evidence::Invalid(TokenError::Signature), decision));
    }
    all
}

async fn reader(names: Names, clock: &Clock) -> Reader {
    let settings = StoreSettings { kind: Kind::Memory, timeout: Duration::from_secs(5) };
    let store = Store::open(&settings, &StoreMetrics::default()).await.unwrap();
    let settings = ReportSettings { names, days: DAY * 400, users: DAY * 90, requests: DAY * 7 };
    let metrics = ReportMetrics::default();
    Reader::new(Arc::new(Flusher::new(store, settings, clock.clone(), &Random::seeded(7), metrics)))
}

/// Counts all decisions on all routes on some days, here and in a log.
fn send(reader: &Reader, clock: &Clock, counts: &mut Counts) {
    let counter = reader.flusher().counter();
    for (number, (evidence, decision)) in decisions().iter().enumerate() {
        for (turn, route) in routes().iter().enumerate() {
            // None, one whose own token comes, one that delegates, and one that nobody knows.
            let customer = [
                None,
                Some(Customer { id: "CONTOSO", delegates: false }),
                Some(Customer { id: "Fabrikam", delegates: true }),
                Some(Customer { id: "made-up", delegates: false }),
            ][(number + turn) % 4];
            clock.advance(Duration::from_secs(601));
            let (at, method, id) = (clock.now(), Method::GET, number.to_string());
            let (client, portal) = (Some([192, 0, 2, 1].into()), route.pattern.as_written() == "/pages/");
            let decided = Decided {
                at,
                request_id: &id,
                correlation_id: "c",
                method: &method,
                client,
                portal,
                route,
                customer,
                evidence,
                decision,
            };
            counter.count(&decided);
            let entry = Entry {
                at,
                generation: 1,
                request_id: &id,
                correlation_id: "c",
                trace_id: None,
                method: &method,
                client,
                credential: if portal { "session" } else { "bearer" },
                session: None,
                route,
                customer,
                waivers: &Waivers::default(),
                evidence,
                decision,
                logged: "all",
            };
            counts.decision(&DecisionLine::of(&entry, &at.to_rfc3339())).unwrap();
        }
    }
}

fn without_names(report: &impl serde::Serialize) -> Value {
    let mut report = serde_json::to_value(report).unwrap();
    for user in report["withoutMfa"].as_array_mut().unwrap() {
        user.as_object_mut().unwrap().remove("name");
    }
    report
}

#[tokio::test]
async fn figures_of_the_store_and_of_the_log_are_equal_on_any_days() {
    let clock = Clock::manual(now());
    let (reader, mut counts) = (reader(Names::Omitted, &clock).await, Counts::default());
    for _ in 0..3 {
        send(&reader, &clock, &mut counts);
    }
    let week = counts.report(None, None);
    assert!(week.api.requests > 50);
    let mut known: Vec<_> = week.customers.iter().map(|of| (&*of.customer, &*of.partner)).collect();
    known.sort_unstable();
    assert_eq!(known, [("contoso", ""), ("contoso", "rival"), ("fabrikam", ""), ("fabrikam", "rival")]);
    let sum = |count: fn(&OfCustomer) -> u64| week.customers.iter().map(count).sum::<u64>();
    assert!(sum(|of| of.share.with_mfa) > 9 && sum(|of| of.share.without_mfa()) > 9 && sum(|of| of.app_only) > 9);
    assert!(sum(|of| of.refused_by_context) > 3 && sum(|of| of.refused_by_context) < sum(|of| of.share.requests));
    for (from, to) in [(0, 0), (1, 1), (0, 1), (0, 6), (2, 40), (300, 310)] {
        let day = |days: u32| Some(super::Day::of(now().plus(DAY * days)));
        let asked = Asked { from: day(from), to: day(to), ..Asked::default() };
        let mut stored = reader.status(&asked).await.unwrap();
        stored.latest = reader.requests(&asked, MAX_REQUESTS).await.unwrap();
        let logged = counts.report(day(from), day(to));
        assert_eq!(serde_json::to_value(&stored).unwrap(), serde_json::to_value(&logged).unwrap());
        assert_eq!(stored.latest, logged.latest);
        for download in [Download::Portal, Download::Applications, Download::Customers, Download::Requests] {
            assert_eq!(csv(&stored, download), csv(&logged, download));
        }
    }
}

#[tokio::test]
async fn names_are_kept_as_configured() {
    let clock = Clock::manual(now());
    for (names, expected) in
        [(Names::Stored, Some("john@Contoso.example")), (Names::Omitted, None), (Names::Hashed, None)]
    {
        let (reader, mut counts) = (reader(names, &clock).await, Counts::default());
        send(&reader, &clock, &mut counts);
        let asked = Asked { to: Some(super::Day::of(clock.now())), ..Asked::default() };
        let (stored, requests) = (reader.status(&asked).await.unwrap(), reader.requests(&asked, 1000).await.unwrap());
        assert_eq!(without_names(&stored), without_names(&counts.report(stored.span.map(|span| span.from), asked.to)));
        let told: Vec<_> = stored.without_mfa.iter().map(|user| (&user.user, &user.name)).collect();
        let told: Vec<_> = told.into_iter().chain(requests.iter().map(|one| (&one.user, &one.name))).collect();
        let of_john: Vec<_> = told.iter().filter(|(user, _)| *user == "john").map(|(_, name)| &***name).collect();
        assert!(of_john.len() > 3);
        match (names, expected) {
            (Names::Hashed, _) => {
                let hash = of_john[0];
                assert!(
                    hash.len() == 23 && hash.starts_with('#') && of_john.iter().all(|name| *name == hash),
                    "{hash}"
                );
                assert!(told.iter().all(|(_, name)| !name.contains('@')));
            }
            (_, expected) => assert!(of_john.iter().all(|name| *name == expected.unwrap_or_default())),
        }
    }
}

#[tokio::test]
async fn a_filter_leaves_what_it_names_and_a_user_can_be_erased() {
    let clock = Clock::manual(now());
    let (reader, mut counts) = (reader(Names::Stored, &clock).await, Counts::default());
    send(&reader, &clock, &mut counts);
    let all = reader.status(&Asked::default()).await.unwrap();
    let of = |name: &str| Some(name.to_owned());
    let pages = reader.status(&Asked { route: of("/pages/"), ..Asked::default() }).await.unwrap();
    assert_eq!((pages.portal, pages.api.requests, pages.routes.len()), (all.portal, 0, 1));
    assert!(pages.without_mfa.iter().all(|user| user.credential == "session"));
    let tenant = reader.status(&Asked { tenant: of("Fabrikam"), ..Asked::default() }).await.unwrap();
    assert!(tenant.customers.iter().all(|about| about.customer == "fabrikam") && tenant.customers.len() == 2);
    assert!(pages.customers.is_empty() && all.customers.len() == 4);
    let jane = reader.status(&Asked { user: of("jane"), ..Asked::default() }).await.unwrap();
    let john = reader.status(&Asked { user: of("john"), ..Asked::default() }).await.unwrap();
    assert_eq!((jane.portal.percent(), john.portal.percent()), (Some(100), Some(0)));
    assert_eq!(jane.api.requests + john.api.requests, all.api.requests);
    for nobody in ["issuer", "tenant", "application"] {
        let mut asked = Asked::default();
        let place = match nobody {
            "issuer" => &mut asked.issuer,
            "tenant" => &mut asked.tenant,
            _ => &mut asked.application,
        };
        *place = of("other");
        let none = reader.status(&asked).await.unwrap();
        assert_eq!((none.portal.percent(), none.api.percent(), none.without_mfa.len()), (None, None, 0), "{nobody}");
        assert!(reader.requests(&asked, 9).await.unwrap().is_empty());
    }
    assert!(reader.erase("entra", "contoso", "john").await.unwrap() > 2);
    let after = reader.status(&Asked::default()).await.unwrap();
    assert_eq!((after.portal, after.api, after.without_mfa.len()), (all.portal, all.api, 0));
    assert!(reader.requests(&Asked::default(), 9).await.unwrap().iter().all(|one| one.user == "jane"));
    assert_eq!(json!(after)["days"], json!(all)["days"]);
}
