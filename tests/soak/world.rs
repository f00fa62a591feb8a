//! What stands around the gateway in the soak test, and what is counted.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mfa_gateway_core::clock::Clock;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::support::Signer;
use crate::support::gateway::user_claims;
use crate::support::key_server::KeyServer;

/// The counts of a run.
#[derive(Default)]
pub(super) struct Figures {
    pub(super) requests: AtomicU64,
    answers: Mutex<BTreeMap<(&'static str, u16), u64>>,
    events: Mutex<BTreeMap<&'static str, u64>>,
    pub(super) wrong: Mutex<Vec<String>>,
}

impl Figures {
    /// Counts an answer, and notes it if it is not one of those expected.
    pub(super) fn answer(&self, kind: &'static str, status: Option<u16>, expected: &[u16]) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let status = status.unwrap_or(0);
        *self.answers.lock().unwrap_or_else(PoisonError::into_inner).entry((kind, status)).or_default() += 1;
        if !expected.contains(&status) {
            self.wrong
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(format!("{kind}: {status} instead of {expected:?}"));
        }
    }

    /// Counts something that happened.
    pub(super) fn event(&self, what: &'static str) {
        *self.events.lock().unwrap_or_else(PoisonError::into_inner).entry(what).or_default() += 1;
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "requests        {}", self.requests.load(Ordering::Relaxed))?;
        for ((kind, status), count) in &*self.answers.lock().unwrap_or_else(PoisonError::into_inner) {
            writeln!(f, "  {kind:<22} {status:>3} {count:>9}")?;
        }
        for (what, count) in &*self.events.lock().unwrap_or_else(PoisonError::into_inner) {
            writeln!(f, "{what:<24}     {count:>9}")?;
        }
        Ok(())
    }
}

/// The key server, the backend, and the tokens of the moment.
pub(super) struct Surroundings {
    pub(super) keys: KeyServer,
    pub(super) signers: Mutex<Vec<Signer>>,
    tokens: RwLock<Tokens>,
    pub(super) upstream: Mutex<Option<Upstream>>,
    upstream_address: SocketAddr,
    /// Whether the backend is being restarted.
    pub(super) upstream_troubled: AtomicBool,
}

/// Tokens of each kind: with MFA, without, and of a forger's key under a known name.
#[derive(Default)]
struct Tokens {
    jane: Vec<String>,
    john: Vec<String>,
    forged: Vec<String>,
}

impl Surroundings {
    pub(super) async fn start() -> Self {
        let signer = Signer::es256("key-0");
        let keys = KeyServer::start(&[&signer]).await;
        let upstream = Upstream::start(SocketAddr::from(([127, 0, 0, 1], 0))).await;
        let upstream_address = upstream.address;
        let surroundings = Self {
            keys,
            signers: Mutex::new(vec![signer]),
            tokens: RwLock::default(),
            upstream: Mutex::new(Some(upstream)),
            upstream_address,
            upstream_troubled: AtomicBool::new(false),
        };
        surroundings.mint();
        surroundings
    }

