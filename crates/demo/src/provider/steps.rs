//! What a sign-in needs next, as a pure function of what is known. Pages and their forms only carry it out.

use super::browsers::Account;
use super::error::OAuthError;
use super::fault_set::{MfaStep, SignInFault};
use super::interaction::{Progress, Registering};
use super::request::AuthorizationRequest;
use crate::people::Person;
use mfa_gateway_core::clock::Timestamp;

/// The next step of a sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Who is it?
    Choose,
    /// The first factor.
    Password(Person),
    /// The company's own provider, which performs MFA as well.
    Federated(Person),
    /// Registration for MFA: that it is needed, the choice of a method, and that it is done.
    MoreInformation(Person),
    Method(Person),
    Registered(Person),
    /// The second factor.
    Verify(Person),
    /// The sign-in is complete.
    Finish(Person, SignedIn),
    /// It can't be.
    Refuse(OAuthError),
}

/// A complete sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SignedIn {
    /// When the first factor was given.
    pub(crate) auth_time: Timestamp,
    /// Whether MFA was completed since.
    pub(crate) mfa: bool,
    /// Whether the token says so.
    pub(crate) told: bool,
}

/// What a sign-in depends on.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) request: &'a AuthorizationRequest,
    pub(crate) progress: &'a Progress,
    /// The sessions in this browser.
    pub(crate) accounts: &'a [Account],
    pub(crate) people: &'a [Person],
    /// The users who have registered for MFA.
    pub(crate) registered: &'a dyn Fn(&Person) -> bool,
    pub(crate) fault: &'a SignInFault,
    /// Whether the client shows pages. If it doesn't, a hint signs in at once.
    pub(crate) shows_pages: bool,
    pub(crate) now: Timestamp,
}

/// The user that a hint names: by short name, by sign-in name, or by the claim `login_hint`.
pub(crate) fn hinted<'a>(people: &'a [Person], hint: &str) -> Option<&'a Person> {
    people.iter().find(|person| person.login == hint || person.upn == hint || person.login_hint() == hint)
}

/// What a sign-in needs next.
pub(crate) fn next(view: &View<'_>) -> Step {
    let (silent, here) = (view.request.prompt.none, view.request.target.shape);
    let Some(person) = view.person() else {
        return match view.accounts.len() {
            _ if !silent => Step::Choose,
            0 => refuse("login_required", "prompt=none needs a user who is signed in"),
            _ => refuse("account_selection_required", "prompt=none needs a login_hint: several users are signed in"),
        };
    };
    let (auth_time, mfa) = match view.first_factor(person) {
        Some(given) => given,
        None if silent && view.shows_pages => return refuse("login_required", "the user is to sign in again"),
        None if view.unattended() => (view.now, here.demands_mfa(person) || view.progress.mfa),
        None if silent => return refuse("login_required", "the user is to sign in again"),
        None if person.is_federated() => return Step::Federated(person.clone()),
        None => return Step::Password(person.clone()),
    };
    let needed = !mfa && (view.request.wanted.mfa || here.demands_mfa(person));
    let finish = |mfa, told| Step::Finish(person.clone(), SignedIn { auth_time, mfa, told });
    match view.fault.mfa {
        MfaStep::Skipped => finish(mfa, false),
        MfaStep::Pressed if needed => finish(true, true),
        _ if !needed => finish(mfa, mfa),
        _ if silent => refuse("interaction_required", "MFA is to be completed"),
        _ if here.federated(person).is_some() => Step::Federated(person.clone()),
        _ => view.second_factor(person),
    }
}

impl View<'_> {
    /// Who signs in, if that is known.
    fn person(&self) -> Option<&Person> {
        let of = |login: &str| self.people.iter().find(|person| person.login == login);
        if let Some(who) = self.progress.who.as_deref().or(self.fault.user.as_deref()) {
            return of(who);
        }
        if self.progress.other || self.request.prompt.select_account && self.shows_pages {
            return None;
        }
        if let Some(person) = self.request.hint.as_deref().and_then(|hint| hinted(self.people, hint)) {
            return Some(person);
        }
        match self.accounts {
            [account] => of(&account.login),
            _ => None,
        }
    }

    /// When the first factor was given, and whether MFA was completed since.
    fn first_factor(&self, person: &Person) -> Option<(Timestamp, bool)> {
        if let Some(time) = self.progress.first_factor {
            return Some((time, self.progress.mfa));
        }
        let account = self.accounts.iter().find(|account| account.login == person.login)?;
        let fresh = !self.request.wants_fresh(account.auth_time, self.now);
        let mfa = self.request.target.shape.counts(person, &account.mfa_in);
        fresh.then_some((account.auth_time, mfa || self.progress.mfa))
    }

    /// Whether nobody is there to give a first factor.
    fn unattended(&self) -> bool {
        !self.shows_pages || self.fault.user.is_some()
    }

    fn second_factor(&self, person: &Person) -> Step {
        let person = person.clone();
        match self.progress.registration {
            Registering::Choosing => Step::Method(person),
            Registering::Done => Step::Registered(person),
            Registering::Unknown if !(self.registered)(&person) => Step::MoreInformation(person),
            Registering::Unknown | Registering::Read => Step::Verify(person),
        }
    }
}

