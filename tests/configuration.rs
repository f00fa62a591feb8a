//! Configuration files: those that are shipped, and what an operator reads about a broken one.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use mfa_gateway::config::{Config, schema};
use mfa_gateway::journal::{access_log_schema, decision_log_schema, token_log_schema};

use crate::support::Process;

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config")
}

#[test]
fn every_shipped_configuration_is_valid() {
    let mut names = Vec::new();
    for entry in fs::read_dir(shipped()).unwrap() {
        let path = entry.unwrap().path();
        // The one with TLS is valid where its certificates are: tests/e2e/test_deploy.py makes them.
        let is_tls = path.ends_with("gateway.tls.yaml");
        if path.extension().is_some_and(|extension| extension == "yaml") && !is_tls {
            let text = fs::read_to_string(&path).unwrap();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if let Err(error) = Config::parse(&name, &text, HashMap::new()) {
                panic!("{error}");
            }
            names.push(name);
        }
    }
    for needed in ["gateway.full.yaml", "gateway.minimal.yaml", "gateway.portal.yaml"] {
        assert!(names.iter().any(|name| name == needed), "config/{needed} is missing");
    }
}

#[test]
fn the_shipped_schema_is_the_one_that_files_are_checked_with() {
    let text = fs::read_to_string(shipped().join("mfa-gateway.schema.json")).unwrap();
    let shipped: serde_json::Value = serde_json::from_str(&text).unwrap();
    // Both are thousands of characters, so that showing them would help nobody.
    assert!(shipped == schema(), "write it anew: cargo run -- schema > config/mfa-gateway.schema.json");
}

#[test]
fn the_shipped_schemas_of_the_logs_are_those_of_the_lines() {
    let schemas = [
        ("decision-log", decision_log_schema()),
        ("access-log", access_log_schema()),
        ("token-log", token_log_schema()),
    ];
    for (name, schema) in schemas {
        let text = fs::read_to_string(shipped().join(format!("{name}.schema.json"))).unwrap();
        let shipped: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(shipped == schema, "write it anew: cargo run -- schema --of {name} > config/{name}.schema.json");
    }
}

#[test]
fn the_full_example_shows_every_field() {
    let text = fs::read_to_string(shipped().join("gateway.full.yaml")).unwrap();
    let mut missing = Vec::new();
    let schema = schema();
    let definitions = schema["$defs"].as_object().unwrap().values().chain([&schema]);
    for properties in definitions.filter_map(|definition| definition["properties"].as_object()) {
        missing.extend(properties.keys().filter(|name| !text.contains(&format!("{name}:"))));
    }
    assert!(missing.is_empty(), "config/gateway.full.yaml doesn't show {missing:?}");
}

/// What an operator reads.
fn report(text: &str) -> String {
    match Config::parse("gateway.yaml", text, HashMap::new()) {
        Ok(_) => "valid".to_owned(),
        Err(error) => error.to_string(),
    }
}

