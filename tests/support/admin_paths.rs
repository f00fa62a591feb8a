//! The paths of the admin listener that not everyone may use.

use http::Method;

/// All that is for operators.
pub(crate) const PROTECTED: [(Method, &str); 17] = [
    (Method::GET, "/config"),
    (Method::GET, "/issuers"),
    (Method::GET, "/routes"),
    (Method::GET, "/sessions"),
    (Method::GET, "/sessions/AAAAAAAAAAAAAAAAAAAAAA"),
    (Method::POST, "/sessions/end"),
    (Method::GET, "/exceptions"),
    (Method::GET, "/exceptions/granted-a"),
    (Method::GET, "/exceptions/granted-a/evidence/1"),
    (Method::POST, "/exceptions"),
    (Method::POST, "/exceptions/granted-a/approve"),
    (Method::POST, "/exceptions/granted-a/reject"),
    (Method::POST, "/exceptions/granted-a/withdraw"),
    (Method::POST, "/exceptions/granted-a/revoke"),
    (Method::POST, "/exceptions/granted-a/evidence"),
    (Method::POST, "/explain"),
    (Method::POST, "/reload"),
];
