//! Authorizers that are Unix sockets.

use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::time::Duration;

use mfa_gateway::App;
use mfa_gateway_core::random::Random;

use super::envoy::{FORMS, ask, question};
use super::{CONFIG, KINDS, Kind};
use crate::support::{Answer, Gateway, Http1, Http2, World};

/// A folder for sockets, and the user of this process, who owns it.
struct Place {
    folder: tempfile::TempDir,
    user: u32,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let user = folder.path().metadata().unwrap().uid();
        Self { folder, user }
    }

    fn socket(&self, place: usize) -> PathBuf {
        self.folder.path().join(format!("{place}.sock"))
    }

    /// [`CONFIG`] with sockets in the place of addresses, where this user may ask.
    fn config(&self, user: u32) -> String {
        let mut text = CONFIG
            .replace("addresses: [127.0.0.1]", "users: [USER]")
            .replace("addresses: [127.0.0.0/8]", "users: [1, USER]");
        for place in 0..4 {
            let (name, kind) =
                [("mesh", "envoy-http"), ("web", "nginx"), ("edge", "forward-auth"), ("grpc", "envoy")][place];
            let before = format!("name: {name}, kind: {kind}, address: 127.0.0.1:0");
            let after = format!("name: {name}, kind: {kind}, address: \"unix:{}\"", self.socket(place).display());
            assert!(text.contains(&before));
            text = text.replace(&before, &after);
        }
        text.replace("USER", &user.to_string())
    }

    async fn ask(&self, kind: Kind, target: &str, fields: &[(&str, &str)]) -> Answer {
        Http1::at(&self.socket(kind as usize)).await.send(&kind.question("GET", target, fields)).await
    }
}

#[tokio::test]
async fn a_listed_users_process_gets_the_verdicts_of_a_listener() {
    let place = Place::new();
    let gateway = Gateway::with(&place.config(place.user)).await;
    let (jane, john) = (format!("Bearer {}", gateway.jane()), format!("Bearer {}", gateway.john()));
    for kind in KINDS {
        let permit = place.ask(kind, "/v1/x", &[("authorization", &jane)]).await;
        assert!(permit.code() == 200 && permit.header("x-auth-request-user").is_some(), "{kind:?}");
        let refused = place.ask(kind, "/v1/x", &[("authorization", &john)]).await;
        assert_eq!((refused.code(), &*refused.refusal()), (401, "mfa_missing"), "{kind:?}");
    }
    let envoy = Http2::at(&place.socket(3)).await;
    for form in FORMS {
        let status = async |token: &str| {
            ask(&envoy, &question(form, "GET", "/v1/x", &[("authorization", token)])).await.status.unwrap().code
        };
        assert_eq!((status(&jane).await, status(&john).await), (0, 16), "{form:?}");
    }
}

#[tokio::test]
async fn another_users_process_is_refused_whatever_it_says() {
    let place = Place::new();
    let gateway = Gateway::with(&place.config(place.user + 1)).await;
    let jane = format!("Bearer {}", gateway.jane());
    for kind in KINDS {
        for target in ["/v1/x", "/healthz"] {
            let answer = place.ask(kind, target, &[("authorization", &jane)]).await;
            assert_eq!((answer.code(), &*answer.refusal()), (403, "unknown_peer"), "{kind:?} {target}");
        }
    }
    let envoy = Http2::at(&place.socket(3)).await;
    let verdict = ask(&envoy, &question(FORMS[0], "GET", "/healthz", &[("authorization", &jane)])).await;
    assert_eq!(verdict.status.unwrap().code, 7);
    gateway.reload(&place.config(place.user));
    for kind in KINDS {
        assert_eq!(place.ask(kind, "/healthz", &[]).await.code(), 200, "{kind:?}, after a reload");
    }
}

#[tokio::test]
async fn a_stale_file_is_replaced_and_one_in_use_keeps_a_second_gateway_from_starting() {
    let place = Place::new();
    drop(UnixListener::bind(place.socket(1)).unwrap());
    let text = place.config(place.user);
    let gateway = Gateway::with(&text).await;
    assert_eq!(place.ask(Kind::Nginx, "/healthz", &[]).await.code(), 200);
    let told = failure(&text).await;
    assert!(told.contains("another process listens there") && told.contains("`authorizers[0].address`"), "{told}");
    assert_eq!(place.ask(Kind::Nginx, "/healthz", &[]).await.code(), 200, "the first goes on");
    gateway.drain().await;
}

#[tokio::test]
async fn a_file_of_another_kind_keeps_a_gateway_from_starting() {
    let place = Place::new();
    std::fs::write(place.socket(2), "precious").unwrap();
    let told = failure(&place.config(0)).await;
    assert!(told.contains("the file there is not a socket") && told.contains("`authorizers[2].address`"), "{told}");
    assert_eq!(std::fs::read(place.socket(2)).unwrap(), b"precious");
    assert!(!place.socket(0).exists(), "what was opened before is removed");
}

#[tokio::test]
async fn a_drain_answers_what_was_asked_and_removes_the_files() {
    let place = Place::new();
    let gateway = Gateway::with(&place.config(place.user)).await;
    let mut kept = Http1::at(&place.socket(1)).await;
    let question = Kind::Nginx.question("GET", "/healthz", &[]);
    assert_eq!(kept.send(&question).await.code(), 200);
    let draining = tokio::spawn(gateway.drain());
    tokio::time::sleep(Duration::from_millis(20)).await;
    draining.await.unwrap();
    assert!((0..4).all(|at| !place.socket(at).exists()));
    let again = Gateway::with(&place.config(place.user)).await;
    assert_eq!(place.ask(Kind::Nginx, "/healthz", &[]).await.code(), 200);
    again.drain().await;
}

/// Why a gateway doesn't start.
async fn failure(text: &str) -> String {
    let world = World::new().await;
    let started = App::start(world.config(text), world.clock.clone(), Random::seeded(7)).await;
    format!("{:#}", started.unwrap_err())
}