/// A valid file, in which a line is replaced.
fn changed(from: &str, to: &str) -> String {
    const VALID: &str = "\
listeners:
  - address: 0.0.0.0:8080
issuers:
  - name: idp
    issuer: https://idp.example/
    audiences: [https://api.example]
upstreams:
  - name: api
    endpoints: [http://127.0.0.1:5000]
routes:
  - prefix: /v1/
    upstream: api
";
    assert_eq!(report(VALID), "valid");
    assert!(VALID.contains(from), "{from}");
    VALID.replacen(from, to, 1)
}

macro_rules! reports {
    ($($name:ident: $text:expr;)+) => {
        $(
            #[test]
            fn $name() {
                insta::with_settings!({omit_expression => true}, { insta::assert_snapshot!(report($text.as_ref())); });
            }
        )+
    };
}

reports! {
    an_unknown_field: changed("    upstream: api\n", "    upstream: api\n    requires: mfa\n");
    an_unknown_section: changed("routes:", "routs:");
    a_field_of_the_wrong_type: changed("endpoints: [http://127.0.0.1:5000]", "endpoints: http://127.0.0.1:5000");
    a_number_in_place_of_a_text: changed("name: api\n", "name: 5\n");
    a_missing_field: changed("    upstream: api\n", "");
    no_audience: changed("    audiences: [https://api.example]\n", "");
    an_audience_that_is_a_pattern: changed("[https://api.example]", "['*', https://api.example]");
    an_address_of_a_discovery_document: changed("https://idp.example/", "https://idp.example/.well-known/openid-configuration");
    an_issuer_of_several_tenants: changed("https://idp.example/", "https://login.microsoftonline.com/common/v2.0");
    an_issuer_that_is_a_pattern: changed("https://idp.example/", "https://*.okta.com");
    discovery_beside_keys: changed("    audiences:", "    jwks_uri: https://idp.example/keys\n    discovery: { url: https://idp.example/d }\n    audiences:");
    discovery_over_plain_http: changed("    audiences:", "    discovery: { url: http://idp.example/d }\n    audiences:");
    conditions_of_nothing: changed("    audiences:", "    required_claims: [{ claim: tid }, { claim: tid, equals: a, present: true }, { claim: tid, present: false }, { claim: sub, suffix: x }, { claim: sub, equals_claim: sub }]\n    audiences:");
    a_proof_of_nothing: changed("    audiences:", "    application_claims: []\n    app_only_proof: { all: [], ignore: [scp, gty] }\n    audiences:");
    a_proof_of_an_unknown_name: changed("    audiences:", "    app_only_proof: okta\n    audiences:");
    a_missing_section: changed("upstreams:\n  - name: api\n    endpoints: [http://127.0.0.1:5000]\n", "");
    a_word_that_is_not_one_of_those: changed("    upstream: api\n", "    upstream: api\n    require: mfaa\n");
    an_unquoted_yes: changed("    upstream: api\n", "    upstream: api\n    acts_for_partner: yes\n");
    a_duration_without_a_unit: changed("    upstream: api\n", "    upstream: api\n    max_age: 15\n");
    a_duration_of_an_unknown_unit: changed("    upstream: api\n", "    upstream: api\n    max_age: 15 fortnights\n");
    a_long_clock_skew: changed("    audiences:", "    clock_skew: 6m\n    audiences:");
    a_symmetric_algorithm: changed("    audiences:", "    algorithms: [RS256, HS256, rs512, none, ES512]\n    audiences:");
    an_empty_audience: changed("[https://api.example]", "[]");
    an_issuer_that_is_no_url: changed("issuer: https://idp.example/", "issuer: idp.example");
    keys_over_plain_http: changed("    audiences:", "    jwks_uri: http://idp.example/keys\n    audiences:");
    neither_entra_nor_issuer: changed("    issuer: https://idp.example/\n", "");
    two_issuers_of_one_name: changed("upstreams:", "  - { name: idp, issuer: https://b.example/, audiences: [a] }\nupstreams:");
    two_issuers_of_the_same_tokens: changed("upstreams:", "  - { name: b, issuer: https://idp.example/, audiences: [a] }\nupstreams:");
    global_and_us_government_share_issuers: changed("  - name: idp\n    issuer: https://idp.example/\n", "  - { name: a, entra: { tenants: any }, audiences: [a] }\n  - { name: b, entra: { cloud: us-government, tenants: any }, audiences: [a] }\n  - name: idp\n    issuer: https://idp.example/\n");
    the_closed_german_cloud: changed("issuer: https://idp.example/", "entra: { cloud: germany, tenants: any }");
    tenants_that_are_words: changed("issuer: https://idp.example/", "entra: { tenants: [common, consumers] }");
    a_route_for_all_tenants: changed("upstream: api\n", "upstream: api\n    tenants: [organizations]\n");
    a_tenant_that_is_no_id: changed("issuer: https://idp.example/", "entra: { tenants: [contoso.onmicrosoft.com] }");
    tenants_of_the_wrong_shape: changed("issuer: https://idp.example/", "entra: { tenants: all }");
    evidence_of_nothing: changed("    audiences:", "    mfa_evidence: { any: [{ claim: amr }, { claim: \"\", contains: mfa }] }\n    audiences:");
    an_unknown_upstream: changed("    upstream: api\n", "    upstream: apy\n");
    an_endpoint_with_a_path: changed("[http://127.0.0.1:5000]", "[http://127.0.0.1:5000/v1, ftp://a, \"http://u@a\", \"::\"]");
    both_path_and_prefix: changed("  - prefix: /v1/\n", "  - prefix: /v1/\n    path: /v1\n");
    a_wildcard: changed("prefix: /v1/", "prefix: /v1/*");
    a_path_that_is_rewritten: changed("prefix: /v1/", "prefix: /v1/../admin");
    a_path_without_a_slash: changed("prefix: /v1/", "prefix: v1");
    two_routes_for_the_same: changed("    upstream: api\n", "    upstream: api\n  - { prefix: /v1, upstream: api, require: public }\n");
    hosts_that_are_none: changed("    upstream: api\n", "    upstream: api\n    host: [\"api.example:443\", \"a.*.example\", \"http://a/\"]\n  - { prefix: /v2/, upstream: api, host: [] }\n");
    two_routes_for_the_same_host: changed("    upstream: api\n", "    upstream: api\n    host: [a.example, \"*.b.example\"]\n  - { prefix: /v1, upstream: api, host: A.example. }\n");
    a_prefix_that_the_route_lacks: changed("    upstream: api\n", "    upstream: api\n    strip_prefix: /v\n  - { path: /v2, upstream: api, strip_prefix: /v2//, rewrite: x }\n");
    unusual_paths_above_another_rule: changed("    upstream: api\n", "    upstream: api\n    encoded: forward\n  - { path: /V1/open, upstream: api, require: public }\n");
    a_path_that_servers_read_differently: changed("prefix: /v1/", "prefix: /v1%2Fx/");
    two_listeners_of_one_port: changed("issuers:", "  - address: 127.0.0.1:8080\nissuers:");
    an_admin_side_where_traffic_comes_in: changed("issuers:", "admin: { address: 127.0.0.1:8080 }\nissuers:");
    a_token_that_fits_into_no_head: changed("issuers:", "limits: { token_bytes: 40000 }\nissuers:");
    get_includes_head: changed("    upstream: api\n", "    upstream: api\n    methods: [HEAD]\n  - { prefix: /v1, upstream: api, methods: [POST, GET] }\n");
    demands_on_a_public_route: changed("    upstream: api\n", "    upstream: api\n    require: public\n    app_only: deny\n    max_age: 5m\n    mode: report\n");
    an_unknown_method: changed("    upstream: api\n", "    upstream: api\n    methods: [get, TRACE]\n");
    an_exception_for_everybody: changed("routes:", "exceptions:\n  - { id: EX, owner: ops, reason: why, expires: 2027-01-31T00:00:00Z }\nroutes:");
    an_exception_that_fits_nothing: changed("routes:", "exceptions:\n  - { id: EX, owner: ops, reason: \" \", expires: 2027-01-31, user: u, issuer: ipd, routes: [/v2/] }\nroutes:");
    an_address_without_a_port: changed("0.0.0.0:8080", "localhost");
    a_proxy_protocol_that_nobody_may_speak: changed("0.0.0.0:8080", "0.0.0.0:8080\n    proxy_protocol: required");
    passed_sockets_without_a_name: changed("0.0.0.0:8080", "\"systemd:\"");
    no_threads: changed("routes:", "threads: 0\nroutes:");
    a_limit_out_of_range: changed("routes:", "limits: { header_bytes: 12, connections: 0, streams: 70000 }\nroutes:");
    rate_limits_that_limit_nothing: changed("routes:", "rate_limits:\n  - { name: a, requests: 0, per: 1s, key: user }\n  - { name: a, requests: 5, per: 0s, burst: 0, key: tenant }\n  - { name: b, requests: 5, per: 90days, key: address }\nroutes:");
    an_unknown_rate_limit: changed("    upstream: api\n", "    upstream: api\n    rate_limit: per-ap\n").replace("routes:", "rate_limits: [{ name: per-app, requests: 1, per: 1s, key: application }]\nroutes:");
    an_address_that_is_a_port: changed("address: 0.0.0.0:8080", "address: 8080");
    an_address_without_its_ip: changed("0.0.0.0:8080", "\":8080\"");
    a_listener_that_is_a_port: changed("- address: 0.0.0.0:8080", "- 8080");
    an_unexpanded_variable: changed("https://idp.example/", "https://$ISSUER_HOST/realms/x");
    a_variable_in_a_list_in_quotes: changed("[http://127.0.0.1:5000]", "[\"${UPSTREAM}\"]");
    a_variable_that_is_not_closed: changed("https://idp.example/", "${ISSUER");
    a_variable_with_a_default_of_another_form: changed("https://idp.example/", "${ISSUER:https://idp.example/}");
    an_unrendered_template: changed("https://idp.example/", "\"{{ .Values.issuer }}\"");
    an_unrendered_template_without_quotes: changed("name: idp", "name: {{ name }}x");
    an_indentation_of_three: changed("    upstream: api", "   upstream: api");
    an_indentation_too_deep: changed("    upstream: api", "      upstream: api");
    a_no_break_space: changed("    upstream: api", "  \u{a0} upstream: api");
    a_field_without_a_colon: changed("    upstream: api", "    upstream api");
    a_field_without_a_space: changed("    upstream: api", "    upstream:api");
    a_dash_without_a_space: changed("  - prefix: /v1/", "  -prefix: /v1/");
    a_value_with_a_colon: changed("    upstream: api", "    upstream: api: v1");
    a_bracket_that_is_not_closed: changed("[https://api.example]", "[https://api.example");
    a_quote_that_is_not_closed: changed("https://idp.example/", "\"https://idp.example/");
    a_path_of_windows: changed("routes:", "state: { directory: \"C:\\data\" }\nroutes:");
    a_star: changed("[https://api.example]", "[*]");
    a_mapping_in_place_of_a_list: changed("  - prefix: /v1/\n    upstream: api", "  prefix: /v1/\n  upstream: api");
    a_mapping_of_names: changed("  - name: idp\n    issuer:", "  idp:\n    issuer:");
    a_path_in_place_of_a_route: changed("  - prefix: /v1/\n    upstream: api", "  - /v1/");
    a_list_in_place_of_a_mapping: changed("routes:", "limits:\n  - requests: 5\nroutes:");
    an_address_in_place_of_a_section: changed("routes:", "admin: 127.0.0.1:9090\nroutes:");
    a_comment_in_place_of_a_value: changed("prefix: /v1/", "prefix: #/v1/");
    a_list_of_nothing: changed("  - prefix: /v1/\n    upstream: api\n", "");
    a_size_with_a_unit: changed("routes:", "limits: { body_bytes: 10MiB }\nroutes:");
    a_number_in_quotes: changed("routes:", "threads: \"4\"\nroutes:");
    a_fraction: changed("routes:", "threads: 2.5\nroutes:");
    a_boolean_in_quotes: changed("    upstream: api", "    upstream: api\n    acts_for_partner: \"true\"");
    a_section_in_capitals: changed("listeners:", "Listeners:");
    typographic_quotes: changed("prefix: /v1/", "prefix: \u{201c}/v1/\u{201d}");
    a_line_break_in_a_value: changed("issuer: https://idp.example/", "issuer: |\n      https://idp.example/");
    an_invisible_character: changed("https://idp.example/", "https://idp.example/\u{200b}");
    no_yaml: "listeners: [\nroutes: }\n";
    a_tab: "listeners:\n\t- address: 127.0.0.1:1\n";
    a_second_document: "listeners: []\n---\nroutes: []\n";
    an_open_quote: "listeners:\n  - address: \"127.0.0.1:1\nissuers: []\n";
    an_open_bracket: "listeners: [\n  { address: 127.0.0.1:1 }\nissuers: []\n";
    a_value_that_needs_quotes: "listeners: @foo\n";
    a_line_indented_otherwise: "listeners:\n  - address: 127.0.0.1:1\n threads: 1\n";
    the_same_key_twice: changed("    upstream: api\n", "    upstream: api\n    upstream: api\n");
    an_unset_variable: changed("0.0.0.0:8080", "${MFA_GATEWAY_LISTEN}");
    a_variable_in_quotes: changed("0.0.0.0:8080", "\"${MFA_GATEWAY_LISTEN}\"");
    a_variable_in_flow_style: changed("[https://api.example]", "[${AUDIENCE}]");
    an_empty_file: "";
    a_list_in_place_of_a_file: "- listeners\n";
    several_problems_at_once: changed("issuer: https://idp.example/\n    audiences: [https://api.example]", "issuer: nowhere\n    audiences: []\n    clock_skew: soon")
        .replace("upstream: api", "upstream: other\n    requirement: mfa");
    several_problems_behind_the_structure: changed("issuer: https://idp.example/\n    audiences: [https://api.example]", "issuer: nowhere\n    audiences: []\n    clock_skew: soon")
        .replace("upstream: api", "upstream: other");
}

#[test]
fn a_file_that_is_not_there_is_told_by_name() {
    let error = Config::load(Path::new("/nowhere/gateway.yaml")).unwrap_err().to_string();
    assert!(error.contains("/nowhere/gateway.yaml") && error.contains("--config"), "{error}");
}

#[test]
fn every_problem_has_a_field_or_a_place_and_a_fix() {
    let text =
        changed("https://idp.example/", "nowhere").replace("0.0.0.0:8080", "x").replace("upstream: api", "upstream: b");
    let error = Config::parse("gateway.yaml", &text, HashMap::new()).unwrap_err();
    assert_eq!(error.problems().len(), 3);
    for problem in error.problems() {
        assert!(!problem.field.is_empty() && !problem.message.is_empty() && !problem.fix.is_empty(), "{problem:?}");
    }
}

#[tokio::test]
async fn as_many_threads_serve_as_the_file_says() {
    let config = "
listeners: [{ address: ${TRAFFIC} }]
admin: { address: ${ADMIN} }
upstreams: [{ name: api, endpoints: [http://127.0.0.1:1] }]
routes: [{ prefix: /, upstream: api, require: public }]
threads: ";
    let (one, nine) = (format!("{config}1\n"), format!("{config}9\n"));
    let (one, nine) = (Process::start(&one).await, Process::start(&nine).await);
    // There are others, some of them only for a while.
    assert!((6..=10).contains(&(nine.threads() - one.threads())), "{} and {}", one.threads(), nine.threads());
}

#[test]
fn a_file_in_another_encoding_is_named_as_that() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.yaml");
    for (bytes, words) in [
        (&b"listeners:\n  - { address: caf\xe9 }\n"[..], "line 2 has a character in another encoding"),
        (b"\xff\xfel\0", "the file is in UTF-16"),
    ] {
        fs::write(&file, bytes).unwrap();
        let error = Config::load(&file).unwrap_err().to_string();
        assert!(error.contains(words) && error.contains("save it as UTF-8"), "{error}");
    }
}
