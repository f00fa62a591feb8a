//! Protected resource metadata (RFC 9728), and where challenges say it is.

use serde_json::json;

use crate::support::gateway::config;
use crate::support::{Call, Gateway, Http2};

const CONFIG: &str = "
listeners: [{ address: 127.0.0.1:0 }]
admin: { address: 127.0.0.1:0 }
issuers:
  - { name: idp, issuer: \"${ISSUER}\", audiences: [https://api.partnercenter.microsoft.com] }
upstreams: [{ name: api, endpoints: [\"${UPSTREAM}\"] }]
resource_metadata:
  - { resource: https://api.example, name: Partner API, documentation: https://docs.example/, scopes: [read, user_impersonation] }
  - { resource: https://api.example/bound }
routes:
  - { path: /public, upstream: api, require: public }
  - { prefix: /v1/, upstream: api, dialect: oauth }
  - { prefix: /partner/, upstream: api }
  - { prefix: /bound/, upstream: api, dialect: oauth, sender_constrained: dpop }
  - { prefix: /boundless/, upstream: api, dialect: oauth }
";

const ROOT: &str = "/.well-known/oauth-protected-resource";

#[tokio::test]
async fn a_client_finds_the_issuers_and_what_tokens_have_to_be() {
    let gateway = Gateway::with(CONFIG).await;
    let answer = gateway.send(&Call::get(ROOT).header("host", "api.example")).await;
    let field = |name: &str| answer.header(name).map(str::to_owned);
    assert_eq!((answer.code(), field("content-type").as_deref()), (200, Some("application/json")));
    assert_eq!(field("access-control-allow-origin").as_deref(), Some("*"));
    let algorithms = json!(["ES256", "ES384", "ES512", "EdDSA", "PS256", "RS256"]);
    assert_eq!(
        answer.json(),
        json!({
            "resource": "https://api.example",
            "authorization_servers": [gateway.world.provider.issuer()],
            "scopes_supported": ["read", "user_impersonation"],
            "bearer_methods_supported": ["header"],
            "resource_name": "Partner API",
            "resource_documentation": "https://docs.example/",
            "dpop_signing_alg_values_supported": algorithms,
            "mfa_required": true,
            "acr_values_supported": ["mfa"],
        })
    );
    // The path of a resource stands behind the well-known one, and each has its own document.
    let bound = gateway.send(&Call::get(&format!("{ROOT}/bound"))).await.json();
    assert_eq!(
        (&bound["resource"], &bound["dpop_bound_access_tokens_required"]),
        (&json!("https://api.example/bound"), &json!(true))
    );
    let http2 = Http2::connect(gateway.address()).await;
    assert_eq!(http2.send(&Call::get(ROOT)).await.code(), 200);
    assert_eq!(gateway.world.upstream.count(), 0);
    for path in [&format!("{ROOT}/other"), &format!("{ROOT}/"), "/.well-known/other"] {
        assert_eq!(gateway.send(&Call::get(path)).await.refusal(), "no_route", "{path}");
    }
    let post = gateway.send(&Call::post(ROOT, "x")).await;
    assert_eq!((post.code(), post.header("allow")), (405, Some("GET, HEAD")));
    // Nothing of it is what the client says.
    let elsewhere = Call::get(ROOT).header("host", "evil.example").header("x-forwarded-host", "evil.example");
    let answer = gateway.send(&elsewhere.header("x-forwarded-proto", "http")).await;
    assert_eq!((answer.json()["resource"].as_str(), answer.code()), (Some("https://api.example"), 200));
    let head = gateway.send(&Call::new(http::Method::HEAD, ROOT)).await;
    assert_eq!((head.code(), head.body.len()), (200, 0));
}

#[tokio::test]
async fn a_challenge_of_the_oauth_dialect_says_where_and_partner_centers_stays_as_it_is() {
    let gateway = Gateway::with(CONFIG).await;
    let metadata = format!(r#"resource_metadata="https://api.example{ROOT}"#);
    let challenge = async |call: Call| {
        let answer = gateway.send(&call).await;
        answer.header("www-authenticate").unwrap_or_default().to_owned()
    };
    assert_eq!(challenge(Call::get("/v1/x")).await, format!("Bearer {metadata}\""));
    let john = challenge(Call::get("/v1/x").bearer(&gateway.john())).await;
    assert!(john.starts_with(r#"Bearer error="insufficient_user_authentication", "#), "{john}");
    assert!(john.contains(r#"acr_values="mfa""#) && john.ends_with(&format!(", {metadata}\"")), "{john}");
    assert!(challenge(Call::get("/v1/x").bearer("a.b.c")).await.ends_with(&format!(", {metadata}\"")));
    let dpop = challenge(Call::get("/bound/x")).await;
    assert!(dpop.starts_with("DPoP algs=") && dpop.ends_with(&format!(", {metadata}/bound\"")), "{dpop}");
    assert!(challenge(Call::get("/boundless/x")).await.ends_with(&format!("{metadata}\"")), "whole segments");
    assert_eq!(challenge(Call::get("/partner/x")).await, "Bearer");
    assert_eq!(challenge(Call::get("/partner/x").bearer(&gateway.john())).await, r#"Bearer error="invalid_token""#);
    // Without the section there is nothing of it.
    let plain = Gateway::start().await;
    assert_eq!(plain.send(&Call::get(ROOT)).await.refusal(), "no_route");
}

#[tokio::test]
async fn of_resources_of_several_hosts_each_is_described_under_its_own() {
    let config = CONFIG
        .replace("  - { resource: https://api.example/bound }\n", "  - { resource: https://other.example:8443 }\n")
        .replace("routes:\n", "routes:\n  - { prefix: /v1/, host: other.example, upstream: api, dialect: oauth, require: authenticated }\n")
        .replace("upstream: api", "host: api.example, upstream: api")
        .replace("host: other.example, host: api.example", "host: other.example");
    let gateway = Gateway::with(&config).await;
    let of = async |host: &str| gateway.send(&Call::get(ROOT).header("host", host)).await;
    assert_eq!(of("api.example").await.json()["resource"], "https://api.example");
    let other = of("other.example:8443").await.json();
    assert_eq!((&other["resource"], &other["mfa_required"]), (&json!("https://other.example:8443"), &json!(null)));
    assert_eq!(of("evil.example").await.code(), 421, "of none");
    for (host, expected) in [("api.example", "https://api.example/"), ("other.example", "https://other.example:8443/")]
    {
        let answer = gateway.send(&Call::get("/v1/x").header("host", host)).await;
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.contains(&format!(r#"resource_metadata="{expected}.well-known/"#)), "{challenge}");
    }
}

#[test]
fn a_resource_that_nobody_could_find_is_a_problem() {
    let problem = |resources: &str| {
        let text = format!(
            "
listeners: [{{ address: 127.0.0.1:0 }}]
issuers: [{{ name: idp, issuer: https://idp.example/, audiences: [a] }}]
upstreams: [{{ name: api, endpoints: [http://127.0.0.1:9] }}]
routes: [{{ prefix: /, upstream: api }}]
resource_metadata: {resources}
"
        );
        let read = std::panic::catch_unwind(|| config(&text, &[]));
        read.err().map(|panic| *panic.downcast::<String>().unwrap()).unwrap_or_default()
    };
    for (resources, told) in [
        ("[{ resource: http://api.example }]", "https URL"),
        ("[{ resource: https://user@api.example }]", "https URL"),
        ("[{ resource: 'https://api.example?x' }]", "https URL"),
        ("[{ resource: 'https://api.example#x' }]", "https URL"),
        ("[{ resource: api.example }]", "https URL"),
        ("[{ resource: https://api.example }, { resource: https://API.example/ }]", "another resource"),
        ("[{ resource: https://api.example }, { resource: https://other.example }]", "`host`"),
        ("[{ resource: https://api.example, scopes: ['a b'] }]", "scope"),
        ("[{ resource: https://api.example, documentation: docs }]", "not a URL"),
        ("[{ resource: https://api.example, authorization_servers: [idp] }]", "not a URL"),
    ] {
        assert!(problem(resources).contains(told), "{resources}: {}", problem(resources));
    }
    for resources in ["[{ resource: https://api.example }, { resource: https://api.example/v1 }]", "[]"] {
        assert_eq!(problem(resources), "", "{resources}");
    }
}
