//! One text for each kind of page.

use super::kind::{Kind, NotDelegated, Outage, SignedOut};
use super::text::Text;

/// The text of a kind.
pub(super) fn text(kind: &Kind) -> &'static Text {
    match kind {
        Kind::SignInFailed(failure) => failure.text(),
        Kind::SignInExpired => &SIGN_IN_EXPIRED,
        Kind::StepUpFailed(step_up) => step_up.text(),
        Kind::AnotherUser { .. } => &ANOTHER_USER,
        Kind::WrongRole(_) => &WRONG_ROLE,
        Kind::RolesUnknown(_) => &ROLES_UNKNOWN,
        Kind::WrongContext(_) => &WRONG_CONTEXT,
        Kind::NotDelegated(NotDelegated::Anything, _) => &NO_DELEGATION,
        Kind::NotDelegated(NotDelegated::AnyMore, _) => &DELEGATION_ENDED,
        Kind::NotDelegated(NotDelegated::Role, _) => &ROLE_NOT_DELEGATED,
        Kind::NotForYou => &NOT_FOR_YOU,
        Kind::SignInRequired => &SIGN_IN_REQUIRED,
        Kind::StepUpRequired => &STEP_UP_REQUIRED,
        Kind::CrossSite => &CROSS_SITE,
        Kind::ConfirmSignOut => &CONFIRM_SIGN_OUT,
        Kind::SignedOut(SignedOut::Everywhere) => &SIGNED_OUT,
        Kind::SignedOut(SignedOut::Here) => &SIGNED_OUT_HERE,
        Kind::SignedOut(SignedOut::Delayed) => &SIGNED_OUT_DELAYED,
        Kind::Sessions { rows, .. } if rows.is_empty() => &NO_SESSIONS,
        Kind::Sessions { .. } => &SESSIONS,
        Kind::Unavailable(Outage::Store, _) => &STORE,
        Kind::Unavailable(Outage::Issuer, _) => &ISSUER,
        Kind::Unavailable(Outage::Upstream, _) => &UPSTREAM,
        Kind::Unavailable(Outage::Overloaded, _) => &OVERLOADED,
        Kind::TooManyRequests(_) => &TOO_MANY_REQUESTS,
        Kind::TooLarge => &TOO_LARGE,
        Kind::BadRequest => &BAD_REQUEST,
        Kind::NotFound => &NOT_FOUND,
        Kind::MethodNotAllowed => &METHOD_NOT_ALLOWED,
    }
}

const SIGN_IN_EXPIRED: Text = Text {
    title: "This sign-in has expired",
    paragraphs: &[
        "It took too long, was finished before, or was started in another browser. Nothing has changed.",
        "Open the page that you wanted, and sign in again if you are asked.",
    ],
};

const ANOTHER_USER: Text = Text {
    title: "Another account signed in",
    paragraphs: &[
        "A different account came back from the sign-in service than the one that was signed in here. The two are kept \
         apart.",
        "Nobody is signed in now. Sign in with the new account, or choose another.",
    ],
};

const WRONG_ROLE: Text = Text {
    title: "Your account doesn't have the role for this page",
    paragraphs: &["Ask for one of the roles below, or use another account. Signing in again doesn't change this."],
};

const ROLES_UNKNOWN: Text = Text {
    title: "Your roles aren't known",
    paragraphs: &[
        "This page needs a role. Your account is in so many groups that the sign-in service leaves them out, so it isn't \
         known whether you have it.",
        "Tell the people who operate this site: it helps to use application roles instead of groups, or to limit the \
         groups in the token to those assigned to the application.",
    ],
};

const WRONG_CONTEXT: Text = Text {
    title: "You are signed in to another organization",
    paragraphs: &[
        "This page is about one organization, and you are signed in to another. Who works for a customer signs in to the \
         customer's organization, and does MFA there: MFA that was done elsewhere doesn't count.",
        "If the sign-in service manages your account, it asks for MFA there, and first has you register for it if you never \
         did. If your own organization's sign-in service manages it, that one must do MFA, and say so.",
        "Sign in to that organization, if this page offers it, or use an account that is of it.",
    ],
};

const NO_DELEGATION: Text = Text {
    title: "This customer hasn't delegated to your organization",
    paragraphs: &[
        "You are signed in to the customer's organization, but the customer hasn't let yours act for it here.",
        "Ask the customer to delegate to your organization, and the people who operate this site to enter it; or use an \
         account of the partner that the customer chose.",
    ],
};

