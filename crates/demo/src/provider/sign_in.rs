//! The pages' forms: what a person does at a step, and how it moves the sign-in on.

use http::StatusCode;

use super::answer::Answer;
use super::authorize::{advance, end, step_of};
use super::browsers::Visitor;
use super::error::OAuthError;
use super::form::Form;
use super::interaction::{Interaction, Progress, Registering};
use super::page;
use super::state::State;
use super::steps::Step;

/// Shows the page of a sign-in again.
pub(crate) fn show(state: &State, id: &str, visitor: &Visitor) -> Answer {
    match state.interactions.find(id) {
        Some(interaction) => advance(state, interaction, visitor.shows_pages),
        None => gone(),
    }
}

/// Does what a page's form says, and answers with the next page or the response.
///
/// `action` is one of: `choose` with `who`, `password`, `federated`, `next`, `register` with `method`, `approve`,
/// `other` (another user), `deny` and `cancel`. One that doesn't belong to the present step shows that step.
pub(crate) fn act(state: &State, id: &str, form: &Form, visitor: &Visitor) -> Answer {
    let Some(mut interaction) = state.interactions.find(id) else { return gone() };
    let action = form.get("action").unwrap_or_default();
    if matches!(action, "cancel" | "deny") {
        let description = if action == "deny" { "the user denied the request for MFA" } else { "the user cancelled" };
        return end(state, &interaction, Err(OAuthError::new("access_denied", description)));
    }
    if action == "other" {
        interaction.progress = Progress { other: true, ..Progress::default() };
        return advance(state, interaction, visitor.shows_pages);
    }
    let (step, accounts) = step_of(state, &interaction, visitor.shows_pages);
    let now = state.clock.now();
    let fresh = accounts.into_iter().filter(|account| !interaction.request.wants_fresh(account.auth_time, now));
    let fresh: Vec<_> = fresh.map(|account| account.login).collect();
    do_step(state, &mut interaction, &step, action, form.get("who"), &fresh);
    advance(state, interaction, visitor.shows_pages)
}

/// Notes what was done. `fresh` are the users whose first factor in this browser still counts.
fn do_step(
    state: &State,
    interaction: &mut Interaction,
    step: &Step,
    action: &str,
    who: Option<&str>,
    fresh: &[String],
) {
    let now = state.clock.now();
    let progress = &mut interaction.progress;
    match (step, action) {
        (Step::Choose, "choose") => progress.who = who.map(str::to_owned),
        (Step::Password(person), "password") => {
            *progress = Progress { who: Some(person.login.clone()), first_factor: Some(now), ..Progress::default() };
        }
        // Signed in at home already: the other company's provider adds its MFA.
        (Step::Federated(person), "federated") if progress.first_factor.is_some() || fresh.contains(&person.login) => {
            progress.mfa = true;
        }
        (Step::Federated(person), "federated") => {
            let who = Some(person.login.clone());
            *progress = Progress { who, first_factor: Some(now), mfa: true, ..Progress::default() };
        }
        (Step::MoreInformation(_), "next") => progress.registration = Registering::Choosing,
        (Step::Method(person), "register") => {
            state.register(person);
            progress.registration = Registering::Done;
        }
        (Step::Registered(_), "next") => progress.registration = Registering::Read,
        (Step::Verify(_), "approve") => progress.mfa = true,
        _ => {}
    }
}

fn gone() -> Answer {
    let mut answer = page::problem("This sign-in is over, or it never began. Start again at the application");
    *answer.status_mut() = StatusCode::GONE;
    answer
}
