//! A page: what happened, to whom, and what can be done next.

use super::action::Action;
use super::fact::Fact;
use super::kind::Kind;

/// What a page says.
#[derive(Clone, Debug)]
pub struct Page {
    /// What happened.
    pub kind: Kind,
    /// The reason code, which a help desk can search for. By default the kind's.
    pub code: &'static str,
    /// The request's id, as in the log.
    pub request_id: String,
    /// Who is signed in, as a name to show.
    pub person: Option<String>,
    /// What the page says before all else.
    pub first: Option<&'static str>,
    /// Facts beyond those of the kind.
    pub facts: Vec<Fact>,
    /// What can be done next. The first stands out. Without any, the page leads to the start page.
    pub actions: Vec<Action>,
    /// Origins that its forms' responses redirect to; browsers hold redirects against the page's policy (CSP 3,
    /// section 6.4.1).
    pub form_targets: Vec<String>,
}

impl Page {
    /// A page of this kind, for this request.
    #[must_use]
    pub fn new(kind: Kind, request_id: impl Into<String>) -> Self {
        let (code, request_id) = (kind.code(), request_id.into());
        let (facts, actions, form_targets) = (Vec::new(), Vec::new(), Vec::new());
        Self { kind, code, request_id, person: None, first: None, facts, actions, form_targets }
    }

    /// The same, for somebody who is signed in.
    #[must_use]
    pub fn of(self, person: Option<&str>) -> Self {
        Self { person: person.map(str::to_owned), ..self }
    }

    /// The same, for a step-up that failed: MFA is still missing.
    #[must_use]
    pub fn without_mfa(self) -> Self {
        Self { first: Some("The page that you wanted needs MFA, and MFA is still missing."), ..self }
    }

    /// The same, with another action.
    #[must_use]
    pub fn with(mut self, action: Action) -> Self {
        self.actions.push(action);
        self
    }

    /// The same, with a fact more.
    #[must_use]
    pub fn fact(mut self, label: impl Into<String>, value: impl Into<String>) -> Self {
        self.facts.push(Fact::new(label, value));
        self
    }

    /// The same, whose forms' responses may redirect to this origin.
    #[must_use]
    pub fn redirecting_to(mut self, origin: impl Into<String>) -> Self {
        self.form_targets.push(origin.into());
        self
    }
}
