//! The admin listener, from the file to what is used.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};

use super::operators_sign_in::{self, OperatorsSignIn};
use super::problem::Problems;
use super::suggest::suggest;
use super::values::{optional_duration, tenant_ids};
use super::{address, file, names, tls};
use crate::server::{Address, Tls};

/// The shortest token of a file. 32 characters of base64 are 192 bits.
const MIN_TOKEN: usize = 32;

/// The largest file of tokens.
const MAX_TOKEN_FILE: u64 = 64 << 10;

/// The admin listener.
#[derive(Clone, Debug)]
pub struct Admin {
    /// Its address.
    pub address: Address,
    /// Its TLS.
    pub tls: Option<Tls>,
    /// The host names it may be asked for, in lower case, besides `localhost` and IP addresses.
    pub hosts: Vec<String>,
    /// Whether metrics and the state of issuers need no authentication.
    pub open_details: bool,
    /// Who is an operator.
    pub authentication: Option<AdminAuthentication>,
}

/// Who is an operator.
#[derive(Clone, Debug)]
pub struct AdminAuthentication {
    /// The file of tokens.
    pub token_file: Option<PathBuf>,
    /// The SHA-256 of each of its tokens.
    pub tokens: Vec<[u8; 32]>,
    /// The operators who have access tokens.
    pub operators: Option<Operators>,
    /// The operators who sign in with a browser.
    pub sign_in: Option<OperatorsSignIn>,
}

/// Operators with access tokens that show MFA.
#[derive(Clone, Debug)]
pub struct Operators {
    /// The name of their issuer.
    pub issuer: String,
    /// The audiences of their tokens, if they are not the issuer's.
    pub audiences: Option<Vec<String>>,
    /// Their ids; all users if absent.
    pub users: Option<BTreeSet<String>>,
    /// The applications whose app-only tokens are accepted, in lower case.
    pub applications: BTreeSet<String>,
    /// Their tenants, in lower case; all if absent.
    pub tenants: Option<BTreeSet<String>>,
    /// How long ago a user may have authenticated.
    pub max_age: Option<Duration>,
}

pub(super) fn build(
    file: &file::Admin,
    whole: &file::File,
    names: &names::Names,
    problems: &mut Problems<'_>,
) -> Option<Admin> {
    let address = address::build("admin.address", &file.address, problems);
    let tls = file.tls.as_ref().and_then(|file| tls::build("admin.tls", file, problems));
    for (at, host) in file.hosts.iter().enumerate() {
        if host.is_empty() || !host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.')) {
            let fix = "write a host name without a port, such as `gateway-admin.internal`";
            problems.add(&format!("admin.hosts[{at}]"), "this is not a host name", fix);
        }
    }
    let authentication =
        file.authentication.as_ref().map(|authentication| read_authentication(authentication, whole, names, problems));
    let open_details = file.details == file::Details::Open;
    let address = address?;
    if !address.is_loopback() && file.tls.is_none() && (open_details || authentication.is_some()) {
        let (message, fix) = match authentication {
            Some(_) => (
                "operator tokens cross the network in plain text",
                "listen on 127.0.0.1, add `tls`, or restrict the address to a network that you trust",
            ),
            None => (
                "anyone who can reach this address can read the metrics and the state of the issuers",
                "set `details: protected`, which leaves only the status of `/livez` and `/readyz` readable; or listen on \
                 127.0.0.1, or restrict the address to a network that you trust",
            ),
        };
        problems.warn("admin.address", message, fix);
    }
    let mut hosts: Vec<String> = file.hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
    let of_sign_in = operators_sign_in::name(whole).and_then(|name| operators_sign_in::host(name, &whole.sign_in));
    hosts.extend(of_sign_in.filter(|host| !file.hosts.contains(host)));
    Some(Admin { address, tls, hosts, open_details, authentication })
}

