//! Responses with many header fields: up to 256 pass, all of them and in order.

use crate::support::{CONFIG, Call, Gateway, Http1, Http2, Scripted, Step, World, raw};

/// A response with so many fields, of which these stand last.
fn response(count: usize, last: &str, body: &str) -> String {
    let many = (0..count - last.lines().count()).map(|at| format!("X-{at}: {at}\r\n")).collect::<Vec<_>>().concat();
    format!("HTTP/1.1 200 OK\r\n{many}{last}\r\n{body}")
}

async fn before(upstream: &Scripted) -> Gateway {
    World::new().await.gateway(&CONFIG.replace("${UPSTREAM}", &upstream.url())).await
}

#[tokio::test]
async fn all_fields_pass_wherever_those_stand_that_frame_the_message() {
    for count in [99, 100, 101, 151, 256] {
        for (last, body) in [
            ("Set-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 2\r\n", "ok"),
            ("Set-Cookie: a\r\nSet-Cookie: b\r\ntransfer-ENCODING: chunked\r\n", "2\r\nok\r\n0\r\n\r\n"),
            ("Set-Cookie: a\r\nSet-Cookie: b\r\nConnection: close\r\nContent-Length: 2\r\n", "ok"),
        ] {
            let bytes = response(count, last, body);
            let upstream = Scripted::start(move |_| {
                // In two parts, so that the head is held for a while.
                let (one, two) = bytes.split_at(300);
                vec![Step::send(one), Step::Wait(std::time::Duration::from_millis(5)), Step::send(two)]
            })
            .await;
            let gateway = before(&upstream).await;
            let call = Call::get("/v1/x").bearer(&gateway.jane());
            let mut client = Http1::connect(gateway.address()).await;
            // The second one shows that the connection is in step.
            for answer in [client.send(&call).await, client.send(&call).await] {
                let many =
                    (0..count - last.lines().count()).all(|at| answer.headers[format!("x-{at}")] == at.to_string());
                let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
                assert!(many && cookies == ["a", "b"] && &answer.body[..] == b"ok", "{count}, {last}: {answer:?}");
            }
        }
    }
}

#[tokio::test]
async fn fields_of_one_response_are_never_those_of_another() {
    let many = response(200, "Content-Length: 2\r\n", "ok");
    let plain = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let upstream = Scripted::start(move |target| {
        let hints = response(200, "Content-Length: 0\r\n", "").replace("200 OK", "103 Early Hints");
        vec![Step::send(&match target {
            "/v1/many" => many.clone(),
            "/v1/hints" => hints.replace("Content-Length: 0", "X: y") + plain,
            _ => plain.to_owned(),
        })]
    })
    .await;
    let gateway = before(&upstream).await;
    let mut client = Http1::connect(gateway.address()).await;
    for (target, has_many) in [("/v1/many", true), ("/v1/x", false), ("/v1/hints", false), ("/v1/many", true)] {
        let answer = client.send(&Call::get(target).bearer(&gateway.jane())).await;
        assert_eq!((answer.code(), answer.headers.contains_key("x-150")), (200, has_many), "{target}");
    }
}

#[tokio::test]
async fn a_client_over_http2_gets_them_too() {
    let bytes = response(256, "Content-Length: 2\r\n", "ok");
    let upstream = Scripted::start(move |_| vec![Step::send(&bytes)]).await;
    let gateway = before(&upstream).await;
    let answer = Http2::connect(gateway.address()).await.send(&Call::get("/v1/x").bearer(&gateway.jane())).await;
    assert!(answer.code() == 200 && answer.headers.len() >= 256, "{}", answer.headers.len());
}

#[tokio::test]
async fn one_field_more_is_502() {
    let bytes = response(257, "Content-Length: 2\r\n", "ok");
    let upstream = Scripted::start(move |_| vec![Step::send(&bytes)]).await;
    let gateway = before(&upstream).await;
    let bearer = format!("Bearer {}", gateway.jane());
    let answer = raw::request(gateway.address(), "GET", "/v1/x", &[("authorization", &bearer)]).await;
    assert!(raw::status(&answer) == 502 && answer.contains("upstream_failed"), "{answer}");
}

#[tokio::test]
async fn framing_that_is_ambiguous_is_502_however_far_apart_its_fields_stand() {
    for (first, last) in [
        ("Content-Length: 2\r\n", "Content-Length: 3\r\n"),
        ("Content-Length: 2\r\n", "Transfer-Encoding: chunked\r\n"),
        ("X: y\r\n", "Content_Length: 3\r\nContent-Length: 2\r\n"),
    ] {
        let bytes = response(200, last, "ok").replacen("X-0: 0\r\n", first, 1);
        let upstream = Scripted::start(move |_| vec![Step::send(&bytes)]).await;
        let gateway = before(&upstream).await;
        let bearer = format!("Bearer {}", gateway.jane());
        let answer = raw::request(gateway.address(), "GET", "/v1/x", &[("authorization", &bearer)]).await;
        assert_eq!(raw::status(&answer), 502, "{first}{last}: {answer}");
    }
}
