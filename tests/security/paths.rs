//! How a path may be spelt and read (19), by the route table alone. `target` and the properties of paths try more.

use http::Method;
use mfa_gateway::routing::{PathRule, Pattern, Route, RouteError, RouteTable};
use mfa_gateway_core::policy::Requirement;

const MFA: Requirement = Requirement::Mfa { max_age: None };

fn prefix(path: &str, requirement: Requirement) -> Route {
    Route::new(Pattern::Prefix(path.to_owned()), requirement.into())
}

fn found(table: &RouteTable, path: &str) -> Result<String, RouteError> {
    table.find(path, &Method::GET).map(|route| route.pattern.as_written().to_owned())
}

#[test]
fn s19_letters_of_any_code_page_lead_around_no_stricter_route() {
    let table = RouteTable::new(vec![prefix("/", Requirement::Public), prefix("/Admin/kiss/", MFA)]);
    for path in [
        "/x%C2%A5..%C2%A5Admin/kiss",
        "/Admin%C2%A5kiss",
        "/Admin%E2%82%A9kiss",
        "/Admin%C2%B4kiss",
        "/Admin%E2%88%96kiss",
        "/Admin%E2%88%95kiss",
        "/%EF%BC%A1dmin%EF%BC%8Fkiss",
        "/Adm%C4%B1n/ki%E1%BA%9E",
        "/Adm%C4%B0n/ki%C3%9F",
        "/a%C3%B0min/kiss",
        "/A%E2%99%AAmin/kiss",
        "/Admin/%E2%84%AAiss",
        "/Admin/ki%C5%BF%C5%BF",
        "/Admin/kiss%C2%BFx",
        "/Admin%2541/../kiss",
        "/Admin/kiss%23x",
        "/Admin/kiss%3Fx",
        "/.../Admin/kiss",
        "/Admin/k%E2%80%8Biss",
        "/Admi%6e/%6biss",
        "/Admin%EF%BC%852fkiss",
    ] {
        let found = found(&table, path);
        assert!(found.is_err() && found != Err(RouteError::NotFound), "{path}: {found:?}");
    }
    for path in ["/x%C2%A5y", "/%E2%82%A9/kiss", "/Admin%23/kiss", "/Admin/x/...", "/~../x", "/ki%C3%9F", "/%E7%A7%98"]
    {
        assert_eq!(found(&table, path).as_deref(), Ok("/"), "{path}");
    }
}

#[test]
fn s19_forms_that_servers_read_differently_are_forwarded_where_the_route_says_so() {
    let open = Route { forward_encoded: true, ..prefix("/open/", Requirement::Public) };
    let table = RouteTable::new(vec![prefix("/", MFA), open, prefix("/shut/", Requirement::Public)]);
    for (path, rule) in [
        ("/shut/a%2Fb", PathRule::EncodedSlash),
        ("/shut/a;b", PathRule::Parameter),
        ("/shut/a%3Bb", PathRule::Parameter),
        ("/shut/a[1]", PathRule::Bracket),
        ("/open/a%2F..%2F..%2Fx", PathRule::DotSegment),
        ("/open/..;/x", PathRule::DotSegment),
        ("/open/%5C", PathRule::EncodedDelimiter),
    ] {
        assert!(matches!(found(&table, path), Err(RouteError::Path(error)) if error.rule == rule), "{path}");
    }
    for path in ["/open/a%2Fb", "/open/a;b/c", "/open/a%3Bb", "/open/a[1]", "/open/a%23%3F", "/open/~..", "/open/..."] {
        assert_eq!(found(&table, path).as_deref(), Ok("/open/"), "{path}");
    }
    // What is cut off at the start belongs to the stricter route.
    for path in ["/open;/x", "/open%2Fx", "/open%23/x"] {
        assert_ne!(found(&table, path).as_deref(), Ok("/open/"), "{path}");
    }
}
