//! Which sign-in the routes have that only authorizers judge.

use std::collections::HashMap;

use mfa_gateway::config::Config;

const FILE: &str = "
listeners: [{ address: 127.0.0.1:8080 }]
authorizers:
  - { name: a, kind: nginx, address: 127.0.0.1:1, peers: { addresses: [10.0.0.1] } FIRST }
  - { name: b, kind: nginx, address: 127.0.0.1:2, peers: { addresses: [10.0.0.1] } SECOND }
issuers: [{ name: idp, issuer: https://idp.example/, audiences: [api] }]
sign_in:
  - { name: portal, issuer: idp, public_url: https://portal.example, client_id: gateway, authentication: none }
  - name: staff
    issuer: idp
    public_url: https://staff.example
    client_id: gateway
    authentication: none
    base_path: /.staff/
    session: { cookie: staff }
upstreams: [{ name: api, endpoints: [http://127.0.0.1:5000] }]
routes:
  - { prefix: /, upstream: api, credential: session, sign_in: portal }
  - { prefix: /api/, serve: authorizers }
  - { prefix: /pages/, serve: authorizers, credential: session ROUTE }
";

fn parse(first: &str, second: &str, route: &str) -> Result<Config, Vec<String>> {
    let text = FILE.replace("FIRST", first).replace("SECOND", second).replace("ROUTE", route);
    Config::parse("f.yaml", &text, HashMap::new())
        .map_err(|error| error.problems().iter().map(|one| format!("{}: {}", one.field, one.message)).collect())
}

/// The places of the sign-ins that the routes have, and what is said of these.
fn read(first: &str, second: &str, route: &str) -> (Vec<usize>, Vec<String>) {
    let config = parse(first, second, route).unwrap();
    let sign_ins = config.routes.iter().filter_map(|route| Some(route.sessions.as_ref()?.sign_in.0)).collect();
    let warnings = config.warnings.iter().map(|one| format!("{}: {}", one.problem().field, one.problem().message));
    (sign_ins, warnings.filter(|warning| warning.starts_with("routes[")).collect())
}

const STAFF: &str = ", sign_in: staff";
const PORTAL: &str = ", sign_in: portal";

#[test]
fn a_route_that_names_none_has_the_sign_in_of_the_authorizers() {
    for (first, second) in [(STAFF, ""), ("", STAFF), (STAFF, STAFF)] {
        assert_eq!(read(first, second, ""), (vec![0, 1], vec![]), "the listener's route keeps its own");
    }
}

#[test]
fn a_route_that_names_one_keeps_it() {
    for (first, second) in [("", ""), (STAFF, ""), (STAFF, PORTAL)] {
        assert_eq!(read(first, second, PORTAL), (vec![0, 0], vec![]));
    }
    let (sign_ins, warnings) = read(STAFF, STAFF, PORTAL);
    assert_eq!(sign_ins, [0, 0]);
    let expected = "routes[2].sign_in: only authorizers judge this route, and each has another sign-in than `portal`";
    assert_eq!(warnings, [expected]);
}

#[test]
fn where_authorizers_name_different_ones_or_none_the_route_names_its_own() {
    for (first, second) in [("", ""), (STAFF, PORTAL)] {
        let problems = parse(first, second, "").unwrap_err();
        assert_eq!(problems, ["routes[2].credential: there are several sign-ins, and the route names none"]);
    }
    let problems = parse(", sign_in: stuff", "", STAFF).unwrap_err();
    assert_eq!(problems, ["authorizers[0].sign_in: there is no sign-in `stuff`"]);
}
