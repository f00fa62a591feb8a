//! The rule is monotone: less evidence never helps, and neither does an exception that has ended.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy::{
    Activation, AppOnlyRule, Decision, Denial, Evidence, Exception, ExceptionSet, Grounds, MfaRule, Mode, Predicate,
    Requirement, Rule, Stage, StageSet, Test, Waivers, complies, decide,
};
use mfa_gateway_core::token::{Check, TokenError};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::config;
use crate::support::gateway::START;
use crate::support::rule::{application, evidence, rule, user, with};

const METHODS: [&str; 6] = ["mfa", "pwd", "otp", "fido", "MFA", "wiaormfa"];

fn any_asked() -> impl Strategy<Value = Rule> {
    let requirement = prop_oneof![
        Just(Requirement::Public),
        Just(Requirement::Authenticated),
        (0..3_u64)
            .prop_map(|hours| Requirement::Mfa { max_age: (hours > 0).then(|| Duration::from_secs(hours * 3600)) }),
    ];
    let app_only = prop_oneof![
        Just(AppOnlyRule::Allow),
        Just(AppOnlyRule::AllowExcept(Arc::new(BTreeSet::from(["app-1".to_owned()])))),
        Just(AppOnlyRule::Deny),
    ];
    let tenants = prop_oneof![
        Just(None),
        prop::sample::select(vec!["contoso", "fabrikam"]).prop_map(|one| { Some(BTreeSet::from([one.to_owned()])) })
    ];
    (requirement, app_only, any_activation(), tenants).prop_map(|(requirement, app_only, activation, tenants)| Rule {
        app_only,
        activation,
        tenants,
        ..rule(requirement)
    })
}

fn any_activation() -> impl Strategy<Value = Activation> {
    let mode = prop::sample::select(vec![Mode::Enforce, Mode::Report, Mode::Off]);
    let date = prop::option::of((-1..=1_i64).prop_map(|hours| Timestamp::from_secs(START.as_secs() + hours * 3600)));
    (mode, prop::sample::select(vec![0, 50, 100]), date).prop_map(|(mode, percentage, enforce_from)| Activation {
        mode,
        percentage,
        enforce_from,
    })
}

fn any_stage() -> impl Strategy<Value = Stage> {
    let maybe = |values: &'static [&'static str]| {
        prop::option::of(prop::sample::select(values)).prop_map(|value| value.map(str::to_owned))
    };
    (maybe(&["idp", "x"]), maybe(&["contoso", "fabrikam"]), maybe(&["app-1", "other"]), any_activation())
        .prop_map(|(issuer, tenant, application, activation)| Stage { issuer, tenant, application, activation })
}

/// A rule over `amr` without `deny`: what is denied may be cured by leaving it out.
fn any_rule() -> impl Strategy<Value = MfaRule> {
    let predicate = prop::sample::select(METHODS.to_vec())
        .prop_map(|method| Predicate { claim: vec!["amr".to_owned()], test: Test::Contains(method.to_owned()) });
    let list = prop::collection::vec(predicate, 0..3);
    (list.clone(), list, any::<bool>()).prop_map(|(any, all, aged)| MfaRule {
        any,
        all,
        deny: Vec::new(),
        max_age: aged.then(|| Duration::from_secs(5400)),
    })
}

fn any_methods() -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::vec(prop::sample::select(METHODS.to_vec()), 1..5)
}

fn any_claims() -> impl Strategy<Value = Value> {
    let signed_in = (0..3_i64).prop_map(|hours| json!(START.as_secs() - hours * 3600));
    let user_claims = (any_methods(), signed_in, prop::sample::select(vec!["contoso", "fabrikam"])).prop_map(
        |(methods, signed_in, tenant)| {
            with(with(with(user(), "amr", json!(methods)), "auth_time", signed_in), "tid", json!(tenant))
        },
    );
    prop_oneof![4 => user_claims, 1 => Just(application("app-1"))]
}

fn any_exception() -> impl Strategy<Value = Exception> {
    let maybe = |values: &'static [&'static str]| prop::option::of(prop::sample::select(values));
    (
        maybe(&["app-1", "other"]),
        maybe(&["user-1", "other"]),
        maybe(&["contoso", "fabrikam"]),
        maybe(&["idp", "x"]),
        maybe(&["/v1/", "/v2/"]),
    )
        .prop_map(|(application, user, tenant, issuer, route)| Exception {
            id: "EX".to_owned(),
            owner: "o".to_owned(),
            reason: "r".to_owned(),
            begins: None,
            expires: START,
            application: application.map(str::to_owned),
            user: user.map(str::to_owned),
            tenant: tenant.map(str::to_owned),
            issuer: issuer.map(str::to_owned),
            routes: route.map(|route| vec![route.to_owned()]),
        })
}

fn waivers(exception: Exception) -> Waivers {
    ExceptionSet::new(vec![exception]).into()
}