const DELEGATION_ENDED: Text = Text {
    title: "This customer's delegation has ended",
    paragraphs: &[
        "The customer let your organization act for it, and the time that was agreed is over.",
        "Ask the customer to renew the delegation, and the people who operate this site to enter it.",
    ],
};

const ROLE_NOT_DELEGATED: Text = Text {
    title: "This customer hasn't delegated your role",
    paragraphs: &[
        "You have a role that this page needs, but the customer hasn't let your organization use it here.",
        "If the work needs it, ask the customer to delegate the role, and the people who operate this site to enter it.",
    ],
};

const NOT_FOR_YOU: Text = Text {
    title: "This page isn't for your account",
    paragraphs: &["It is for users of other organizations or of another kind. Use another account."],
};

const SIGN_IN_REQUIRED: Text = Text {
    title: "You aren't signed in",
    paragraphs: &[
        "Your session has ended, so what you sent was not processed, and nothing was saved.",
        "Sign in in a new tab. Then come back to this one, go back to the form, and send it again.",
    ],
};

const STEP_UP_REQUIRED: Text = Text {
    title: "You have to sign in with MFA first",
    paragraphs: &[
        "What you sent needs a recent sign-in with MFA. It was not processed, and nothing was saved.",
        "Sign in in a new tab. Then come back to this one, go back to the form, and send it again.",
    ],
};

const CROSS_SITE: Text = Text {
    title: "This request came from another site",
    paragraphs: &[
        "For your safety, changes are accepted only from this site's own pages. Nothing was changed.",
        "If you pressed a button on this site, reload its page and press it again.",
    ],
};

const CONFIRM_SIGN_OUT: Text =
    Text { title: "Do you want to sign out?", paragraphs: &["You then have to sign in again to use this site."] };

const SIGNED_OUT: Text =
    Text { title: "You are signed out", paragraphs: &["Close the browser if you share this computer with others."] };

const SIGNED_OUT_HERE: Text = Text {
    title: "You are signed out here",
    paragraphs: &[
        "You may still be signed in at the sign-in service, and at other sites.",
        "If you share this computer with others, sign out there too, or close the browser.",
    ],
};

const SIGNED_OUT_DELAYED: Text = Text {
    title: "You are signed out in this browser",
    paragraphs: &[
        "The other servers of this site can't be reached now, and learn of it as soon as they can.",
        "You may still be signed in at the sign-in service. Close the browser if you share this computer with others.",
    ],
};

const SESSIONS: Text = Text {
    title: "Your sessions",
    paragraphs: &["These are the browsers in which you are signed in here. End each that you don't know."],
};

const NO_SESSIONS: Text = Text { title: "Your sessions", paragraphs: &["You have no other sessions."] };

const STORE: Text = Text {
    title: "Sign-in isn't available at the moment",
    paragraphs: &["The store of sessions can't be reached. You did nothing wrong: wait a minute, and try again."],
};

const ISSUER: Text = Text {
    title: "The sign-in service isn't available",
    paragraphs: &["Nobody can sign in at the moment. Wait a minute, and try again."],
};

const UPSTREAM: Text = Text {
    title: "This page can't be shown now",
    paragraphs: &["The service behind this site doesn't respond as it should. Try again in a moment."],
};

const OVERLOADED: Text = Text {
    title: "This site is busy",
    paragraphs: &["It has too much to do at the moment. Wait a few seconds, and try again."],
};

const TOO_MANY_REQUESTS: Text = Text {
    title: "You sent too many requests",
    paragraphs: &["This site limits how many it takes from each user. Wait a little, and try again."],
};

const TOO_LARGE: Text = Text {
    title: "What you sent is too large",
    paragraphs: &["It is longer than this site accepts. It was not processed, and nothing was saved."],
};

const BAD_REQUEST: Text = Text {
    title: "This request can't be understood",
    paragraphs: &["It has a wrong form. Open the page from a link or from the start page."],
};

const NOT_FOUND: Text =
    Text { title: "There is no such page", paragraphs: &["Check the address, or go to the start page."] };

const METHOD_NOT_ALLOWED: Text = Text {
    title: "This page can't be used like that",
    paragraphs: &["It expects another kind of request. Open it from a link or from the start page."],
};
