//! The description of the admin listener: what it describes is what is served.

use http::Method;
use serde_json::Value;

use crate::admin::with_token_file;
use crate::support::{Call, Gateway};

/// Every path with its method. `HEAD` goes with `GET`, and the aliases `/ping` and `/ready` are left out.
const DESCRIBED: [(&str, Method); 40] = [
    ("/", Method::GET),
    ("/.well-known/jwks.json", Method::GET),
    ("/config", Method::GET),
    ("/consents", Method::GET),
    ("/consents/begin", Method::POST),
    ("/consents/finish", Method::POST),
    ("/consents/rewrap", Method::POST),
    ("/consents/try", Method::POST),
    ("/consents/withdraw", Method::POST),
    ("/delegations", Method::GET),
    ("/exceptions", Method::GET),
    ("/exceptions", Method::POST),
    ("/exceptions/{id}", Method::GET),
    ("/exceptions/{id}/approve", Method::POST),
    ("/exceptions/{id}/evidence", Method::POST),
    ("/exceptions/{id}/evidence/{number}", Method::GET),
    ("/exceptions/{id}/reject", Method::POST),
    ("/exceptions/{id}/revoke", Method::POST),
    ("/exceptions/{id}/withdraw", Method::POST),
    ("/explain", Method::POST),
    ("/explain.css", Method::GET),
    ("/explain.js", Method::GET),
    ("/issuers", Method::GET),
    ("/livez", Method::GET),
    ("/metrics", Method::GET),
    ("/openapi.json", Method::GET),
    ("/readyz", Method::GET),
    ("/reload", Method::POST),
    ("/report", Method::GET),
    ("/report.csv", Method::GET),
    ("/report/forget", Method::POST),
    ("/report/requests", Method::GET),
    ("/routes", Method::GET),
    ("/sessions", Method::GET),
    ("/sessions/end", Method::POST),
    ("/sessions/{id}", Method::GET),
    ("/vendors", Method::GET),
    ("/vendors/consent", Method::POST),
    ("/vendors/purged", Method::POST),
    ("/vendors/remove", Method::POST),
];

async fn document(gateway: &Gateway) -> Value {
    let answer = gateway.admin("/openapi.json").await;
    assert_eq!((answer.code(), answer.header("content-type")), (200, Some("application/json")));
    answer.json()
}

#[tokio::test]
async fn every_path_and_method_is_described_and_no_other() {
    let (gateway, _file) = with_token_file("").await;
    let document = document(&gateway).await;
    let mut described = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        let methods = operations.as_object().unwrap().keys();
        described.extend(methods.map(|method| (path.as_str(), method.to_uppercase().parse().unwrap())));
    }
    described.sort_by_key(|(path, method): &(_, Method)| (*path, method.to_string()));
    assert_eq!(described, DESCRIBED);
    for (path, _) in &described {
        let served = |method: &Method| described.iter().any(|one| one == &(*path, method.clone()));
        for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS] {
            let code = gateway.admin_send(&Call::new(method.clone(), path)).await.code();
            assert_eq!(code == 405, !served(&method), "{method} {path}: {code}");
        }
    }
}

#[tokio::test]
async fn every_reference_has_its_target() {
    let (gateway, _file) = with_token_file("").await;
    let document = document(&gateway).await;
    let text = document.to_string();
    let references: Vec<&str> = text.split("\"#").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(references.len() > 10, "{references:?}");
    for reference in references {
        assert!(document.pointer(reference).is_some(), "{reference}");
    }
}
