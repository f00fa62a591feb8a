//! Which host a request is for, and what becomes of its path (17 and 19).

use http::Method;
use mfa_gateway::routing::{HostPattern, Pattern, Rewrite, Route, RouteError, RouteTable};
use mfa_gateway_core::policy::Requirement;

use super::probe::Wrong;
use crate::support::frames::{Frames, Outcome};
use crate::support::gateway::CONFIG;
use crate::support::{Call, Gateway, raw};

const MFA: Requirement = Requirement::Mfa { max_age: None };

fn route(hosts: &[&str], prefix: &str, requirement: Requirement) -> Route {
    let hosts = hosts.iter().map(|host| HostPattern::parse(host).unwrap()).collect();
    Route { hosts, ..Route::new(Pattern::Prefix(prefix.to_owned()), requirement.into()) }
}

/// The place of the route that a request gets.
fn found(table: &RouteTable, host: &str, path: &str) -> Result<usize, RouteError> {
    table.find_for(host, path, &Method::GET).map(|route| route.id.0)
}

#[test]
fn s17_the_most_specific_host_has_its_own_routes() {
    let table = RouteTable::new(vec![
        route(&["a.example", "münchen.example"], "/", MFA),
        route(&["*.example"], "/", Requirement::Authenticated),
        route(&["*.deep.example"], "/", Requirement::Public),
        route(&[], "/shared", Requirement::Public),
        route(&["*"], "/live", Requirement::Public),
        route(&["[2001:db8::1]", "192.0.2.1"], "/", MFA),
    ]);
    for (host, path, place) in [
        ("a.example", "/x", 0),
        ("A.EXAMPLE.:8443", "/x", 0),
        ("xn--mnchen-3ya.example", "/x", 0),
        ("XN--MNCHEN-3YA.example", "/x", 0),
        ("b.example", "/x", 1),
        ("a.b.example", "/x", 1),
        ("xa.example", "/x", 1),
        ("x.deep.example", "/x", 2),
        ("deep.example", "/x", 1),
        ("a.example", "/shared/x", 3),
        ("b.example", "/shared", 3),
        ("a.example", "/live", 4),
        ("unknown.test", "/live", 4),
        ("10.0.0.1:80", "/live", 4),
        ("[2001:DB8:0:0::1]:80", "/x", 5),
        ("192.0.2.1", "/x", 5),
    ] {
        assert_eq!(found(&table, host, path), Ok(place), "{host}{path}");
    }
    for (host, path) in [("unknown.test", "/x"), ("example", "/x"), ("", "/x"), ("unknown.test", "/shared")] {
        assert_eq!(found(&table, host, path), Err(RouteError::Misdirected), "{host}{path}");
    }
    let other = RouteTable::new(vec![route(&["a.example"], "/v1", MFA)]);
    assert_eq!(found(&other, "a.example", "/x"), Err(RouteError::NotFound));
    let named = RouteTable::new(vec![route(&["a.example"], "/", MFA), route(&[], "/shared", Requirement::Public)]);
    for host in ["b.example", "", "a.example.evil", "xa.example", "127.1", "[::1]"] {
        assert_eq!(found(&named, host, "/shared"), Err(RouteError::Misdirected), "{host}");
    }
}

#[test]
fn s17_a_route_that_names_the_host_comes_before_one_of_every_host() {
    let table = RouteTable::new(vec![
        route(&[], "/v1", MFA),
        route(&["open.example"], "/v1/", Requirement::Public),
        route(&["other.example"], "/x", Requirement::Public),
    ]);
    assert_eq!(found(&table, "open.example", "/v1/a%20b"), Ok(1));
    assert_eq!(found(&table, "other.example", "/v1/a%20b"), Ok(0));
    // Where routes name every host only, there is nothing to choose.
    let table = RouteTable::new(vec![route(&["*"], "/live", Requirement::Public), route(&[], "/", MFA)]);
    assert_eq!((found(&table, "any.example", "/live"), found(&table, "", "/x")), (Ok(0), Ok(1)));
}

#[test]
fn s19_a_rule_boundary_is_that_of_the_host() {
    let table = RouteTable::new(vec![
        route(&["open.example"], "/", Requirement::Public),
        route(&["shut.example"], "/", Requirement::Public),
        route(&["shut.example"], "/admin", MFA),
    ]);
    assert_eq!(found(&table, "open.example", "/ADMIN"), Ok(0));
    assert!(matches!(found(&table, "shut.example", "/ADMIN"), Err(RouteError::Ambiguous { .. })));
    assert_eq!(found(&table, "shut.example", "/admin"), Ok(2));
}