fn read_authentication(
    file: &file::Authentication,
    whole: &file::File,
    names: &names::Names,
    problems: &mut Problems<'_>,
) -> AdminAuthentication {
    const PATH: &str = "admin.authentication";
    if file.token_file.is_none() && file.operators.is_none() && file.sign_in.is_none() {
        let fix = "add `token_file: FILE`, `operators: { issuer: NAME, audiences: [...] }`, or `sign_in: { name: NAME, users: [...] }`";
        problems.add(PATH, "none of `token_file`, `operators` and `sign_in` is set, so nobody could authenticate", fix);
    }
    let token_file = file.token_file.as_ref().map(PathBuf::from);
    let tokens = token_file.as_deref().map(|path| read_tokens(path, hash).map_err(|message| (path, message)));
    let tokens = tokens.transpose().unwrap_or_else(|(path, message)| {
        let message = format!("{} can't be used: {message}", path.display());
        let fix = "write one token per line, each of 32 characters or more: `openssl rand -base64 48 > admin-tokens`";
        problems.add(&format!("{PATH}.token_file"), message, fix);
        None
    });
    let operators = file
        .operators
        .as_ref()
        .map(|operators| read_operators(&format!("{PATH}.operators"), operators, &whole.issuers, problems));
    let sign_in = file
        .sign_in
        .as_ref()
        .map(|sign_in| operators_sign_in::read(&format!("{PATH}.sign_in"), sign_in, &whole.sign_in, names, problems));
    AdminAuthentication { token_file, tokens: tokens.unwrap_or_default(), operators, sign_in }
}

/// Reads a file of tokens. An error about a token doesn't repeat it.
pub(super) fn read_tokens<T>(path: &Path, read: impl Fn(&str) -> T) -> Result<Vec<T>, String> {
    let text = mfa_gateway_files::read_text(path, MAX_TOKEN_FILE).map_err(|error| error.to_string())?;
    let mut tokens = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let token = line.trim();
        if token.is_empty() || token.starts_with('#') {
            continue;
        }
        if token.len() < MIN_TOKEN {
            return Err(format!("the token on line {} is shorter than {MIN_TOKEN} characters", at + 1));
        }
        // What can't stand in an `Authorization: Bearer` field (RFC 6750 section 2.1) would never match.
        let body = token.trim_end_matches('=');
        if !body
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/'))
        {
            return Err(format!(
                "the token on line {} contains characters other than letters, digits and -._~+/",
                at + 1
            ));
        }
        tokens.push(read(token));
    }
    if tokens.is_empty() { Err("it contains no token".to_owned()) } else { Ok(tokens) }
}

/// The SHA-256 of a token. The gateway keeps and compares only this.
pub(crate) fn hash(token: &str) -> [u8; 32] {
    let digest = digest(&SHA256, token.as_bytes());
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest.as_ref());
    bytes
}

