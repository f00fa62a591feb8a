//! A configuration's cost grows with its size, and not with the square of it.
//!
//! Counted is the processor time of one thread, so that a busy machine makes no difference.

use std::collections::HashMap;
use std::fmt::Write;
use std::io::Write as _;
use std::time::{Duration, Instant};

use mfa_gateway::config::Config;
use mfa_gateway::routing::RouteTable;

use crate::support::{Call, Process, Recorder};

/// How much larger the larger file is.
const TIMES: usize = 8;

/// How many times the cost may grow. A pass over every pair makes it 64 times.
const MOST: f64 = 20.0;

/// The processor time that this thread has had.
pub(crate) fn spent() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split_whitespace().next().unwrap().parse().unwrap())
}

/// How many times longer the larger file takes to read.
fn growth(small: usize, file: impl Fn(usize) -> String) -> f64 {
    let cost = |size: usize| {
        let text = file(size);
        let read = || {
            let before = spent();
            // Problems are a result like any other.
            let read = std::hint::black_box(Config::parse("f", &text, HashMap::new()));
            let _ = std::hint::black_box(read.map(|config| RouteTable::new(config.routes)));
            spent().saturating_sub(before)
        };
        (0..3).map(|_| read()).min().unwrap().as_secs_f64()
    };
    cost(small * TIMES) / cost(small)
}

fn with(lines: &str, rest: &str) -> String {
    format!(
        "listeners: [{{ address: \"127.0.0.1:0\" }}]\nupstreams: [{{ name: api, endpoints: [\"http://127.0.0.1:1\"] }}]\n{rest}routes:\n  - {{ prefix: /, upstream: api, require: public }}\n{lines}"
    )
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).fold(String::new(), |mut text, at| {
        writeln!(text, "{}", line(at)).unwrap();
        text
    })
}

#[test]
fn reading_many_routes_takes_time_in_step_with_their_number() {
    let distinct =
        |count| with(&lines(count, |at| format!("  - {{ path: /v1/items/{at}, upstream: api, require: public }}")), "");
    let growth = growth(300, distinct);
    assert!(growth < MOST, "{TIMES} times the routes cost {growth:.1} times as much");
}

#[test]
fn reading_many_hosts_takes_time_in_step_with_their_number() {
    let hosts = |count| {
        let route = |at| format!("  - {{ prefix: /, host: h{at}.example, upstream: api, require: public }}");
        with(&lines(count, route), "")
    };
    let growth = growth(300, hosts);
    assert!(growth < MOST, "{TIMES} times the hosts cost {growth:.1} times as much");
}

#[test]
fn reading_many_problems_takes_time_in_step_with_their_number() {
    let unknown =
        |count| with(&lines(count, |at| format!("  - {{ path: /v1/items/{at}, upstream: apx, colour: {at} }}")), "");
    let growth = growth(200, unknown);
    assert!(growth < MOST, "{TIMES} times the problems cost {growth:.1} times as much");
}

#[test]
fn reading_many_exceptions_takes_time_in_step_with_their_number() {
    let exceptions = |count| {
        let exception = |at| {
            format!(
                "  - {{ id: e{at}, owner: o, reason: r, expires: \"2100-01-01T00:00:00Z\", user: u{at}, routes: [/v1/items/{at}] }}"
            )
        };
        let all = format!("exceptions:\n{}", lines(count, exception));
        with(&lines(count, |at| format!("  - {{ path: /v1/items/{at}, upstream: api, require: public }}")), &all)
    };
    let growth = growth(150, exceptions);
    assert!(growth < MOST, "{TIMES} times the exceptions cost {growth:.1} times as much");
}

#[test]
fn reading_many_issuers_takes_time_in_step_with_their_number() {
    let issuers = |count| {
        let issuer = |at| format!("  - {{ name: i{at}, issuer: \"https://idp{at}.example/\", audiences: [a] }}");
        with("", &format!("issuers:\n{}", lines(count, issuer)))
    };
    let growth = growth(100, issuers);
    assert!(growth < MOST, "{TIMES} times the issuers cost {growth:.1} times as much");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_and_a_scrape_of_thousands_of_routes_delay_no_request_by_their_own_time() {
    let route = |at| format!("  - {{ path: /v1/items/{at}, upstream: api, require: public }}");
    let text = with(&lines(5000, route), "admin: { address: \"${ADMIN}\" }\nthreads: 1\n");
    let upstream = Recorder::start().await;
    let process =
        Process::start(&text.replace("127.0.0.1:0", "${TRAFFIC}").replace("http://127.0.0.1:1", &upstream.url())).await;
    let (done, scraped) = tokio::sync::oneshot::channel();
    let admin = process.admin_address();
    let begin = Instant::now();
    process.signal("HUP");
    std::thread::spawn(move || {
        let mut stream = std::net::TcpStream::connect(admin).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        done.send(std::io::copy(&mut stream, &mut std::io::sink()).unwrap()).unwrap();
    });
    let mut scraped = Box::pin(scraped);
    let mut longest = Duration::ZERO;
    let bytes = loop {
        let start = Instant::now();
        assert_eq!(process.send(&Call::get("/x")).await.code(), 200);
        longest = longest.max(start.elapsed());
        if let Ok(bytes) = tokio::time::timeout(Duration::from_millis(1), &mut scraped).await {
            break bytes.unwrap();
        }
    };
    let whole = begin.elapsed();
    assert!(bytes > 1 << 20, "{bytes} bytes");
    assert!(longest < whole / 2, "a request took {longest:?} of {whole:?}");
}
