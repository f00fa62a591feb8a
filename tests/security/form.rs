//! The compact form and the header of a token (7).

use serde_json::{Value, json};

use super::probe::{Expected, Probe, claims};
use crate::support::Signer;
use crate::support::rule::with;
use crate::support::signer::encode;

use Expected::{Invalid, Permitted};

#[tokio::test]
async fn s07_the_compact_form_is_exact() {
    let signer = Signer::es256("k");
    let mut probe = Probe::with_keys(&[signer.jwk()]).await;
    let good = signer.token(&claims());
    let [first, second, third] = good.split('.').collect::<Vec<_>>()[..] else { panic!("{good}") };
    let mut cases = vec![
        ("two parts".to_owned(), format!("{first}.{second}")),
        ("an empty signature".to_owned(), format!("{first}.{second}.")),
        ("an empty payload".to_owned(), format!("{first}..{third}")),
        ("an empty header".to_owned(), format!(".{second}.{third}")),
        ("four parts".to_owned(), format!("{good}.{third}")),
        ("a dot behind".to_owned(), format!("{good}.")),
        ("a dot before".to_owned(), format!(".{good}")),
        ("five parts, as of an encrypted token".to_owned(), format!("{first}.{first}.{second}.{third}.{third}")),
        ("one word".to_owned(), "token".to_owned()),
        ("dots".to_owned(), "..".to_owned()),
        ("twice".to_owned(), format!("{good}{good}")),
    ];
    for (at, (part, name)) in [(first, "header"), (second, "payload"), (third, "signature")].into_iter().enumerate() {
        let put = |new: String| {
            let mut parts = [first.to_owned(), second.to_owned(), third.to_owned()];
            parts[at] = new;
            parts.join(".")
        };
        for behind in ["=", "==", "===", "A", "AA", "~", "+", "/", "-", "_"] {
            cases.push((format!("{behind:?} behind the {name}"), put(format!("{part}{behind}"))));
        }
        cases.push((format!("the {name} cut"), put(part[..part.len() - 1].to_owned())));
        cases.push((format!("the {name} in the other alphabet"), put(format!("{}+/", &part[..part.len() - 2]))));
        // Every other last character: some of them decode to the same bytes for a careless decoder.
        let last = part.chars().last().unwrap();
        for new in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars().filter(|new| *new != last)
        {
            cases.push((format!("{new} at the end of the {name}"), put(format!("{}{new}", &part[..part.len() - 1]))));
        }
    }
    for (what, token) in cases {
        probe.token(what, &token, Invalid).await;
    }
    probe.token("as it was", &good, Permitted).await;
}

#[tokio::test]
async fn s07_header_and_payload_are_strict_json_objects() {
    let signer = Signer::es256("k");
    let mut probe = Probe::with_keys(&[signer.jwk()]).await;
    let (header, payload) = (signer.header().to_string(), claims().to_string());
    let inner = |text: &str| text.trim_start_matches('{').trim_end_matches('}').to_owned();
    for (part, text) in [("header", &header), ("payload", &payload)] {
        let object = inner(text);
        let name = if part == "header" { "alg" } else { "amr" };
        let value = if part == "header" { json!("ES256") } else { json!(["pwd", "mfa"]) };
        let escaped = format!("\\u{:04x}{}", u32::from(name.chars().next().unwrap()), &name[1..]);
        let mut bad: Vec<(String, Vec<u8>)> = [
            ("a name twice", format!("{{{object},\"{name}\":{value}}}")),
            ("a name twice, first", format!("{{\"{name}\":{value},{object}}}")),
            ("a name twice, once escaped", format!("{{{object},\"{escaped}\":{value}}}")),
            ("a name twice within", format!("{{{object},\"x\":{{\"a\":1,\"a\":1}}}}")),
            ("a name twice within a list", format!("{{{object},\"x\":[[{{\"a\":1,\"\\u0061\":1}}]]}}")),
            ("an empty name twice", format!("{{{object},\"\":1,\"\":1}}")),
            ("bytes behind", format!("{text}x")),
            ("a NUL behind", format!("{text}\0")),
            ("an object behind", format!("{text}{{}}")),
            ("a comma behind", format!("{text},")),
            ("a line behind", format!("{text}\n{text}")),
            ("a comma too many", format!("{{{object},}}")),
            ("a comment", format!("{{/**/{object}}}")),
            ("single quotes", text.replace('"', "'")),
            ("a list", format!("[{text}]")),
            ("a string", json!(text).to_string()),
            ("null", "null".to_owned()),
            ("nothing", String::new()),
            ("blanks", "  ".to_owned()),
            ("a number", "1".to_owned()),
            ("a byte order mark", format!("\u{feff}{text}")),
            ("a control character", format!("{{{object},\"x\":\"a\tb\"}}")),
            ("a lone surrogate", format!("{{{object},\"x\":\"\\ud800\"}}")),
            ("a bad escape", format!("{{{object},\"x\":\"\\x41\"}}")),
            ("no end", format!("{{{object}")),
            ("no name", format!("{{{object},1:2}}")),
            ("a number beyond all", format!("{{{object},\"x\":1e999}}")),
            ("NaN", format!("{{{object},\"x\":NaN}}")),
            ("depth", format!("{{{object},\"x\":{}{}}}", "[".repeat(1000), "]".repeat(1000))),
            ("depth of objects", format!("{{{object},\"x\":{}1{}}}", "{\"a\":".repeat(500), "}".repeat(500))),
        ]
        .into_iter()
        .map(|(what, text)| (format!("{part}: {what}"), text.into_bytes()))
        .collect();
        for bytes in [&b"\xff"[..], b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"] {
            let broken = [format!("{{{object},\"x\":\"").as_bytes(), bytes, b"\"}"].concat();
            bad.push((format!("{part}: not UTF-8: {bytes:x?}"), broken));
        }
        bad.push((format!("{part}: UTF-16"), text.encode_utf16().flat_map(u16::to_le_bytes).collect()));
        for (what, bytes) in bad {
            let (head, body) = if part == "header" {
                (bytes, payload.clone().into_bytes())
            } else {
                (header.clone().into_bytes(), bytes)
            };
            probe.token(what, &signer.sign_text(head, body), Invalid).await;
        }
    }
    // Whitespace that JSON allows, and honest depth.
    let spaced = format!(" \n\t\r{{ {} , \"x\" : [[[[{{\"a\":[1]}}]]]] }} \n", inner(&payload));
    probe.token("white space", &signer.sign_text(format!(" {header}\n"), spaced), Permitted).await;
    // A token in a token is none.
    let nested = signer.token(&claims());
    probe.token("a nested token", &signer.sign_text(&header, &nested), Invalid).await;
    let string = json!(nested).to_string();
    probe.token("a nested token as a string", &signer.sign_text(&header, string), Invalid).await;
}

