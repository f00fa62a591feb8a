//! Who may ask.

use super::{CONFIG, KINDS};
use crate::support::Gateway;

#[tokio::test]
async fn nobody_may_ask_who_is_not_configured() {
    let gateway = Gateway::with(&CONFIG.replace("127.0.0.1] }", "192.0.2.1] }").replace("[127.0.0.0/8]", "[]")).await;
    let token = format!("Bearer {}", gateway.jane());
    for kind in KINDS {
        for fields in [&[("authorization", token.as_str()), ("x-forwarded-for", "192.0.2.1")][..], &[]] {
            for path in ["/v1/x", "/healthz"] {
                let mut fields = fields.to_vec();
                if kind == super::Kind::ForwardAuth {
                    fields.retain(|(name, _)| *name != "x-forwarded-for");
                }
                let answer = kind.ask(&gateway, "GET", path, &fields).await;
                assert_eq!((answer.code(), &*answer.refusal()), (403, "unknown_peer"), "{kind:?} {path}");
                assert_eq!(answer.header("cache-control"), Some("no-store"));
            }
        }
    }
}

#[tokio::test]
async fn a_reload_changes_who_may_ask() {
    let gateway = Gateway::with(CONFIG).await;
    for kind in KINDS {
        assert_eq!(kind.ask(&gateway, "GET", "/healthz", &[]).await.code(), 200, "{kind:?}");
    }
    gateway.reload(&CONFIG.replace("127.0.0.1] }", "192.0.2.1] }").replace("[127.0.0.0/8]", "[]"));
    for kind in KINDS {
        assert_eq!(kind.ask(&gateway, "GET", "/healthz", &[]).await.code(), 403, "{kind:?}");
    }
}
