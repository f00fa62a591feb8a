//! What tests ask the portal for: who it sees, what arrived, and a response of their choice.

use http::header::{CONTENT_DISPOSITION, HeaderName};
use http::{HeaderValue, Request, StatusCode};
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::api::caller;
use crate::provider::{Answer, bytes, json, with_header};

const CSV: &str = "customer,domain\nAdatum,adatum.example\nAlpine Ski House,alpineskihouse.example\n";

/// The response of the endpoint at this path, if there is one. Each stands at the root and below every page.
pub(super) fn answer<B>(path: &str, request: &Request<B>) -> Option<Answer> {
    if path.ends_with("/api/me") {
        Some(json(StatusCode::OK, &caller(request.headers())))
    } else if path.ends_with("/api/request") {
        Some(json(StatusCode::OK, &arrived(request)))
    } else if path.ends_with("/api/respond") {
        Some(respond(request.uri().query().unwrap_or_default()))
    } else if path.ends_with("/download") {
        let file = bytes(StatusCode::OK, "text/csv; charset=utf-8", CSV);
        Some(with_header(file, CONTENT_DISPOSITION, "attachment; filename=\"customers.csv\""))
    } else {
        None
    }
}

/// The request as it arrived.
fn arrived<B>(request: &Request<B>) -> Value {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let fields: Vec<_> = request.headers().iter().map(|(name, value)| json!([name.as_str(), text(value)])).collect();
    let target = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    json!({ "method": request.method().as_str(), "target": target, "fields": fields })
}

/// A response with the status and the fields that the query names.
fn respond(query: &str) -> Answer {
    let mut answer = json(StatusCode::OK, &json!({ "answered": true }));
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "status" => {
                if let Ok(status) = StatusCode::from_bytes(value.as_bytes()) {
                    *answer.status_mut() = status;
                }
            }
            "field" => {
                let Some((name, value)) = value.split_once(':') else { continue };
                let (name, value) = (HeaderName::try_from(name), HeaderValue::try_from(value.trim()));
                if let (Ok(name), Ok(value)) = (name, value) {
                    answer.headers_mut().append(name, value);
                }
            }
            _ => {}
        }
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(target: &str) -> Request<()> {
        Request::get(target).header("cookie", "a=1").header("cookie", "b=2").body(()).unwrap()
    }

    #[test]
    fn a_request_is_shown_as_it_arrived() {
        let shown = arrived(&get("/commerce/api/request?x=%2F"));
        assert_eq!(shown["target"], "/commerce/api/request?x=%2F");
        assert_eq!(shown["fields"], json!([["cookie", "a=1"], ["cookie", "b=2"]]));
    }

    #[test]
    fn a_test_chooses_the_response() {
        let query = "status=404&field=cache-control:public,%20max-age=60&field=set-cookie:a=1&field=set-cookie:b=2";
        let answer = answer("/api/respond", &get(&format!("/api/respond?{query}"))).unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["cache-control"]),
            (404, &"public, max-age=60".parse().unwrap())
        );
        assert_eq!(answer.headers().get_all("set-cookie").iter().count(), 2);
    }

    #[test]
    fn other_paths_are_not_endpoints() {
        assert!(answer("/commerce/", &get("/commerce/")).is_none());
        assert!(answer("/commerce/download", &get("/commerce/download")).is_some());
    }
}
