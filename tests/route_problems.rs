//! What an operator reads about a route's pages, its token's place, its fields and its claims, if they can't be as written.

use std::collections::HashMap;

use mfa_gateway::config::Config;

const FILE: &str = "
listeners: [{ address: 127.0.0.1:8080 }]
issuers:
  - name: idp
    issuer: https://idp.example/
    audiences: [https://api.example]
    claims_to_headers: [{ claim: roles, header: X-Roles }CLAIMS]
upstreams: [{ name: api, endpoints: [http://127.0.0.1:5000] }]
routes:
  - { prefix: /v1/, upstream: api ROUTE }
";

/// The fields with problems, and what the problems say.
fn problems(claims: &str, route: &str) -> Vec<String> {
    let text = FILE.replace("CLAIMS", claims).replace("ROUTE", route);
    match Config::parse("f.yaml", &text, HashMap::new()) {
        Ok(_) => Vec::new(),
        Err(error) => error.problems().iter().map(|one| format!("{}: {}", one.field, one.message)).collect(),
    }
}

fn assert_problem(claims: &str, route: &str, field: &str, message: &str) {
    let found = problems(claims, route);
    assert_eq!(found, [format!("{field}: {message}")], "{claims}{route}");
}

#[test]
fn what_pages_may_do_is_no_more_than_what_browsers_understand() {
    for good in ["[https://a.example]", "[\"*\"]", "[\"null\", \"http://localhost:3000\"]"] {
        assert_eq!(problems("", &format!(", cors: {{ origins: {good} }}")), Vec::<String>::new(), "{good}");
    }
    for (cors, field, message) in [
        ("origins: []", "origins", "the list is empty, so no page could ask"),
        ("origins: [https://a.example/]", "origins[0]", "`https://a.example/` is not an origin as browsers write it"),
        ("origins: [\"*\", https://a.example]", "origins", "`*` already stands for every origin"),
        (
            "origins: [\"*\"], credentials: true",
            "origins",
            "`*` with `credentials` would let every page act for the user of its browser",
        ),
        (
            "origins: [https://a.example], credentials: true, expose: [\"*\"]",
            "expose",
            "with `credentials`, browsers take `*` for the name of a field",
        ),
        ("origins: [https://a.example], headers: [\"a b\"]", "headers[0]", "`a b` is not the name of a header field"),
        ("origins: [https://a.example], methods: [get]", "methods[0]", "the gateway doesn't serve the method `get`"),
    ] {
        assert_problem("", &format!(", cors: {{ {cors} }}"), &format!("routes[0].cors.{field}"), message);
    }
}

#[test]
fn the_token_has_one_place_that_nothing_else_uses() {
    for good in ["authorization", "{ header: X-Api-Token }", "{ cookie: __Host-t }", "{ subprotocol: bearer }"] {
        assert_eq!(problems("", &format!(", token_from: {good}")), Vec::<String>::new(), "{good}");
    }
    let one = "exactly one of `header`, `cookie`, `subprotocol` and `subprotocol_prefix` is required";
    for (place, field, message) in [
        ("{ header: A, cookie: b }", "", one),
        ("{}", "", one),
        ("{ header: Authorization }", ".header", "`Authorization` has a meaning of its own"),
        ("{ header: Cookie }", ".header", "`Cookie` has a meaning of its own"),
        ("{ header: X_Token }", ".header", "`X_Token` is not letters, digits and dashes"),
        ("{ header: Host }", ".header", "`Host` frames or addresses the message, or belongs to the connection"),
        ("{ header: X-Forwarded-For }", ".header", "the gateway itself writes `X-Forwarded-For`"),
        ("{ header: X-Roles }", ".header", "the gateway writes `X-Roles` from a claim, by `claims_to_headers`"),
        (
            "{ header: X-Access-Token }",
            ".header",
            "the gateway removes `X-Access-Token` from every request, since it names a caller or an origin",
        ),
        ("{ cookie: \"a b\" }", ".cookie", "`a b` is empty, or has a character that such a name can't have"),
        ("{ subprotocol: \"\" }", ".subprotocol", "`` is empty, or has a character that such a name can't have"),
    ] {
        assert_problem("", &format!(", token_from: {place}"), &format!("routes[0].token_from{field}"), message);
    }
    let nowhere = "this has no effect with the route's `require`";
    assert_problem("", ", require: public, token_from: { cookie: __Host-t }", "routes[0].token_from", nowhere);
    assert_problem("", ", require: public, at_expiry: close", "routes[0].at_expiry", nowhere);
}

#[test]
fn fields_of_the_message_and_of_the_gateway_stay_as_they_are() {
    let (request, response) = ("request_headers", "response_headers");
    let frames = "frames or addresses the message, or belongs to the connection";
    for (which, edits, field, message) in [
        (request, "{}", "", "nothing is changed here".to_owned()),
        (request, "{ remove: [Content-Length] }", ".remove[0]", format!("`Content-Length` {frames}")),
        (request, "{ set: [{ name: Host, value: a }] }", ".set[0].name", format!("`Host` {frames}")),
        (request, "{ add: [{ name: TE, value: a }] }", ".add[0].name", format!("`TE` {frames}")),
        (
            request,
            "{ set: [{ name: X-Auth-Request-User, value: a }] }",
            ".set[0].name",
            "the gateway itself writes `X-Auth-Request-User`".to_owned(),
        ),
        (
            request,
            "{ set: [{ name: X-Roles, value: a }] }",
            ".set[0].name",
            "the gateway writes `X-Roles` from a claim, by `claims_to_headers`".to_owned(),
        ),
        (request, "{ remove: [authorization] }", ".remove[0]", "the token is removed in another way".to_owned()),
        (
            request,
            "{ set: [{ name: X-A, value: \"a\\r\\nb: c\" }] }",
            ".set[0].value",
            "the value contains the invisible character U+000D".to_owned(),
        ),
        (
            request,
            "{ set: [{ name: X-A }] }",
            ".set[0]",
            "exactly one of `value` and `value_file` is required".to_owned(),
        ),
        (
            request,
            "{ remove: [X-A], set: [{ name: X-A, value: a }] }",
            ".set[0]",
            "`x-a` is set or removed above".to_owned(),
        ),
        (
            response,
            "{ set: [{ name: Transfer-Encoding, value: a }] }",
            ".set[0].name",
            "`Transfer-Encoding` frames the message, or belongs to the connection".to_owned(),
        ),
        (
            response,
            "{ remove: [WWW-Authenticate] }",
            ".remove[0]",
            "`WWW-Authenticate` says what the gateway decided".to_owned(),
        ),
        (
            response,
            "{ set: [{ name: Access-Control-Allow-Origin, value: \"*\" }] }",
            ".set[0].name",
            "`Access-Control-Allow-Origin` is about pages of other origins".to_owned(),
        ),
    ] {
        assert_problem("", &format!(", {which}: {edits}"), &format!("routes[0].{which}{field}"), &message);
    }
    let secret = "this value is a secret, and the configuration holds none";
    let set = ", authorization: remove, request_headers: { set: [{ name: Authorization, value: Basic a }] }";
    assert_problem("", set, "routes[0].request_headers.set[0].value", secret);
    let second = ", request_headers: { set: [{ name: Authorization, value_file: Cargo.toml }] }";
    let found = problems("", second);
    assert!(found[0].ends_with("the upstream already gets the caller's token in this field"), "{found:?}");
}

#[test]
fn a_claim_has_a_field_of_its_own() {
    for good in ["X-Mail", "X-Forwarded-User", "X-Auth-Request-Email", "Remote-User"] {
        let found = problems(&format!(", {{ claim: email, header: {good} }}"), "");
        assert_eq!(found, Vec::<String>::new(), "{good}");
    }
    for (header, message) in [
        ("X-ROLES", "another claim already stands in `x-roles`"),
        ("Host", "`Host` frames or addresses the message, or belongs to the connection"),
        ("Connection", "`Connection` frames or addresses the message, or belongs to the connection"),
        ("Content-Length", "`Content-Length` frames or addresses the message, or belongs to the connection"),
        ("X-Forwarded-For", "the gateway itself writes `X-Forwarded-For`"),
        ("X-Auth-Request-User", "the gateway itself writes `X-Auth-Request-User`"),
        ("Authorization", "clients send `Authorization`, and the gateway would remove theirs from every request"),
        ("Accept-Language", "clients send `Accept-Language`, and the gateway would remove theirs from every request"),
        ("X-HTTP-Method-Override", "`X-HTTP-Method-Override` changes what a request asks for"),
        ("X_Mail", "`X_Mail` is not letters, digits and dashes"),
    ] {
        let claim = format!(", {{ claim: email, header: {header} }}");
        assert_problem(&claim, "", "issuers[0].claims_to_headers[1].header", message);
    }
    let nameless = "the claim's name is empty";
    assert_problem(", { claim: [], header: X-Mail }", "", "issuers[0].claims_to_headers[1].claim", nameless);
}
