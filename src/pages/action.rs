//! What a person can do next: a link, or a button that sends a form.

use serde::Serialize;

/// A link or a button. It leads to a path of the gateway's own origin, whatever it was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    does: Does,
    href: String,
    post: bool,
    fields: Vec<(String, String)>,
}

/// What pressing it does; its label follows from that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Does {
    /// Starts the same trip again.
    TryAgain,
    /// Starts a sign-in.
    SignIn,
    /// Starts a sign-in in a new tab, so that a form in this one isn't lost.
    SignInInNewTab,
    /// Starts a sign-in to the organization that the page is about.
    SignInThere,
    /// Starts a sign-in that asks for the account.
    AnotherAccount,
    /// Signs out, or leads to the page that asks whether to.
    SignOut,
    /// Signs out of every session of the user.
    SignOutEverywhere,
    /// Ends one session of the list.
    EndSession,
    /// Leads to the list of sessions.
    Sessions,
    /// Leads back to the page that the person came from.
    Back,
    /// Leads to the start page.
    StartPage,
}

/// An action as templates see it.
#[derive(Debug, Serialize)]
pub(super) struct Shown<'a> {
    label: &'static str,
    href: &'a str,
    post: bool,
    fields: Vec<Field<'a>>,
    primary: bool,
    new_tab: bool,
}

#[derive(Debug, Serialize)]
struct Field<'a> {
    name: &'a str,
    value: &'a str,
}

impl Action {
    /// A link to a path of the gateway's own origin.
    #[must_use]
    pub fn link(does: Does, path: impl Into<String>) -> Self {
        Self { does, href: own_path(path.into()), post: false, fields: Vec::new() }
    }

    /// A button that posts a form to a path of the gateway's own origin.
    #[must_use]
    pub fn post(does: Does, path: impl Into<String>) -> Self {
        Self { post: true, ..Self::link(does, path) }
    }

    /// The same, with a hidden field.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    pub(super) fn shown(&self, primary: bool) -> Shown<'_> {
        Shown {
            label: self.does.label(),
            href: &self.href,
            post: self.post,
            fields: self.fields.iter().map(|(name, value)| Field { name, value }).collect(),
            primary,
            new_tab: self.does == Does::SignInInNewTab,
        }
    }
}

impl Does {
    fn label(self) -> &'static str {
        match self {
            Self::TryAgain => "Try again",
            Self::SignIn => "Sign in",
            Self::SignInInNewTab => "Sign in in a new tab",
            Self::SignInThere => "Sign in to that organization",
            Self::AnotherAccount => "Use another account",
            Self::SignOut => "Sign out",
            Self::SignOutEverywhere => "Sign out everywhere",
            Self::EndSession => "End this session",
            Self::Sessions => "See your sessions",
            Self::Back => "Go back",
            Self::StartPage => "Go to the start page",
        }
    }
}

/// The path, if browsers take it for one of the same origin, and the start page otherwise.
///
/// `//host` names another host, browsers read `\` as `/`, and they drop tabs and line ends (WHATWG URL, 4.4). A path of a
/// request has none of these, nor characters that aren't ASCII.
fn own_path(path: String) -> String {
    let own = path.starts_with('/') && !path.starts_with("//");
    let plain = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if own && plain { path } else { "/".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_leads_to_the_own_origin_alone() {
        for path in ["/", "/a?b=//c", "/.mfa-gateway/sign-in?return=%2F%2Fa", "/a//b"] {
            assert_eq!(Action::link(Does::TryAgain, path).href, path);
        }
        for path in [
            "",
            "a",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "/a\\..",
            "/a b",
            "/\u{202e}",
            "https://evil.example",
        ] {
            assert_eq!(Action::link(Does::TryAgain, path).href, "/", "{path:?}");
        }
        assert_eq!(Action::post(Does::SignOut, "javascript:alert(1)").href, "/");
    }
}