fn refuse(code: &'static str, description: &'static str) -> Step {
    Step::Refuse(OAuthError::new(code, description))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::{PORTAL_CLIENT_ID, everyone};
    use crate::provider::clients::Clients;
    use crate::provider::form::Form;
    use crate::provider::request::Target;
    use crate::provider::shape::Shape;

    const NOW: Timestamp = Timestamp::from_secs(1_549_088_552);

    struct Case {
        query: &'static str,
        progress: Progress,
        accounts: Vec<Account>,
        fault: SignInFault,
        registered: bool,
        pages: bool,
    }

    fn case(query: &'static str) -> Case {
        let (progress, fault) = (Progress::default(), SignInFault::default());
        Case { query, progress, accounts: Vec::new(), fault, registered: false, pages: true }
    }

    impl Case {
        fn account(mut self, login: &str, mfa: bool) -> Self {
            let (login, sid) = (login.to_owned(), "s".to_owned());
            let auth_time = Timestamp::from_secs(NOW.as_secs() - 600);
            let home = everyone().into_iter().find(|person| person.login == login).map(|person| person.tenant_id);
            let mfa_in = home.filter(|_| mfa).into_iter().collect();
            self.accounts.push(Account { login, sid, auth_time, mfa_in, clients: Vec::new() });
            self
        }

        fn step(&self) -> String {
            let query = format!(
                "client_id={PORTAL_CLIENT_ID}&redirect_uri=http://127.0.0.1:9/&response_type=code&\
                 code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&{}",
                self.query
            );
            let form = Form::parse(query.as_bytes());
            let target = Target::parse(&Clients::default(), &form, Shape::GENERIC).unwrap();
            let step = next(&View {
                request: &AuthorizationRequest::parse(target, &form).unwrap(),
                progress: &self.progress,
                accounts: &self.accounts,
                people: &everyone(),
                registered: &|_| self.registered,
                fault: &self.fault,
                shows_pages: self.pages,
                now: NOW,
            });
            match step {
                Step::Choose => "choose".to_owned(),
                Step::Password(person) => format!("password {}", person.login),
                Step::Federated(person) => format!("federated {}", person.login),
                Step::MoreInformation(person) => format!("more {}", person.login),
                Step::Method(person) => format!("method {}", person.login),
                Step::Registered(person) => format!("registered {}", person.login),
                Step::Verify(person) => format!("verify {}", person.login),
                Step::Finish(person, SignedIn { told, .. }) => {
                    format!("{} {}", person.login, if told { "mfa" } else { "pwd" })
                }
                Step::Refuse(error) => error.code.to_owned(),
            }
        }
    }

    #[test]
    fn a_browser_asks_who_then_the_password_then_mfa() {
        assert_eq!(case("").step(), "choose");
        assert_eq!(case("login_hint=jane@contoso.example").step(), "password jane");
        assert_eq!(case("login_hint=trent").step(), "federated trent");
        let given = |login: &str, mfa| {
            let mut case = case("");
            case.registered = true;
            case.progress =
                Progress { who: Some(login.to_owned()), first_factor: Some(NOW), mfa, ..Progress::default() };
            case.step()
        };
        assert_eq!([given("jane", false), given("jane", true)], ["verify jane", "jane mfa"]);
        assert_eq!([given("john", false), given("casey", false)], ["john pwd", "casey pwd"]);
    }

    #[test]
    fn john_registers_before_he_verifies() {
        let at = |registration, registered| {
            let mut case = case("login_hint=john&acr_values=c1").account("john", false);
            (case.progress.registration, case.registered) = (registration, registered);
            case.step()
        };
        assert_eq!(at(Registering::Unknown, false), "more john");
        assert_eq!(at(Registering::Choosing, false), "method john");
        assert_eq!(at(Registering::Done, true), "registered john");
        assert_eq!([at(Registering::Read, true), at(Registering::Unknown, true)], ["verify john", "verify john"]);
    }

    #[test]
    fn a_session_needs_no_page_unless_the_request_wants_one() {
        let jane = |query| case(query).account("jane", true).step();
        assert_eq!([jane(""), jane("acr_values=c1"), jane("max_age=600")], ["jane mfa", "jane mfa", "jane mfa"]);
        assert_eq!([jane("prompt=login"), jane("max_age=599")], ["password jane", "password jane"]);
        assert_eq!([jane("prompt=select_account"), jane("login_hint=john")], ["choose", "password john"]);
        assert_eq!(case("").account("jane", true).account("john", false).step(), "choose");
    }

    #[test]
    fn without_prompts_nothing_is_asked() {
        assert_eq!(case("prompt=none").step(), "login_required");
        assert_eq!(case("prompt=none").account("john", false).step(), "john pwd");
        assert_eq!(case("prompt=none&max_age=60").account("john", false).step(), "login_required");
        assert_eq!(case("prompt=none&acr_values=c1").account("john", false).step(), "interaction_required");
        let several = case("prompt=none").account("john", false).account("jane", true);
        assert_eq!(several.step(), "account_selection_required");
    }

    #[test]
    fn a_hint_signs_in_at_once_where_no_pages_are_shown() {
        let hint = |query| Case { pages: false, ..case(query) }.step();
        assert_eq!([hint("login_hint=jane"), hint("login_hint=trent")], ["jane mfa", "trent mfa"]);
        assert_eq!([hint("login_hint=john"), hint("login_hint=john&acr_values=c1")], ["john pwd", "more john"]);
        assert_eq!([hint("login_hint=jane&prompt=none"), hint("login_hint=nobody")], ["jane mfa", "choose"]);
    }

    #[test]
    fn faults_decide_who_and_whether_with_mfa() {
        let fault = |user: Option<&str>, mfa| {
            let fault = SignInFault { user: user.map(str::to_owned), mfa };
            Case { fault, ..case("login_hint=john&acr_values=c1").account("john", false) }.step()
        };
        assert_eq!(fault(None, MfaStep::Skipped), "john pwd");
        assert_eq!(fault(None, MfaStep::Pressed), "john mfa");
        assert_eq!(
            [fault(Some("trent"), MfaStep::Asked), fault(Some("jane"), MfaStep::Skipped)],
            ["trent mfa", "jane pwd"]
        );
    }
}