fn is_permit(decision: &Decision) -> bool {
    matches!(decision, Decision::Permit(_))
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn removing_a_method_never_turns_a_denial_into_a_permit(
        asked in any_asked(), rule in any_rule(), methods in any_methods(), at in any::<prop::sample::Index>(),
        exception in any_exception()
    ) {
        let exceptions = waivers(Exception { expires: START.plus(Duration::from_secs(1)), ..exception });
        let mut fewer = methods.clone();
        fewer.remove(at.index(methods.len()));
        let claims = with(user(), "auth_time", json!(START.as_secs()));
        let decided = |methods: &[&str]| {
            let evidence = evidence(&with(claims.clone(), "amr", json!(methods)), rule.clone(), START);
            decide(&asked, &evidence, &exceptions, START)
        };
        prop_assert!(is_permit(&decided(&methods)) || !is_permit(&decided(&fewer)), "{methods:?} {fewer:?}");
    }

    #[test]
    fn an_exception_that_has_ended_changes_nothing(
        asked in any_asked(), rule in any_rule(), claims in any_claims(), exception in any_exception(), ago in 0..100_000_u64
    ) {
        let evidence = evidence(&claims, rule, START);
        let ended = waivers(Exception { expires: START.minus(Duration::from_millis(ago)), ..exception });
        let with_exception = decide(&asked, &evidence, &ended, START);
        prop_assert_eq!(with_exception, decide(&asked, &evidence, &Waivers::default(), START));
    }

    #[test]
    fn an_exception_waives_mfa_and_nothing_else(
        asked in any_asked(), rule in any_rule(), claims in any_claims(), exception in any_exception()
    ) {
        let evidence = evidence(&claims, rule, START);
        let valid = waivers(Exception { expires: START.plus(Duration::from_secs(1)), ..exception.clone() });
        let without = decide(&asked, &evidence, &Waivers::default(), START);
        let with_exception = decide(&asked, &evidence, &valid, START);
        if without != with_exception {
            prop_assert_eq!(&with_exception, &Decision::Permit(Grounds::Exempt("EX".to_owned())));
            prop_assert!(exception.application.is_some() || exception.user.is_some());
            let waived = match without {
                Decision::Deny(denial) | Decision::Permit(Grounds::ReportOnly(denial)) => Some(denial.check()),
                Decision::Permit(Grounds::Off) => Some(Check::Mfa),
                Decision::Permit(_) => None,
            };
            prop_assert_eq!(waived, Some(Check::Mfa));
        }
    }

    #[test]
    fn a_stage_decides_about_mfa_and_nothing_else(
        asked in any_asked(), rule in any_rule(), claims in any_claims(), stage in any_stage()
    ) {
        let evidence = evidence(&claims, rule, START);
        let staged = Waivers { stages: StageSet::new(vec![stage]), ..Waivers::default() };
        let enforced = decide(&Rule { activation: Mode::Enforce.into(), ..asked.clone() }, &evidence, &Waivers::default(), START);
        let decision = decide(&asked, &evidence, &staged, START);
        let waived = match &decision {
            Decision::Permit(Grounds::ReportOnly(denial)) => Decision::Deny(*denial),
            Decision::Permit(Grounds::Off) => enforced.clone(),
            other => other.clone(),
        };
        prop_assert_eq!(&waived, &enforced);
        if waived != decision {
            prop_assert!(matches!(enforced, Decision::Deny(denial) if denial.check() == Check::Mfa));
        }
    }

    #[test]
    fn who_asks_is_told_what_enforcement_would_find(asked in any_asked(), rule in any_rule(), claims in any_claims()) {
        let evidence = evidence(&claims, rule, START);
        let enforced = decide(&Rule { activation: Mode::Enforce.into(), ..asked.clone() }, &evidence, &Waivers::default(), START);
        if let (Requirement::Mfa { .. }, Some(complies)) = (asked.requirement, complies(&asked, &evidence, START)) {
            let found = matches!(enforced, Decision::Deny(denial) if denial.check() == Check::Mfa);
            let other = matches!(enforced, Decision::Deny(denial) if denial.check() != Check::Mfa);
            prop_assert!(other || complies != found, "{enforced:?}");
        }
    }

    #[test]
    fn what_is_no_valid_token_is_denied_on_every_route_that_needs_one(
        asked in any_asked(), exception in any_exception(), which in 0..4
    ) {
        let evidence = match which {
            0 => Evidence::None,
            1 => Evidence::KeysUnavailable,
            2 => Evidence::Invalid(TokenError::Signature),
            _ => Evidence::Invalid(TokenError::Expired),
        };
        let valid = waivers(Exception { expires: START.plus(Duration::from_secs(1)), ..exception });
        let decision = decide(&asked, &evidence, &valid, START);
        if asked.requirement != Requirement::Public {
            prop_assert!(!is_permit(&decision), "{decision:?}");
        }
    }

    #[test]
    fn report_mode_lets_through_whom_enforcement_denies_for_mfa_alone(
        asked in any_asked(), rule in any_rule(), claims in any_claims()
    ) {
        let evidence = evidence(&claims, rule, START);
        let decided = |mode: Mode| decide(&Rule { activation: mode.into(), ..asked.clone() }, &evidence, &Waivers::default(), START);
        let (enforced, reported) = (decided(Mode::Enforce), decided(Mode::Report));
        let expected = match enforced {
            Decision::Deny(denial) if denial.check() == Check::Mfa => Decision::Permit(Grounds::ReportOnly(denial)),
            other => other,
        };
        prop_assert_eq!(reported, expected);
    }

    #[test]
    fn what_was_verified_once_is_denied_once_it_has_expired(asked in any_asked(), rule in any_rule(), claims in any_claims()) {
        let evidence = evidence(&claims, rule, START);
        let decision = decide(&asked, &evidence, &Waivers::default(), START.plus(Duration::from_secs(3600)));
        if asked.requirement != Requirement::Public {
            prop_assert_eq!(decision, Decision::Deny(Denial::InvalidToken(TokenError::Expired)));
        }
    }
}