#[tokio::test]
async fn s17_a_request_for_another_host_goes_nowhere_and_the_host_arrives_as_it_was_judged() {
    let rules = "{ path: /healthz, upstream: api, require: public, host: \"*\" }
  - { prefix: /, upstream: api, require: public, host: [open.example, \"*.open.example\"] }
  - { prefix: /, upstream: api, host: shut.example }";
    let gateway = Gateway::with(&CONFIG.replace("{ path: /healthz, upstream: api, require: public }", rules)).await;
    let mut wrong = Wrong::default();
    for (host, status, arrives) in [
        ("open.example", 200, "open.example"),
        ("OPEN.example.:8080", 200, "open.example:8080"),
        ("x.y.open.example", 200, "x.y.open.example"),
        ("shut.example", 401, ""),
        ("Shut.Example.", 401, ""),
        ("xopen.example", 421, ""),
        ("open.example.evil", 421, ""),
        ("127.0.0.1", 421, ""),
        ("[::1]:80", 421, ""),
        ("open.example..", 400, ""),
    ] {
        let before = gateway.world.upstream.count();
        let head =
            format!("GET /x HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Host: open.example\r\nConnection: close\r\n\r\n");
        let answer = raw::exchange(gateway.address(), head.as_bytes()).await;
        let seen = gateway.world.upstream.seen();
        let arrived = seen.get(before).and_then(|seen| seen.header("host")).unwrap_or_default();
        wrong.unless(raw::status(&answer) == status && arrived == arrives, format!("{host}: {arrived} {answer}"));
        wrong.unless(status != 421 || answer.contains("\"misdirected\""), format!("{host}: {answer}"));
        let mut http2 = Frames::connect(gateway.address(), &[]).await;
        let before = gateway.world.upstream.count();
        http2.headers(1, 5, &[(":method", "GET"), (":scheme", "http"), (":path", "/x"), (":authority", host)]).await;
        let outcome = http2.outcome(1).await;
        wrong.unless((outcome == Outcome::Status(200)) == (status == 200), format!("{host} over HTTP/2: {outcome:?}"));
        let seen = gateway.world.upstream.seen();
        let arrived = seen.get(before).and_then(|seen| seen.header("host")).unwrap_or_default();
        wrong.unless(arrived == arrives, format!("{host} over HTTP/2 arrived as {arrived}"));
    }
    let health = raw::request(gateway.address(), "GET", "/healthz", &[]).await;
    wrong.unless(raw::status(&health) == 200, format!("any host has /healthz: {health}"));
}

#[tokio::test]
async fn s19_the_path_before_is_judged_and_the_one_after_is_forwarded() {
    let rules = "{ path: /healthz, upstream: api, require: public, rewrite: /internal/health }
  - { prefix: /api, upstream: api, require: public, strip_prefix: /api, encoded: forward }
  - { prefix: /web/admin/, upstream: api, strip_prefix: /web }
  - { prefix: /web, upstream: api, require: public, strip_prefix: /web/ }
  - { prefix: /old/, upstream: api, require: public, rewrite: /new/v2/ }";
    let gateway = Gateway::with(&CONFIG.replace("{ path: /healthz, upstream: api, require: public }", rules)).await;
    let mut wrong = Wrong::default();
    for (target, arrives, prefix) in [
        ("/healthz?x", "/internal/health?x", None),
        ("/api", "/", Some("/api")),
        ("/api/", "/", Some("/api")),
        ("/api?q=/api", "/?q=/api", Some("/api")),
        ("/api/v1/x/", "/v1/x/", Some("/api")),
        ("/api/v1%2Fx;y", "/v1%2Fx;y", Some("/api")),
        ("/web/x", "/x", Some("/web")),
        ("/old", "/new/v2", None),
        ("/old/x?y", "/new/v2/x?y", None),
    ] {
        let spoofed = [("X-Forwarded-Prefix", "/evil")];
        let answer = raw::request(gateway.address(), "GET", target, &spoofed).await;
        let seen = gateway.world.upstream.seen();
        let arrived = seen.last().map_or("", |seen| &seen.target);
        let told = seen.last().and_then(|seen| seen.header("x-forwarded-prefix"));
        wrong.unless(
            raw::status(&answer) == 200 && arrived == arrives && told == prefix,
            format!("{target} arrived as {arrived} with {told:?}: {answer}"),
        );
    }
    let before = gateway.world.upstream.count();
    for (target, status) in [
        ("/web/admin/x", 401),
        ("/web/Admin/x", 400),
        ("/web/%61dmin/x", 400),
        ("/web/admin%23", 400),
        ("/api/%2Fevil.example/x", 400),
        ("/api/;/x", 400),
        ("/api/%C2%A5evil.example", 400),
        ("/api/..%2Fx", 400),
        ("/apix", 404),
    ] {
        let answer = raw::request(gateway.address(), "GET", target, &[]).await;
        wrong.unless(raw::status(&answer) == status, format!("{target}: {answer}"));
    }
    wrong.unless(gateway.world.upstream.count() == before, "one of them arrived");
    let jane = gateway.jane();
    let call = Call::get("/web/admin/x").bearer(&jane);
    wrong.unless(gateway.send(&call).await.code() == 200, "with a token");
    wrong.unless(gateway.world.upstream.seen().last().is_some_and(|seen| seen.target == "/admin/x"), "stripped");
}

#[test]
fn s19_a_rewritten_path_is_always_a_path() {
    for (rewrite, target) in [
        (Rewrite::strip("/a"), "/a"),
        (Rewrite::strip("/a/"), "/a/"),
        (Rewrite::replace("/a", "/"), "/a?x"),
        (Rewrite::replace("/", "/b/"), "/"),
        (Rewrite::exactly("/a", "/"), "/a"),
    ] {
        let rewritten = rewrite.apply(target).unwrap();
        assert!(rewritten.starts_with('/') && !rewritten.starts_with("//"), "{target}: {rewritten}");
    }
}
