//! Whatever comes in, the parsers answer; they never panic.

use std::collections::HashMap;

use mfa_gateway::config::Config;
use mfa_gateway::routing::CanonicalPath;
use mfa_gateway_core::token::{Amr, Key, KeySet, Unverified};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{config, runner};
use crate::support::gateway::CONFIG;
use crate::support::signer::{Signer, encode};

/// JSON of any shape, with names that key sets and configurations know among its names.
pub(super) fn any_json() -> impl Strategy<Value = Value> {
    let name = prop_oneof![
        "[a-z_]{1,6}",
        prop::sample::select(vec!["keys", "kty", "kid", "n", "e", "x", "y", "crv", "alg", "use", "amr", "iss", "exp"])
            .prop_map(str::to_owned),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        prop::sample::select(vec!["RSA", "EC", "OKP", "oct", "P-256", "AQAB", "RS256", "Ed25519", "sig", "mfa"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(name.clone(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn parse(text: &str) {
    // A problem's report is part of it: it points into the text.
    if let Err(error) = Config::parse("any.yaml", text, HashMap::new()) {
        assert!(!error.to_string().is_empty());
        assert!(!error.problems().is_empty());
    }
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn the_configuration_parser_takes_any_text(text in any::<String>()) {
        parse(&text);
    }

    #[test]
    fn the_configuration_parser_takes_any_structure(value in any_json()) {
        parse(&value.to_string());
    }

    #[test]
    fn the_configuration_parser_takes_a_file_with_any_part_replaced(
        from in 0..CONFIG.len(), length in 0..40_usize, new in prop_oneof![".{0,8}", "[\\[\\]{}:,\"\n -]{0,4}", "\\$\\{[A-Z:-]{0,6}\\}?"]
    ) {
        let valid = CONFIG.replace("${ISSUER}", "https://idp.example/").replace("${UPSTREAM}", "http://127.0.0.1:1");
        let from = from.min(valid.len());
        let to = (from + length).min(valid.len());
        parse(&format!("{}{new}{}", &valid[..from], &valid[to..]));
    }

    #[test]
    fn the_key_set_parser_takes_any_bytes(bytes in any::<Vec<u8>>()) {
        prop_assert!(KeySet::parse(&bytes, None).is_err());
    }

    #[test]
    fn the_key_parser_takes_any_json(value in any_json(), entries in prop::collection::vec(any_json(), 0..4)) {
        let _ = Key::from_jwk(&value);
        let _ = KeySet::parse(value.to_string().as_bytes(), None);
        let _ = KeySet::parse(json!({ "keys": entries }).to_string().as_bytes(), None);
        let _ = Amr::read(Some((&value).into()));
    }

    #[test]
    fn the_token_parser_takes_any_text(text in any::<String>(), dotted in "[A-Za-z0-9_-]{0,30}\\.[A-Za-z0-9_-]{0,30}\\.[A-Za-z0-9_-]{0,30}") {
        let _ = Unverified::parse(&text);
        let _ = Unverified::parse(&dotted);
    }

    #[test]
    fn the_token_parser_takes_any_json(header in any_json(), payload in any_json()) {
        let token = format!("{}.{}.c2ln", encode(header.to_string().as_bytes()), encode(payload.to_string().as_bytes()));
        let _ = Unverified::parse(&token).map(|unverified| unverified.issuer().map(str::to_owned));
    }

    #[test]
    fn the_path_parser_takes_any_text(path in any::<String>()) {
        if let Ok(canonical) = CanonicalPath::parse(&path) {
            prop_assert_eq!(canonical.as_str(), path.as_str());
        }
    }
}

#[test]
fn a_key_with_any_member_replaced_is_taken_or_refused() {
    let keys = [Signer::es256("k").jwk(), Signer::new(mfa_gateway_core::token::Algorithm::EdDsa, "k").jwk()];
    let members = vec!["kty", "crv", "x", "y", "kid", "use", "alg", "key_ops", "d"];
    let strategy = (prop::sample::select(keys.to_vec()), prop::sample::select(members), any_json());
    let case = |(mut jwk, member, value): (Value, &str, Value)| {
        jwk[member] = value;
        let _ = Key::from_jwk(&jwk);
        Ok(())
    };
    runner(300).run(&strategy, case).unwrap();
}