    /// The configuration, in one of two versions that decide alike.
    pub(super) fn config(&self, other: bool) -> String {
        let (issuer, upstream) = (self.keys.issuer(), self.upstream_address);
        let interval = if other { "1500ms" } else { "2s" };
        format!(
            "
listeners: [{{ address: ${{TRAFFIC}} }}]
admin: {{ address: ${{ADMIN}} }}
issuers:
  - name: idp
    issuer: \"{issuer}\"
    audiences: [https://api.partnercenter.microsoft.com]
    algorithms: [ES256]
    keys: {{ refresh_interval: {interval}, timeout: 500ms }}
upstreams: [{{ name: api, endpoints: [\"http://{upstream}\"], response_timeout: 5s }}]
routes:
  - {{ prefix: /v1/, upstream: api }}
timeouts: {{ header: 3s, idle: 30s, body: 3s }}
token_cache: {{ max_bytes: 4194304 }}
log: {{ level: warn, decisions: none }}
"
        )
    }

    /// Makes new tokens, signed with the newest key.
    pub(super) fn mint(&self) {
        let now = Clock::default().now().as_secs();
        let signers = self.signers.lock().unwrap();
        let signer = signers.last().unwrap();
        let forger = Signer::es256(&signer.kid);
        let make = |signer: &Signer, amr: &[&str]| {
            let mut claims = user_claims(&self.keys.issuer());
            for name in ["iat", "nbf", "auth_time"] {
                claims[name] = json!(now - 5);
            }
            (claims["exp"], claims["amr"], claims["jti"]) =
                (json!(now + 600), json!(amr), json!(fastrand::u64(..).to_string()));
            signer.token(&claims)
        };
        let many = |signer: &Signer, amr: &[&str]| (0..40).map(|_| make(signer, amr)).collect();
        let tokens = Tokens {
            jane: many(signer, &["pwd", "mfa"]),
            john: many(signer, &["pwd"]),
            forged: many(&forger, &["mfa"]),
        };
        *self.tokens.write().unwrap() = tokens;
    }

    pub(super) fn jane(&self) -> String {
        fastrand::choice(&self.tokens.read().unwrap().jane).unwrap().clone()
    }

    pub(super) fn john(&self) -> String {
        fastrand::choice(&self.tokens.read().unwrap().john).unwrap().clone()
    }

    pub(super) fn forged(&self) -> String {
        fastrand::choice(&self.tokens.read().unwrap().forged).unwrap().clone()
    }

    /// What a permitted request may get now.
    pub(super) fn permitted(&self) -> &'static [u16] {
        if self.upstream_troubled.load(Ordering::SeqCst) { &[200, 502, 503, 504] } else { &[200] }
    }

    /// Ends the backend with all its connections, and starts it again at the same place.
    pub(super) async fn restart_upstream(&self) {
        self.upstream_troubled.store(true, Ordering::SeqCst);
        drop(self.upstream.lock().unwrap().take());
        tokio::time::sleep(Duration::from_millis(500)).await;
        let upstream = Upstream::start(self.upstream_address).await;
        *self.upstream.lock().unwrap() = Some(upstream);
        // The endpoint is set aside for a while, and requests that began before must have ended.
        tokio::time::sleep(Duration::from_secs(6)).await;
        self.upstream_troubled.store(false, Ordering::SeqCst);
    }
}

/// A backend that answers `ok`, reads any upload, and echoes over a `WebSocket`.
pub(super) struct Upstream {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

/// How many requests it ever got whose token was not one with MFA: none may.
pub(super) static TRESPASSERS: AtomicUsize = AtomicUsize::new(0);

impl Upstream {
    async fn start(address: SocketAddr) -> Self {
        let listener = loop {
            match TcpListener::bind(address).await {
                Ok(listener) => break listener,
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        };
        let address = listener.local_addr().unwrap();
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream));
                while connections.try_join_next().is_some() {}
            }
        });
        Self { address, accepting }
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(stream: TcpStream) -> std::io::Result<()> {
    let mut stream = tokio::io::BufStream::new(stream);
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        if !head.contains("\r\nx-auth-request-grounds: mfa\r\n") {
            TRESPASSERS.fetch_add(1, Ordering::SeqCst);
        }
        let field = |name: &str| head.split(&format!("\r\n{name}: ")).nth(1).and_then(|rest| rest.split("\r\n").next());
        if let Some(key) = field("sec-websocket-key") {
            let accept =
                digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11").as_bytes());
            let accept = STANDARD.encode(accept);
            let answer = format!(
                "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
            );
            stream.write_all(answer.as_bytes()).await?;
            stream.flush().await?;
            loop {
                let byte = stream.read_u8().await?;
                stream.write_u8(byte).await?;
                stream.flush().await?;
            }
        }
        let length: usize = field("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await?;
        stream.flush().await?;
    }
}