#[tokio::test]
async fn s07_a_header_that_asks_for_what_is_not_implemented_is_refused_and_harmless_ones_are_not() {
    let signer = Signer::es256("k");
    let mut probe = Probe::with_keys(&[signer.jwk()]).await;
    let odd = [
        json!(null),
        json!(true),
        json!(0),
        json!(""),
        json!("x"),
        json!([]),
        json!(["exp"]),
        json!({}),
        json!({"a": 1}),
    ];
    for value in &odd {
        for name in ["crit", "zip", "enc"] {
            let header = with(signer.header(), name, value.clone());
            probe.token(format!("{name} {value}"), &signer.sign(&header, &claims()), Invalid).await;
        }
        // `b64: true` says what is so anyway (RFC 7797 section 3); anything else changes what is signed.
        let header = with(signer.header(), "b64", value.clone());
        let expected = if *value == json!(true) { Permitted } else { Invalid };
        probe.token(format!("b64 {value}"), &signer.sign(&header, &claims()), expected).await;
        for name in ["x-unknown", "x5t", "jku", "nonce", "ctx", "exp", "iss", "", "ALG", "Crit"] {
            let header = with(signer.header(), name, value.clone());
            probe.token(format!("the harmless {name:?} {value}"), &signer.sign(&header, &claims()), Permitted).await;
        }
    }
    for (name, value) in [
        ("crit", json!(["b64"])),
        ("crit", json!(["http://openid.net/x"])),
        ("zip", json!("DEF")),
        ("enc", json!("A256GCM")),
        ("b64", json!(false)),
        ("b64", json!("true")),
    ] {
        let header = with(signer.header(), name, value.clone());
        probe.token(format!("{name} {value}"), &signer.sign(&header, &claims()), Invalid).await;
    }
    let header = with(with(signer.header(), "b64", json!(false)), "crit", json!(["b64"]));
    let unencoded = [encode(header.to_string().as_bytes()), ".".to_owned(), claims().to_string()].concat();
    let signature = encode(&signer.signature(unencoded.as_bytes()));
    probe.token("an unencoded payload", &format!("{unencoded}.{signature}"), Invalid).await;
    for cty in ["JWT", "jwt", "application/jwt", "at+jwt", "JOSE", "jose+json", "dpop+jwt", "application/JWT; v=1"] {
        let header = with(signer.header(), "cty", json!(cty));
        probe.token(format!("cty {cty}"), &signer.sign(&header, &claims()), Invalid).await;
    }
    let types: Vec<(Value, Expected)> =
        ["JWT", "jwt", "Jwt", "at+jwt", "AT+JWT", "application/at+jwt", "application/jwt"]
            .into_iter()
            .map(|typ| (json!(typ), Permitted))
            .chain(
                [
                    "id+jwt",
                    "logout+jwt",
                    "dpop+jwt",
                    "secevent+jwt",
                    "client-authentication+jwt",
                    "oauth-authz-req+jwt",
                    "token-introspection+jwt",
                    "kb+jwt",
                    "sd+jwt",
                    "vc+jwt",
                    "entity-statement+jwt",
                    "JOSE",
                    "JOSE+JSON",
                    "JWE",
                    "",
                    " JWT",
                    "JWT ",
                    "at+jwt;v=1",
                    "application/",
                    "text/jwt",
                    "x-at+jwt",
                    "at+jwt,JWT",
                    "at\u{2b}jwt\0",
                ]
                .into_iter()
                .map(|typ| (json!(typ), Invalid)),
            )
            .chain(odd.iter().filter(|value| !value.is_string()).map(|value| (value.clone(), Invalid)))
            .collect();
    for (typ, expected) in types {
        let header = with(signer.header(), "typ", typ.clone());
        probe.token(format!("typ {typ}"), &signer.sign(&header, &claims()), expected).await;
    }
    let bare = json!({"alg": "ES256", "kid": "k"});
    probe.token("no typ", &signer.sign(&bare, &claims()), Permitted).await;
    for kid in odd.iter().filter(|value| !value.is_string()) {
        let header = with(signer.header(), "kid", kid.clone());
        probe.token(format!("kid {kid}"), &signer.sign(&header, &claims()), Invalid).await;
    }
}
