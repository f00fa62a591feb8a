//! The accepted signature algorithms of an issuer, and what the names of others mean.

use super::problem::Problems;
use super::suggest::suggest;
use mfa_gateway_core::token::Algorithm;

pub(super) fn algorithms(
    path: &str,
    list: Option<&[String]>,
    default: &[Algorithm],
    problems: &mut Problems<'_>,
) -> Vec<Algorithm> {
    let Some(list) = list else { return default.to_vec() };
    if list.is_empty() {
        let message = "the list is empty, so no token would be accepted";
        let names: Vec<&str> = default.iter().map(|one| one.name()).collect();
        let fix = format!("remove the field to accept {}", names.join(", "));
        problems.add(&format!("{path}.algorithms"), message, fix);
    }
    let mut algorithms = Vec::new();
    for (at, name) in list.iter().enumerate() {
        if let Ok(algorithm) = name.parse() {
            algorithms.push(algorithm);
        } else {
            let (message, fix) = other(name);
            problems.add(&format!("{path}.algorithms[{at}]"), message, fix);
        }
    }
    algorithms
}

/// What is wrong with the name of another algorithm, and what to write instead.
fn other(name: &str) -> (String, String) {
    const INSTEAD: &str = "write the algorithm that the issuer signs with, such as `RS256`: the `alg` of its tokens";
    let upper = name.to_ascii_uppercase();
    let message = match upper.as_str() {
        "HS256" | "HS384" | "HS512" => {
            format!("`{name}` is symmetric: with the key that verifies a token, anyone could also make one")
        }
        "NONE" | "" => format!("`{name}` would accept tokens without a signature"),
        "ED25519" => {
            let message = format!("`{name}` (RFC 9864) is not supported: tokens must name the algorithm `EdDSA`");
            return (message, "write `EdDSA`".to_owned());
        }
        "ES256K" | "ED448" => format!("`{name}` is not supported: its curve is not"),
        "RS1" => format!("`{name}` is not supported: SHA-1 is broken"),
        "DIR" => format!("`{name}` is for encryption, not for signatures"),
        _ if ["RSA-", "RSA1_5", "ECDH-", "A128", "A192", "A256", "PBES2"]
            .iter()
            .any(|start| upper.starts_with(start)) =>
        {
            format!("`{name}` is for encryption, not for signatures")
        }
        _ => {
            let known = Algorithm::ALL.map(Algorithm::name);
            return (format!("`{name}` is not a signature algorithm that the gateway knows"), suggest(name, &known));
        }
    };
    (message, INSTEAD.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_name_means_is_told() {
        for (name, told) in [
            ("HS256", "symmetric"),
            ("hs512", "symmetric"),
            ("none", "without a signature"),
            ("NONE", "without a signature"),
            ("Ed25519", "EdDSA"),
            ("ES256K", "curve"),
            ("RSA-OAEP-256", "encryption"),
            ("A256GCM", "encryption"),
            ("ES521", "knows"),
        ] {
            assert!(other(name).0.contains(told), "{name}: {}", other(name).0);
        }
        assert_eq!(other("rs512").1, "did you mean `RS512`?");
    }
}
