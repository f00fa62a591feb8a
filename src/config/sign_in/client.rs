//! The client at the issuer: who it is, and how it proves that.

use std::time::Duration;

use crate::config::credentials;
use crate::config::file;
use crate::config::problem::Problems;
use crate::config::values::time;
use crate::oidc::{ClientSettings, ResponseMode, is_reserved};
use mfa_gateway_keys::KeySettings;

const SECOND: Duration = Duration::from_secs(1);

/// Reads the client. `keys` says how the issuer is reached; `refreshes` whether tokens are refreshed.
pub(super) fn read(
    path: &str,
    file: &file::SignIn,
    keys: Option<&KeySettings>,
    refreshes: bool,
    problems: &mut Problems<'_>,
) -> ClientSettings {
    if file.client_id.trim().is_empty() || file.client_id.chars().any(char::is_control) {
        let fix = "copy the client's id from its registration at the issuer";
        problems.add(&format!("{path}.client_id"), "the client's id is empty, or can't be sent", fix);
    }
    for name in file.parameters.keys().filter(|name| is_reserved(name)) {
        let message = format!("the gateway sets `{name}` itself");
        problems.add(&format!("{path}.parameters.{name}"), message, "remove it, or use the field for it");
    }
    ClientSettings {
        client_id: file.client_id.clone(),
        authentication: credentials::read(path, file.credentials(), problems),
        scopes: scopes(path, file, refreshes, problems),
        response_mode: match file.response_mode {
            file::ResponseMode::Query => ResponseMode::Query,
            file::ResponseMode::FormPost => ResponseMode::FormPost,
        },
        par: file.par,
        parameters: file.parameters.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        timeout: time(
            &format!("{path}.timeout"),
            file.timeout.as_deref(),
            SECOND * 10,
            SECOND / 10..=SECOND * 60,
            problems,
        ),
        allow_http: keys.is_some_and(|keys| keys.allow_http),
        authorities: keys.map(|keys| keys.authorities.clone()).unwrap_or_default(),
    }
}

fn scopes(path: &str, file: &file::SignIn, refreshes: bool, problems: &mut Problems<'_>) -> Vec<String> {
    let Some(scopes) = &file.scopes else {
        // The name that the issuer knows the user by is asked for, so that a step-up is for the same user.
        let mail = file.session.display.contains(&file::Display::Email).then_some("email");
        let own = ["profile"].into_iter().chain(mail).chain(refreshes.then_some("offline_access"));
        return own.map(str::to_owned).collect();
    };
    let field = format!("{path}.scopes");
    if !scopes.iter().any(|scope| scope == "openid") {
        let message = "without `openid`, the issuer sends no ID token";
        problems.add(&field, message, "add `openid`, or remove the field for the default");
    }
    for (at, _) in scopes.iter().enumerate().filter(|(_, scope)| !is_scope(scope)) {
        let message = "this is not one scope: it is empty, or has a space or another character that a scope can't have";
        problems.add(&format!("{field}[{at}]"), message, "write a list with one scope per element");
    }
    scopes.clone()
}

/// RFC 6749 section 3.3.
pub(in crate::config) fn is_scope(scope: &str) -> bool {
    !scope.is_empty() && scope.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
}
