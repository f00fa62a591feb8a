//! Where a credential stands, and how (8).

use super::probe::{Expected, Probe, judge};
use crate::support::{Call, Gateway, Http2, raw};

use Expected::{Invalid, NoCredential, NoMfa, Permitted, Refused};

/// Fields that are not `Authorization`, though some server takes them for it.
const LOOK_ALIKES: [&str; 22] = [
    "proxy-authorization",
    "x-authorization",
    "x-forwarded-authorization",
    "x-original-authorization",
    "authorization_",
    "authorization-",
    "authorization.",
    "-authorization",
    "_authorization",
    "http_authorization",
    "http-authorization",
    "authorisation",
    "authentication",
    "x-access-token",
    "x-auth-token",
    "x-token",
    "x-id-token",
    "x-ms-token-aad-access-token",
    "x-amzn-oidc-accesstoken",
    "bearer",
    "token",
    "sec-websocket-protocol",
];

fn get() -> Call {
    Call::get("/v1/customers")
}

#[tokio::test]
async fn s08_a_token_anywhere_but_in_authorization_never_authorises() {
    let mut probe = Probe::of(Gateway::start().await);
    let token = probe.gateway.jane();
    let bearer = format!("Bearer {token}");
    let form = "application/x-www-form-urlencoded";
    let mut cases = vec![
        ("nothing".to_owned(), get()),
        ("a form".to_owned(), Call::post("/v1/x", &format!("access_token={token}")).header("content-type", form)),
        (
            "JSON".to_owned(),
            Call::post("/v1/x", &format!("{{\"access_token\":\"{token}\"}}"))
                .header("content-type", "application/json"),
        ),
        ("a body of its own".to_owned(), Call::post("/v1/x", &format!("Authorization: {bearer}\r\n\r\n"))),
        ("a trailer".to_owned(), Call::post("/v1/x", "body").trailer("authorization", &bearer)),
        ("a trailer of a public look".to_owned(), Call::post("/v1/x", "body").trailer("x-authorization", &bearer)),
        ("Basic with the token as password".to_owned(), get().header("authorization", &format!("Basic {token}"))),
        ("no scheme".to_owned(), get().header("authorization", &token)),
        ("a longer scheme".to_owned(), get().header("authorization", &format!("Bearers {token}"))),
        ("a shorter scheme".to_owned(), get().header("authorization", &format!("Beare {token}"))),
        ("the scheme Token".to_owned(), get().header("authorization", &format!("Token {token}"))),
        ("Negotiate".to_owned(), get().header("authorization", &format!("Negotiate {bearer}"))),
        ("an empty field".to_owned(), get().header("authorization", "")),
    ];
    for name in ["access_token", "token", "authorization", "Authorization", "bearer", "jwt", "id_token"] {
        cases.push((format!("the query's {name}"), Call::get(&format!("/v1/x?{name}={token}"))));
        for value in [token.clone(), format!("Bearer%20{token}")] {
            cases.push((format!("a cookie {name}"), get().header("cookie", &format!("a=b; {name}={value}"))));
        }
    }
    for name in LOOK_ALIKES {
        cases.push((name.to_owned(), get().header(name, &bearer)));
        cases.push((format!("{name}, bare"), get().header(name, &token)));
    }
    let http2 = Http2::connect(probe.gateway.address()).await;
    for (what, call) in cases {
        probe.call(&what, &call, NoCredential).await;
        let verdict = judge(&http2.send(&call).await, probe.gateway.world.upstream.count(), NoCredential);
        probe.wrong.unless(verdict.is_ok(), format!("{what} over HTTP/2: {verdict:?}"));
    }
}

#[tokio::test]
async fn s08_another_place_adds_nothing_to_what_authorization_says() {
    let mut probe = Probe::of(Gateway::start().await);
    let (jane, john) = (probe.gateway.jane(), probe.gateway.john());
    let bearer = format!("Bearer {jane}");
    for name in LOOK_ALIKES.into_iter().chain(["cookie"]) {
        let value = if name == "cookie" { format!("access_token={jane}") } else { bearer.clone() };
        probe.call(format!("John with Jane's in {name}"), &get().bearer(&john).header(name, &value), NoMfa).await;
        probe
            .call(format!("garbage with Jane's in {name}"), &get().bearer("a.b.c").header(name, &value), Invalid)
            .await;
        let john = format!("Bearer {john}");
        probe.call(format!("Jane with John's in {name}"), &get().bearer(&jane).header(name, &john), Permitted).await;
    }
    // Beside the field, one in the query is a second credential: which of them counts, servers decide differently.
    for query in [
        "access_token=x",
        "a=b&access_token",
        "%61ccess_token=x",
        "access%5Ftoken=x",
        "ACCESS_TOKEN=x",
        "a;access_token=x",
        "+access_token=x",
    ] {
        probe.call(query, &Call::get(&format!("/v1/x?{query}")).bearer(&jane), Refused(400)).await;
    }
    for query in ["access_tokens=x", "q=access_token", "q=access_token%3Dx", "my_access_token=x"] {
        probe.call(query, &Call::get(&format!("/v1/x?{query}")).bearer(&jane), Permitted).await;
    }
}

