//! How a client at an issuer authenticates.

use std::path::Path;

use super::file;
use super::problem::Problems;
use crate::oidc::{AssertionAudience, ClientAuthentication, Secret, SigningKey};

/// The largest file of a secret, a key or a certificate.
const MAX_FILE: u64 = 64 << 10;

/// How the client authenticates: by the file's word, or by what it has.
pub(super) fn read(path: &str, file: file::Credentials<'_>, problems: &mut Problems<'_>) -> ClientAuthentication {
    use file::ClientAuthentication as Way;
    let (has_secret, has_key) = (file.client_secret_file.is_some(), file.private_key_file.is_some());
    if has_secret && has_key {
        let message = "there are two credentials, `client_secret_file` and `private_key_file`";
        problems.add(path, message, "remove one of them: a client authenticates in one way");
        return ClientAuthentication::None;
    }
    for (field, is_set) in [
        ("certificate_file", file.certificate_file.is_some()),
        ("key_id", file.key_id.is_some()),
        ("key_algorithm", file.key_algorithm.is_some()),
    ] {
        if is_set && !has_key {
            problems.add(&format!("{path}.{field}"), "there is no `private_key_file`", "add it, or remove this field");
        }
    }
    let way = file.authentication;
    match (way, file.client_secret_file, file.private_key_file) {
        (None | Some(Way::Basic), Some(secret), _) => {
            ClientAuthentication::SecretBasic(secret_in(path, secret, problems))
        }
        (Some(Way::Post), Some(secret), _) => ClientAuthentication::SecretPost(secret_in(path, secret, problems)),
        (None | Some(Way::PrivateKeyJwt), _, Some(key)) => signing_key(path, key, file, problems),
        (Some(Way::None), None, None) => ClientAuthentication::None,
        (None, None, None) => {
            let message = "the client has no credential";
            let fix =
                "add `client_secret_file` or `private_key_file`, or write `authentication: none` for a public client";
            problems.add(path, message, fix);
            ClientAuthentication::None
        }
        (Some(way), ..) => {
            let (message, fix) = match way {
                Way::Basic | Way::Post => ("this needs a secret", "add `client_secret_file`, or remove the field"),
                Way::PrivateKeyJwt => ("this needs a private key", "add `private_key_file`, or remove the field"),
                Way::None => ("the client has a credential", "remove the field, or the credential's file"),
            };
            problems.add(&format!("{path}.authentication"), message, fix);
            ClientAuthentication::None
        }
    }
}

fn secret_in(path: &str, file: &str, problems: &mut Problems<'_>) -> Secret {
    let field = format!("{path}.client_secret_file");
    let content = read_file(file).and_then(|bytes| String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned()));
    let secret = content
        .map(|text| Secret::new(&text))
        .and_then(|secret| if secret.is_empty() { Err("it is empty".to_owned()) } else { Ok(secret) });
    secret.unwrap_or_else(|message| {
        let fix = "write the secret into the file, on one line, and let the gateway's user read it";
        problems.add(&field, format!("{file} can't be used: {message}"), fix);
        Secret::new("")
    })
}

fn signing_key(
    path: &str,
    key: &str,
    file: file::Credentials<'_>,
    problems: &mut Problems<'_>,
) -> ClientAuthentication {
    const FIX: &str = "name PEM files with the private key, not encrypted, and with its certificate";
    let audience = match file.assertion_audience {
        file::AssertionAudience::TokenEndpoint => AssertionAudience::TokenEndpoint,
        file::AssertionAudience::Issuer => AssertionAudience::Issuer,
    };
    let field = format!("{path}.private_key_file");
    let bytes = read_file(key).map_err(|message| problems.add(&field, format!("{key} can't be used: {message}"), FIX));
    let certificate = file.certificate_file.map(|name| {
        let field = format!("{path}.certificate_file");
        read_file(name).map_err(|message| problems.add(&field, format!("{name} can't be used: {message}"), FIX))
    });
    let (Ok(bytes), Ok(certificate)) = (bytes, certificate.transpose()) else { return ClientAuthentication::None };
    let (kid, algorithm) = (file.key_id, file.key_algorithm);
    match SigningKey::parse(&bytes, certificate.as_deref(), kid, algorithm) {
        Ok(key) => ClientAuthentication::PrivateKeyJwt(key, audience),
        Err(error) => {
            problems.add(&field, format!("{key} can't be used: {error}"), FIX);
            ClientAuthentication::None
        }
    }
}

fn read_file(path: &str) -> Result<Vec<u8>, String> {
    mfa_gateway_files::read(Path::new(path), MAX_FILE).map_err(|error| error.to_string())
}
