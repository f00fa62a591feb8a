//! Where a request comes from, as balancers in front of the gateway tell it.

use crate::support::{CONFIG, Call, Gateway, Scripted, Step, World};

const LIMITED: &str = "
trusted_proxies: [\"::ffff:127.0.0.0/104\"]
rate_limits: [{ name: each, requests: 1, per: 1h, key: address }]
";

fn limited() -> String {
    format!("{CONFIG}{LIMITED}").replace("path: /healthz,", "path: /healthz, rate_limit: each,")
}

#[tokio::test]
async fn each_client_of_a_balancer_that_tells_ports_has_its_own_budget() {
    let gateway = Gateway::with(&limited()).await;
    let send = async |client: &str| gateway.send(&Call::get("/healthz").header("x-forwarded-for", client)).await.code();
    for client in ["192.0.2.1:50000", "192.0.2.2:50000", "[2001:db8:1::1]:50000", "[2001:db8:2::1]:50000", "192.0.2.3"]
    {
        assert_eq!(send(client).await, 200, "{client}");
    }
    for again in ["192.0.2.1:50001", "192.0.2.2", "::ffff:192.0.2.2", "[2001:db8:1::1]:1", "192.0.2.3:9"] {
        assert_eq!(send(again).await, 429, "{again}");
    }
}

#[tokio::test]
async fn a_stranger_has_one_budget_whatever_it_tells() {
    let gateway = Gateway::with(&limited().replace("::ffff:127.0.0.0/104", "::ffff:10.0.0.0/104")).await;
    let mut codes = Vec::new();
    for client in ["192.0.2.1:50000", "192.0.2.2:50000"] {
        codes.push(gateway.send(&Call::get("/healthz").header("x-forwarded-for", client)).await.code());
    }
    assert_eq!(codes, [200, 429]);
}

#[tokio::test]
async fn port_and_prefix_arrive_of_trusted_proxies_alone() {
    let told = [("x-forwarded-port", "8443"), ("x-forwarded-prefix", "/partner")];
    for (trusted, arrives) in [("127.0.0.1", true), ("::ffff:127.0.0.1", true), ("10.0.0.0/8", false)] {
        let gateway = Gateway::with(&format!("{CONFIG}trusted_proxies: [\"{trusted}\"]\n")).await;
        let call = told.iter().fold(Call::get("/healthz"), |call, (name, value)| call.header(name, value));
        assert_eq!(gateway.send(&call.header("x_forwarded_port", "1")).await.code(), 200);
        let seen = gateway.world.upstream.seen().pop().unwrap();
        for (name, value) in told {
            assert_eq!(seen.header(name), arrives.then_some(value), "{trusted}: {name}");
        }
        assert_eq!(seen.header("x_forwarded_port"), None);
    }
}

#[tokio::test]
async fn the_id_that_a_client_sees_is_the_one_in_the_logs() {
    let bytes = "HTTP/1.1 200 OK\r\nMS-RequestId: theirs\r\nMS-RequestId: two\r\nMS-CorrelationId: theirs\r\nContent-Length: 2\r\n\r\nok";
    let upstream = Scripted::start(|_| vec![Step::send(bytes)]).await;
    let gateway = World::new().await.gateway(&CONFIG.replace("${UPSTREAM}", &upstream.url())).await;
    let call =
        Call::get("/v1/x").bearer(&gateway.jane()).header("ms-requestid", "own-1").header("ms-correlationid", "own-2");
    let answer = gateway.send(&call).await;
    assert_eq!((answer.header("ms-requestid"), answer.header("ms-correlationid")), (Some("own-1"), Some("own-2")));
    let answer = gateway.get("/v1/x", &gateway.jane()).await;
    let head = upstream.heads().pop().unwrap();
    assert!(head.contains(&format!("ms-requestid: {}\r\n", answer.header("ms-requestid").unwrap())), "{head}");
}
