//! What an issuer is to people and to `replay`: its product, and the fingerprint of what is asked of its tokens.

use serde_json::Value;

use super::file;
use super::hash;
use mfa_gateway_core::policy::Product;

/// The members of an issuer's section that ask nothing of a token, or whose effect `replay` works out by itself.
const NOT_ASKED: [&str; 7] = ["name", "mfa_evidence", "dialect", "product", "keys", "jwks_uri", "claims_to_headers"];

/// The product, by the file or else by the issuer's URL.
pub(super) fn read(file: Option<file::Product>, is_entra: bool, issuer: Option<&str>) -> Product {
    match file {
        Some(file::Product::Entra) => Product::Entra,
        Some(file::Product::Keycloak) => Product::Keycloak,
        Some(file::Product::Okta) => Product::Okta,
        Some(file::Product::Auth0) => Product::Auth0,
        Some(file::Product::Generic) => Product::Generic,
        None if is_entra => Product::Entra,
        None => issuer.map_or(Product::Generic, Product::of),
    }
}

/// Stands for everything that an issuer's section, as it is written, asks of a token before the rule reads it: other
/// audiences or another proof of app-only tokens have another fingerprint, and so have members of later versions.
pub(super) fn fingerprint(written: &Value) -> String {
    let mut asked = written.clone();
    if let Some(members) = asked.as_object_mut() {
        members.retain(|name, _| !NOT_ASKED.contains(&name.as_str()));
        // Which tenants are trusted is compared tenant by tenant.
        if let Some(entra) = members.get_mut("entra").and_then(Value::as_object_mut) {
            entra.remove("tenants");
        }
        members.values_mut().for_each(sort);
    }
    let first = hash(&asked.to_string()).iter().take(8).fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
    format!("{first:016x}")
}

/// Puts lists of texts in order: theirs has no meaning.
fn sort(value: &mut Value) {
    if let Some(list) = value.as_array_mut()
        && list.iter().all(Value::is_string)
    {
        list.sort_by(|one, other| one.as_str().cmp(&other.as_str()));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_fingerprint_stands_for_what_is_asked_of_a_token_and_for_nothing_else() {
        let issuer = json!({"name": "a", "issuer": "https://a.example/", "audiences": ["x", "y"], "product": "okta"});
        let changed = |name: &str, value: Value| {
            let mut other = issuer.clone();
            other[name] = value;
            fingerprint(&other)
        };
        let own = fingerprint(&issuer);
        assert_eq!(own.len(), 16);
        for (name, value) in [
            ("name", json!("b")),
            ("audiences", json!(["y", "x"])),
            ("product", json!("keycloak")),
            ("mfa_evidence", json!({"any": []})),
            ("keys", json!({"timeout": "1s"})),
        ] {
            assert_eq!(changed(name, value), own, "{name}");
        }
        for (name, value) in [
            ("issuer", json!("https://b.example/")),
            ("audiences", json!(["x"])),
            ("app_only_proof", json!("idtyp")),
            ("algorithms", json!(["ES256"])),
            ("anything_new", json!(true)),
        ] {
            assert_ne!(changed(name, value), own, "{name}");
        }
        let entra = |tenants: Value, cloud: &str| fingerprint(&json!({"entra": {"tenants": tenants, "cloud": cloud}}));
        assert_eq!(entra(json!("any"), "china"), entra(json!(["t"]), "china"));
        assert_ne!(entra(json!("any"), "china"), entra(json!("any"), "global"));
    }
}
