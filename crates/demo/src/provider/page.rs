//! The provider's pages: plain HTML without script, except for the form post of a response.

use std::sync::LazyLock;

use http::StatusCode;
use serde_json::{Value, json};

use super::answer::Answer;
use super::browsers::Account;
use super::html::Pages;
use super::interaction::Interaction;
use super::steps::Step;
use crate::people::{
    ADMIN_AGENTS, BILLING_ADMINISTRATOR, Client, GLOBAL_ADMINISTRATOR, HELPDESK_AGENTS, NIGHTLY_CLIENT_ID,
    PORTAL_CLIENT_ID, Person, SALES_AGENTS, VENDOR_CLIENT_ID,
};

pub(crate) static PAGES: LazyLock<Pages> = LazyLock::new(|| {
    Pages::new(
        include_str!("pages/style.css"),
        &[
            ("layout.html", include_str!("pages/layout.html")),
            ("index.html", include_str!("pages/index.html")),
            ("choose.html", include_str!("pages/choose.html")),
            ("password.html", include_str!("pages/password.html")),
            ("federated.html", include_str!("pages/federated.html")),
            ("more.html", include_str!("pages/more.html")),
            ("method.html", include_str!("pages/method.html")),
            ("registered.html", include_str!("pages/registered.html")),
            ("verify.html", include_str!("pages/verify.html")),
            ("problem.html", include_str!("pages/problem.html")),
            ("form_post.html", include_str!("pages/form_post.html")),
            ("sign_out.html", include_str!("pages/sign_out.html")),
            ("signed_out.html", include_str!("pages/signed_out.html")),
        ],
    )
});

/// The page at the root: who signs in here, and where programs find the metadata.
pub(crate) fn index(issuer: &str, people: &[Person]) -> Answer {
    let people: Vec<_> = people.iter().map(shown).collect();
    let content = json!({ "title": "The demo’s identity provider", "issuer": issuer, "people": people });
    PAGES.page(StatusCode::OK, "index.html", &content)
}

/// The page of a step, if the step has one.
pub(crate) fn step(step: &Step, interaction: &Interaction, people: &[Person], accounts: &[Account]) -> Option<Answer> {
    let (template, title, person) = match step {
        Step::Choose => ("choose.html", "Who signs in?", None),
        Step::Password(person) => ("password.html", "Enter the password", Some(person)),
        Step::Federated(person) => ("federated.html", "Sign in at your company", Some(person)),
        Step::MoreInformation(person) => ("more.html", "More information required", Some(person)),
        Step::Method(person) => ("method.html", "Choose a method", Some(person)),
        Step::Registered(person) => ("registered.html", "You are registered", Some(person)),
        Step::Verify(person) => ("verify.html", "Approve the sign-in", Some(person)),
        Step::Finish(..) | Step::Refuse(_) => return None,
    };
    let signed_in = |person: &Person| accounts.iter().any(|account| account.login == person.login);
    let people: Vec<_> = people
        .iter()
        .map(|person| {
            let mut shown = shown(person);
            shown["signed_in"] = json!(signed_in(person));
            shown
        })
        .collect();
    let content = json!({
        "title": title,
        "action": format!("/sign-in/{}", interaction.id),
        "application": application(&interaction.request.target.client),
        "person": person.map(shown),
        "company": person.and_then(|person| interaction.request.target.shape.federated(person)),
        "tenant": interaction.request.target.shape.tenant.map(|tenant| tenant.name),
        "people": people,
    });
    Some(PAGES.page(StatusCode::OK, template, &content))
}

/// A page that tells why a request went nowhere (RFC 6749 §4.1.2.1).
pub(crate) fn problem(description: &str) -> Answer {
    let content = json!({ "title": "This can’t go on", "description": description });
    PAGES.page(StatusCode::BAD_REQUEST, "problem.html", &content)
}

/// The name of a role, by its id in tokens.
fn role(id: &str) -> Option<&'static str> {
    [
        (ADMIN_AGENTS, "admin agent"),
        (SALES_AGENTS, "sales agent"),
        (HELPDESK_AGENTS, "helpdesk agent"),
        (GLOBAL_ADMINISTRATOR, "global administrator"),
        (BILLING_ADMINISTRATOR, "billing administrator"),
    ]
    .into_iter()
    .find(|(known, _)| *known == id)
    .map(|(_, name)| name)
}

/// How pages call an application.
fn application(client: &Client) -> &'static str {
    match client.id {
        PORTAL_CLIENT_ID => "the partner portal",
        NIGHTLY_CLIENT_ID => "the nightly program",
        VENDOR_CLIENT_ID => "the vendor’s control panel",
        _ => "an application",
    }
}

fn shown(person: &Person) -> Value {
    let company = &person.company;
    let proof = match &person.amr {
        None => "tokens that say nothing about the sign-in".to_owned(),
        Some(_) if person.is_federated() => format!("MFA at {company}’s own provider"),
        Some(_) if person.always_completes_mfa() => "password and MFA".to_owned(),
        Some(_) => "password only".to_owned(),
    };
    let roles: Vec<_> = person.groups.iter().chain(&person.wids).filter_map(|id| role(id)).collect();
    let (login, name, upn) = (&person.login, person.name(), &person.upn);
    json!({ "login": login, "name": name, "company": company, "upn": upn, "proof": proof, "roles": roles })
}
