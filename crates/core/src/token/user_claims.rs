//! The claims that speak of a user.

use std::sync::LazyLock;

/// Those of each length: a token has some dozens of claims, each of which is looked for.
static BY_LENGTH: LazyLock<Vec<Vec<&'static str>>> = LazyLock::new(|| {
    let longest = USER_CLAIMS.iter().map(|name| name.len()).max().unwrap_or_default();
    (0..=longest).map(|length| USER_CLAIMS.into_iter().filter(|name| name.len() == length).collect()).collect()
});

/// Whether only a token with a user has a claim of this name, in whatever letter case.
pub(super) fn is_users(name: &str) -> bool {
    BY_LENGTH.get(name.len()).is_some_and(|names| names.iter().any(|users| users.eq_ignore_ascii_case(name)))
}

/// Claims that only a token with a user has.
///
/// Not among them, because Entra puts them into app-only tokens too: `roles`, `groups`, `wids`, `idp`, `acr`, `amr`.
pub(super) const USER_CLAIMS: [&str; 59] = [
    // Entra: delegated permissions, the account, its device, its session (Microsoft, Optional claims reference).
    "scp",
    "upn",
    "unique_name",
    "acct",
    "acrs",
    "onprem_sid",
    "puid",
    "altsecid",
    "login_hint",
    "ipaddr",
    "deviceid",
    "signin_state",
    "pwd_exp",
    "pwd_url",
    "ctry",
    "xms_pl",
    "verified_primary_email",
    "verified_secondary_email",
    "sid",
    // OpenID Connect Core section 5.1, Standard Claims: all are about the End-User.
    "name",
    "given_name",
    "family_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "email",
    "email_verified",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "phone_number",
    "phone_number_verified",
    "address",
    "updated_at",
    // OpenID Connect: somebody signed in, or this is an ID token.
    "auth_time",
    "nonce",
    "at_hash",
    "c_hash",
    "s_hash",
    "session_state",
    // RFC 8693 sections 4.1 and 4.4: somebody acts for somebody.
    "act",
    "may_act",
    // Other providers' names for the user, and for what the user granted.
    "username",
    "user_name",
    "user_id",
    "userid",
    "uid",
    "emails",
    "mail",
    "winaccountname",
    "samaccountname",
    "primarysid",
    "cognito:username",
    "cognito:groups",
    "scopes",
];
