//! Texts for the numbers of Microsoft Entra ID's errors (`AADSTS…`).
//!
//! Microsoft advises against branching on them, for numbers change; here they choose words and nothing else
//! (learn.microsoft.com/entra/identity-platform/reference-error-codes).

use super::text::Text;

/// The text of a number, if it has one.
pub(super) fn text(number: u32) -> Option<&'static Text> {
    Some(match number {
        50074 | 50076 => &MFA,
        50072 | 50079 => &REGISTER,
        50078 => &MFA_EXPIRED,
        53003 => &POLICY,
        53000 | 53001 => &DEVICE,
        50105 => &NOT_ASSIGNED,
        50020 | 50034 => &UNKNOWN_ACCOUNT,
        65001 | 65004 => &CONSENT,
        90094 => &ADMIN_CONSENT,
        50011 => &REDIRECT,
        50158 => &EXTERNAL,
        500_213 => &CROSS_TENANT,
        54005 => &CODE_USED,
        _ => return None,
    })
}

const MFA: Text = Text {
    title: "MFA is needed",
    paragraphs: &["Your organization needs MFA for this sign-in, and it wasn't completed. Try again and complete it."],
};

const REGISTER: Text = Text {
    title: "You have to register for MFA",
    paragraphs: &[
        "Your organization needs MFA for this sign-in, and your account has no second factor yet.",
        "Try again and follow the steps to register. If none are shown, ask your administrator.",
    ],
};

const MFA_EXPIRED: Text = Text {
    title: "Your MFA has expired",
    paragraphs: &["Your organization wants MFA again from time to time. Try again and complete it."],
};

const POLICY: Text = Text {
    title: "An access policy blocks this sign-in",
    paragraphs: &[
        "A Conditional Access policy of your organization doesn't allow it from here: the place, the device or the \
         browser may be the reason.",
        "Ask your administrator, with the codes on this page.",
    ],
};

const DEVICE: Text = Text {
    title: "This device isn't accepted",
    paragraphs: &[
        "Your organization lets in only devices that it manages and that follow its rules.",
        "Use such a device, or ask your administrator to check this one.",
    ],
};

const NOT_ASSIGNED: Text = Text {
    title: "Your account isn't assigned to this site",
    paragraphs: &[
        "Only users who are assigned to this application may sign in. Ask your administrator to assign you, or use another \
         account.",
    ],
};

const UNKNOWN_ACCOUNT: Text = Text {
    title: "This account isn't known here",
    paragraphs: &[
        "It belongs to another organization, or doesn't exist. Use another account, or ask to be invited as a guest.",
    ],
};

const CONSENT: Text = Text {
    title: "This site needs consent",
    paragraphs: &[
        "Nobody has agreed yet that this site may read who you are, or consent was declined.",
        "Try again and accept. If you aren't asked, an administrator of your organization has to agree.",
    ],
};

const ADMIN_CONSENT: Text = Text {
    title: "An administrator has to agree",
    paragraphs: &[
        "Your organization lets only administrators agree to what this site asks for. Ask yours to grant consent.",
    ],
};

const REDIRECT: Text = Text {
    title: "Sign-in isn't set up correctly",
    paragraphs: &[
        "The address of this site isn't registered at the sign-in service. You did nothing wrong.",
        "Tell the people who operate this site: the redirect URI has to be added to the app registration.",
    ],
};

const EXTERNAL: Text = Text {
    title: "A further check wasn't completed",
    paragraphs: &["Your organization wants a check by another service, and it wasn't completed. Try again."],
};

const CROSS_TENANT: Text = Text {
    title: "Your organization isn't let in",
    paragraphs: &[
        "The access settings between the two organizations don't allow your account. Ask the people who invited you, or \
         use another account.",
    ],
};

const CODE_USED: Text =
    Text { title: "This sign-in was used before", paragraphs: &["That happens if a page is loaded twice. Try again."] };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_of_the_facts_has_a_text() {
        for number in [
            50076, 50074, 50079, 50072, 50078, 53003, 53000, 53001, 50105, 50020, 50034, 65001, 65004, 50011, 50158,
            500_213, 54005, 90094,
        ] {
            assert!(text(number).is_some(), "{number}");
        }
        assert!(text(50000).is_none());
    }
}
