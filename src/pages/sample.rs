//! A page of every kind. Templates are tried with them.

use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy::Product;

use super::action::{Action, Does};
use super::fact::{Fact, SessionRow};
use super::failure::{Failure, FailureKind};
use super::kind::{Kind, NeededRole, NotDelegated, Outage, SignedOut};
use super::page::Page;
use super::step_up::{Shortfall, StepUp};

const NOW: Timestamp = Timestamp::from_secs(1_795_919_465);
const MINUTE: std::time::Duration = std::time::Duration::from_secs(60);
const PERSON: &str = "Jane Doe";

/// A page of every kind, with data of every form.
#[must_use]
pub fn samples() -> Vec<Page> {
    let kinds = [
        Kind::SignInFailed(FailureKind::AccessDenied.into()),
        Kind::SignInFailed(Failure::reported("access_denied", Some(50105))),
        Kind::SignInExpired,
        Kind::StepUpFailed(step_up(Product::Entra, Shortfall::Missing)),
        Kind::StepUpFailed(step_up(Product::Keycloak, Shortfall::Absent)),
        Kind::StepUpFailed(step_up(Product::Okta, Shortfall::Denied)),
        Kind::StepUpFailed(step_up(Product::Generic, Shortfall::Stale)),
        Kind::StepUpFailed(StepUp { of_customer: true, ..step_up(Product::Entra, Shortfall::Missing) }),
        Kind::AnotherUser { before: Some("Trent Roe".to_owned()) },
        Kind::AnotherUser { before: None },
        Kind::WrongRole(roles()),
        Kind::RolesUnknown(roles()),
        Kind::WrongContext(tenants()),
        Kind::NotDelegated(NotDelegated::Anything, tenants()),
        Kind::NotDelegated(NotDelegated::AnyMore, tenants()),
        Kind::NotDelegated(NotDelegated::Role, tenants()),
        Kind::NotForYou,
        Kind::SignInRequired,
        Kind::StepUpRequired,
        Kind::CrossSite,
        Kind::ConfirmSignOut,
        Kind::SignedOut(SignedOut::Everywhere),
        Kind::SignedOut(SignedOut::Here),
        Kind::SignedOut(SignedOut::Delayed),
        Kind::Sessions { rows: rows(), now: NOW },
        Kind::Sessions { rows: Vec::new(), now: NOW },
        Kind::Unavailable(Outage::Store, 5),
        Kind::Unavailable(Outage::Issuer, 5),
        Kind::Unavailable(Outage::Upstream, 5),
        Kind::Unavailable(Outage::Overloaded, 1),
        Kind::TooManyRequests(30),
        Kind::TooLarge,
        Kind::BadRequest,
        Kind::NotFound,
        Kind::MethodNotAllowed,
    ];
    kinds.into_iter().map(with_actions).collect()
}

fn with_actions(kind: Kind) -> Page {
    let again = || Action::link(Does::TryAgain, "/customers/?page=2&sort=name");
    let sign_out = || Action::link(Does::SignOut, "/.mfa-gateway/sign-out");
    let another = || Action::link(Does::AnotherAccount, "/.mfa-gateway/sign-in?prompt=select_account");
    let post = |does, path| Action::post(does, path).with("proof", "c2FtcGxl");
    let page = Page::new(kind, "0197f3a2-6a4c-7c1e-9d53-2f6b8a90c1de");
    match &page.kind {
        Kind::SignInFailed(_) | Kind::SignInExpired => page.with(again()).with(another()),
        Kind::StepUpFailed(_) => page.of(Some(PERSON)).with(again()).with(sign_out()),
        Kind::AnotherUser { .. } => page.with(Action::link(Does::SignIn, "/.mfa-gateway/sign-in")).with(another()),
        Kind::WrongRole(_)
        | Kind::RolesUnknown(_)
        | Kind::WrongContext(_)
        | Kind::NotDelegated(..)
        | Kind::NotForYou => page.of(Some(PERSON)).with(another()).with(sign_out()),
        Kind::SignInRequired | Kind::StepUpRequired => {
            page.with(Action::link(Does::SignInInNewTab, "/.mfa-gateway/sign-in"))
        }
        Kind::ConfirmSignOut => {
            let everywhere = post(Does::SignOutEverywhere, "/.mfa-gateway/sign-out").with("everywhere", "yes");
            let here = post(Does::SignOut, "/.mfa-gateway/sign-out");
            let page = page.of(Some(PERSON)).with(here).with(everywhere).with(Action::link(Does::Back, "/"));
            page.redirecting_to("https://login.example.com")
        }
        Kind::SignedOut(_) => page.with(Action::link(Does::SignIn, "/")),
        Kind::Sessions { .. } => page.of(Some(PERSON)).with(post(Does::SignOutEverywhere, "/.mfa-gateway/sign-out")),
        Kind::Unavailable(..) | Kind::TooManyRequests(_) => page.with(again()),
        Kind::BadRequest => page.fact("What is wrong", "the path"),
        Kind::CrossSite | Kind::TooLarge | Kind::NotFound | Kind::MethodNotAllowed => page,
    }
}

fn step_up(product: Product, shortfall: Shortfall) -> StepUp {
    StepUp {
        product,
        shortfall,
        asked: vec![Fact::new("amr_values", "mfa"), Fact::new("max_age", "900 seconds")],
        returned: vec![
            Fact::new("amr", "pwd"),
            Fact::new("acr", "not in the ID token"),
            Fact::new("auth_time", NOW.to_string()),
        ],
        of_customer: false,
    }
}

fn tenants() -> Vec<Fact> {
    vec![
        Fact::new("Customer", "4988e250-4a33-4d6f-9d3c-6f0a2d9be7c4"),
        Fact::new("Signed in to", "df845f1a-7b35-40a2-ba78-6481de91f8ae"),
        Fact::new("Home tenant", "df845f1a-7b35-40a2-ba78-6481de91f8ae"),
    ]
}

fn roles() -> Vec<NeededRole> {
    vec![
        NeededRole { name: "Admin agent".to_owned(), granted_by: Some("the partner's administrators".to_owned()) },
        NeededRole { name: "Sales agent".to_owned(), granted_by: None },
    ]
}

fn rows() -> Vec<SessionRow> {
    let row = |minutes: u32, this_one| SessionRow {
        id: format!("Zm9vYmFyYmF6cXV4cXV1{minutes:02}"),
        created: NOW.minus(MINUTE * minutes * 10),
        seen: NOW.minus(MINUTE * minutes),
        expires: NOW.plus(MINUTE * 400),
        mfa: this_one,
        this_one,
        end: Some(Action::post(Does::EndSession, "/.mfa-gateway/sessions").with("session", format!("s{minutes}"))),
    };
    vec![row(0, true), row(95, false), row(4000, false)]
}