fn read_operators(
    path: &str,
    file: &file::Operators,
    issuers: &[file::Issuer],
    problems: &mut Problems<'_>,
) -> Operators {
    let issuer = issuers.iter().find(|issuer| issuer.name == file.issuer);
    if issuer.is_none() {
        let names: Vec<&str> = issuers.iter().map(|issuer| issuer.name.as_str()).collect();
        let message = format!("there is no issuer `{}`", file.issuer);
        problems.add(&format!("{path}.issuer"), message, suggest(&file.issuer, &names));
    }
    let shared = |audience: &String| issuer.is_some_and(|issuer| issuer.audiences.contains(audience));
    let own = file.audiences.as_ref().is_some_and(|audiences| !audiences.iter().any(shared));
    if file.audiences.as_ref().is_some_and(|list| list.is_empty() || list.iter().any(String::is_empty)) {
        problems.add(
            &format!("{path}.audiences"),
            "there is no audience, or an empty one",
            "list the `aud` values of the operators' tokens",
        );
    }
    // Otherwise every user of the API who did MFA would be an operator of the gateway before it.
    if !own && file.users.is_none() {
        let message = "every caller of the API would be an operator";
        problems.add(path, message, "list `audiences` that the API's callers don't have, or list the `users`");
    }
    if file.users.as_ref().is_some_and(|users| users.iter().any(|user| user.trim().is_empty())) {
        problems.add(&format!("{path}.users"), "a user id is empty", "list the users' object ids (`oid`)");
    }
    let tenants = file.tenants.as_ref().map(|tenants| tenant_ids(&format!("{path}.tenants"), tenants, problems));
    Operators {
        issuer: file.issuer.clone(),
        audiences: file.audiences.clone(),
        users: file.users.as_ref().map(|users| users.iter().cloned().collect()),
        applications: file.applications.iter().map(|id| id.to_ascii_lowercase()).collect(),
        tenants,
        max_age: optional_duration(&format!("{path}.max_age"), file.max_age.as_deref(), problems),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::io::Write;

    use super::super::Config;

    const FILE: &str = "
listeners: [{ address: 127.0.0.1:0 }]
admin: { ADMIN }
issuers: [{ name: idp, issuer: https://idp.example/, audiences: [api] }]
upstreams: [{ name: api, endpoints: [\"http://127.0.0.1:1\"] }]
routes: [{ prefix: /, upstream: api }]
";

    fn read(admin: &str) -> Result<Config, Vec<String>> {
        let config = Config::parse("f", &FILE.replace("ADMIN", admin), HashMap::new());
        config.map_err(|error| error.problems().iter().map(|problem| problem.field.clone()).collect())
    }

    fn with_tokens(text: &str) -> Result<Config, Vec<String>> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        read(&format!("address: 127.0.0.1:0, authentication: {{ token_file: {} }}", file.path().display()))
    }

    #[test]
    fn operators_are_told_from_the_apis_callers() {
        let operators =
            |text: &str| read(&format!("address: 127.0.0.1:0, authentication: {{ operators: {{ {text} }} }}"));
        for good in
            ["audiences: [admin]", "users: [u]", "audiences: [api], users: [u]", "audiences: [admin], users: [u]"]
        {
            assert!(operators(&format!("issuer: idp, {good}")).is_ok(), "{good}");
        }
        let path = "admin.authentication.operators";
        for (bad, field) in [
            ("issuer: idp", ""),
            ("issuer: idp, audiences: [api]", ""),
            ("issuer: idp, audiences: [admin, api]", ""),
            ("issuer: idp, applications: [a]", ""),
            ("issuer: idp, audiences: []", ".audiences"),
            ("issuer: idp, users: [\"\"]", ".users"),
            ("issuer: other, audiences: [admin]", ".issuer"),
            ("issuer: idp, audiences: [admin], tenants: [contoso]", ".tenants[0]"),
            ("issuer: idp, audiences: [admin], max_age: 0s", ".max_age"),
        ] {
            assert_eq!(operators(bad).unwrap_err(), [format!("{path}{field}")], "{bad}");
        }
        assert_eq!(read("address: 127.0.0.1:0, authentication: {}").unwrap_err(), ["admin.authentication"]);
        assert_eq!(read("address: 127.0.0.1:0, hosts: [\"a:1\"]").unwrap_err(), ["admin.hosts[0]"]);
    }

    #[test]
    fn a_file_of_tokens_has_tokens_that_are_long_enough_and_can_be_sent() {
        let long = "a".repeat(32);
        let config = with_tokens(&format!("# one\n\n  {long}  \r\n{long}b\n")).unwrap();
        assert_eq!(config.admin.unwrap().authentication.unwrap().tokens.len(), 2);
        for bad in [
            "",
            "# none\n",
            "short",
            &long[1..],
            &format!("{long}\nshort"),
            &format!("{long} {long}"),
            &format!("{long}\u{e4}"),
        ] {
            assert_eq!(with_tokens(bad).unwrap_err(), ["admin.authentication.token_file"], "{bad}");
        }
        let absent = "address: 127.0.0.1:0, authentication: { token_file: /nonexistent }";
        assert_eq!(read(absent).unwrap_err(), ["admin.authentication.token_file"]);
    }

    #[test]
    fn a_short_token_is_not_repeated() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"hunter2").unwrap();
        let admin = format!("address: 127.0.0.1:0, authentication: {{ token_file: {} }}", file.path().display());
        let error = Config::parse("f", &FILE.replace("ADMIN", &admin), HashMap::new()).unwrap_err().to_string();
        assert!(error.contains("shorter than 32") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn plain_text_beyond_loopback_is_warned_of_where_something_is_to_be_seen() {
        let warned = |admin: &str| read(admin).unwrap().warnings;
        let operators = "authentication: { operators: { issuer: idp, users: [u] } }";
        for quiet in ["address: 127.0.0.1:1", "address: \"[::1]:1\"", "address: 0.0.0.0:1, details: protected"] {
            assert!(warned(quiet).is_empty(), "{quiet}");
        }
        for (loud, fix) in [
            ("address: 0.0.0.0:1", "set `details: protected`"),
            (&format!("address: 10.0.0.1:1, details: protected, {operators}"), "add `tls`"),
        ] {
            let warnings = warned(loud);
            assert!(warnings[0].contains(fix), "{}", &*warnings[0]);
            assert_eq!(warnings.len(), 1, "{loud}");
            assert!(
                warnings[0].starts_with("warning: admin.address: ") && warnings[0].contains("f:3:"),
                "{}",
                &*warnings[0]
            );
        }
    }
}
