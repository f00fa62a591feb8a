//! Documents that are key sets, and documents that aren't.

use serde_json::{Value, json};

use super::{Algorithm, KeySet};

fn p256() -> Value {
    // The example of RFC 7517 appendix A.1.
    json!({"kty": "EC", "crv": "P-256", "kid": "e",
           "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
           "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"})
}

#[test]
fn an_entry_that_cannot_even_be_read_costs_only_itself() {
    let good = p256().to_string();
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let deep_objects = format!("{}1{}", r#"{"a":"#.repeat(200), "}".repeat(200));
    for odd in ["1e999", r#""\ud800""#, r#""\udc00\ud800""#, &deep, &deep_objects, r#"1,"kid":"f""#, "\"\u{fffd}\""] {
        let bad =
            p256().to_string().replace(r#""kid":"e""#, r#""kid":"f""#).replacen('{', &format!(r#"{{"x":{odd},"#), 1);
        for document in [format!(r#"{{"keys":[{bad},{good}]}}"#), format!(r#"{{"keys":[{good},{bad}]}}"#)] {
            // The last one stands for bytes that are no UTF-8.
            let document = document.into_bytes().split(|byte| *byte == 0xef).collect::<Vec<_>>().join(&0xff);
            let set = KeySet::parse(&document, None).unwrap();
            assert_eq!((set.iter().count(), set.skipped().count()), (1, 1), "{odd}");
            assert!(set.find(Some("e"), Algorithm::Es256).is_ok(), "{odd}");
        }
    }
    let marked = format!("\u{feff}{{\"keys\":[{good}]}}");
    assert!(KeySet::parse(marked.as_bytes(), None).is_ok(), "a byte order mark says nothing");
    let aside = format!(r#"{{"x":{deep},"y":1e999,"z":"\ud800","keys":[{good}]}}"#);
    assert!(KeySet::parse(aside.as_bytes(), None).is_ok(), "what stands beside the keys doesn't matter");
}

#[test]
fn only_an_object_with_an_array_of_keys_is_a_key_set() {
    let good = p256().to_string();
    for bad in [
        format!("[{good}]"),
        format!("[[{good}]]"),
        format!(r#"{{"keys":{good}}}"#),
        format!(r#"{{"keys":{{"0":{good}}}}}"#),
        format!(r#"{{"Keys":[{good}]}}"#),
        format!(r#"{{"keys":[{good}]}} x"#),
        format!(r#"{{"keys":[{good}]"#),
        r#"{"keys":null}"#.to_owned(),
        r#"{"keys":[]}"#.to_owned(),
        // How serde_json names raw values among its own.
        format!(r#"{{"keys":[{}]}}"#, json!({"$serde_json::private::RawValue": good})),
    ] {
        assert!(KeySet::parse(bad.as_bytes(), None).is_err(), "{bad}");
    }
}