#[tokio::test]
async fn s08_the_scheme_is_in_any_letter_case_and_nothing_stands_around_the_token() {
    let mut probe = Probe::of(Gateway::start().await);
    let token = probe.gateway.jane();
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
        probe.call(scheme, &get().header("authorization", &format!("{scheme} {token}")), Permitted).await;
    }
    let around = [
        "Bearer",
        "Bearer ",
        "Bearer  {}",
        "Bearer {} x",
        "Bearer {},",
        "Bearer {}, Bearer {}",
        "Bearer \"{}\"",
        "Bearer '{}'",
        "Bearer {};",
        "Bearer {} {}",
        "Bearer <{}>",
        "Bearer {}?",
        "Bearer {}#",
        "Bearer token={}",
        "Bearer {}, realm=\"x\"",
        "Bearer ,{}",
        "Bearer {}\u{b7}",
        "Bearer Bearer {}",
        "Bearer {}%20",
        "Bearer {}&x",
        "bearer \t{}",
        "Bearer {}\tx",
        "Bearer {}:x",
        "Bearer [{}]",
        "Bearer {{}}",
        "Bearer {}\\",
    ];
    for around in around {
        let value = around.replace("{}", &token);
        probe.call(format!("{around:?}"), &get().header("authorization", &value), Invalid).await;
    }
    // What is inside a b64token, but no compact form.
    for around in ["Bearer {}=", "Bearer {}/", "Bearer +{}", "Bearer ~{}", "Bearer {}.", "Bearer .{}", "Bearer -{}"] {
        let value = around.replace("{}", &token);
        probe.call(format!("{around:?}"), &get().header("authorization", &value), Invalid).await;
    }
    for other in [
        "Bearer\t{}",
        "Bearer\u{a0}{}",
        "Bearer:{}",
        "Bearer={}",
        "Bearer,{}",
        "\"Bearer\" {}",
        "Bearer%20{}",
        "B earer {}",
        "Basic x, Bearer {}",
        ", Bearer {}",
    ] {
        let value = other.replace("{}", &token);
        probe.call(format!("{other:?}"), &get().header("authorization", &value), NoCredential).await;
    }
}

#[tokio::test]
async fn s08_two_authorization_fields_are_refused_whatever_they_hold() {
    let mut probe = Probe::of(Gateway::start().await);
    let address = probe.gateway.address();
    let (jane, john) = (format!("Bearer {}", probe.gateway.jane()), format!("Bearer {}", probe.gateway.john()));
    let (basic, empty) = ("Basic YTpi".to_owned(), String::new());
    let http2 = Http2::connect(address).await;
    for (first, second) in [
        (&jane, &jane),
        (&jane, &john),
        (&john, &jane),
        (&jane, &basic),
        (&basic, &jane),
        (&jane, &empty),
        (&empty, &jane),
    ] {
        let call = get().header("authorization", first).header("authorization", second);
        let what = format!("{first:.12} and {second:.12}");
        probe.call(&what, &call, Refused(400)).await;
        probe.wrong.unless(http2.send(&call).await.code() == 400, format!("{what} over HTTP/2"));
        for name in ["Authorization", "AUTHORIZATION", "authorization", "aUTHORIZATION"] {
            let fields = [("Authorization", first.as_str()), ("X", "y"), (name, second.as_str())];
            let answer = raw::request(address, "GET", "/v1/customers", &fields).await;
            probe.wrong.unless(raw::status(&answer) == 400, format!("{what} as {name}: {answer}"));
        }
    }
    probe.wrong.unless(probe.gateway.world.upstream.count() == 0, "the upstream was reached");
}

#[tokio::test]
async fn s08_an_identity_or_a_token_in_the_trailers_stops_here() {
    let gateway = Gateway::start().await;
    let call = Call::post("/v1/customers", "body")
        .bearer(&gateway.jane())
        .trailer("authorization", "Bearer spoofed")
        .trailer("x-auth-request-user", "spoofed")
        .trailer("x_forwarded_for", "spoofed")
        .trailer("x-checksum", "kept");
    assert_eq!(gateway.send(&call).await.code(), 200);
    let seen = gateway.world.upstream.only();
    assert_eq!(seen.body, "body");
    let trailers = seen.trailers.unwrap_or_default();
    assert_eq!(trailers.get("x-checksum").map(http::HeaderValue::as_bytes), Some(&b"kept"[..]));
    assert_eq!(trailers.len(), 1, "{trailers:?}");
}

#[tokio::test]
async fn s08_a_public_route_looks_at_no_token_and_tells_of_none() {
    let gateway = Gateway::start().await;
    for token in ["", "garbage", "a.b.c", &gateway.john(), &gateway.jane()] {
        assert_eq!(gateway.get("/healthz", token).await.code(), 200);
    }
    for seen in gateway.world.upstream.seen() {
        let identity = seen.headers.keys().filter(|name| name.as_str().starts_with("x-auth-request"));
        assert_eq!(identity.count(), 0, "{:?}", seen.headers);
    }
}
