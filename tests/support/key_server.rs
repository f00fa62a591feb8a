//! A key server that misbehaves as it is told, with the metadata and the keys of one issuer.
//!
//! It speaks HTTP/1.1 by hand, one exchange per connection, so that it can break every rule of it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mfa_gateway_core::token::Algorithm;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use super::signer::{Signer, key_set};

/// Where the metadata are.
pub(crate) const METADATA: &str = "/.well-known/openid-configuration";

/// Where the keys are.
pub(crate) const KEYS: &str = "/keys";

/// How a request is answered.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// With this status, these fields and this body.
    Answer(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// With a document that carries this entity tag, or 304 to who has it.
    Tagged(String, &'static str),
    /// With a 200 that ends before its length.
    Cut(Vec<u8>),
    /// With a 200 whose body goes on for ever, this much in each turn and this long between them.
    Endless(usize, Duration),
    /// With a head that goes on for ever.
    EndlessHead,
    /// Not at all, while the connection stays open.
    Silent,
    /// Not at all; the connection is closed.
    Closed,
    /// As told, after a while.
    Late(Duration, Box<Reply>),
}

/// A request that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) head: String,
}

/// A running key server; it stops when it is dropped.
pub(crate) struct KeyServer {
    address: SocketAddr,
    scheme: &'static str,
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    replies: Mutex<HashMap<String, Reply>>,
    asked: Mutex<Vec<Asked>>,
}

impl Reply {
    /// A JSON document.
    pub(crate) fn json(document: impl Into<String>) -> Self {
        Self::Answer(200, vec![("Content-Type", "application/json".to_owned())], document.into().into_bytes())
    }

    /// A key set of these signers' keys.
    pub(crate) fn keys(signers: &[&Signer]) -> Self {
        Self::json(set_of(signers))
    }

    /// A status, and nothing else.
    pub(crate) fn status(status: u16) -> Self {
        Self::Answer(status, Vec::new(), Vec::new())
    }
}

/// The key set of these signers.
pub(crate) fn set_of(signers: &[&Signer]) -> String {
    let keys: Vec<Value> = signers.iter().map(|signer| signer.jwk()).collect();
    key_set(&keys)
}

/// The signer of an issuer's tokens.
pub(crate) fn signer(kid: &str) -> Signer {
    Signer::new(Algorithm::Es256, kid)
}

impl KeyServer {
    /// An honest server with these signers' keys.
    pub(crate) async fn start(signers: &[&Signer]) -> Self {
        Self::serve(None, signers).await
    }

    /// The same over TLS, with a certificate of [`AUTHORITY`].
    pub(crate) async fn tls(signers: &[&Signer]) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let chain = vec![CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(PRIVATE_KEY.as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(chain, key).unwrap();
        Self::serve(Some(TlsAcceptor::from(Arc::new(config))), signers).await
    }

    async fn serve(tls: Option<TlsAcceptor>, signers: &[&Signer]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        let (shared, scheme) = (Arc::clone(&state), if tls.is_some() { "https" } else { "http" });
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (state, tls) = (Arc::clone(&shared), tls.clone());
                connections.spawn(async move {
                    // A connection that breaks off is the gateway's right.
                    let _ = match tls {
                        None => answer(stream, &state).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => answer(stream, &state).await,
                            Err(error) => Err(error),
                        },
                    };
                });
            }
        });
        let server = Self { address, scheme, state, accepting };
        server.reply(METADATA, Reply::json(server.metadata(&server.issuer(), &server.url(KEYS))));
        server.reply(KEYS, Reply::keys(signers));
        server
    }

    /// The issuer.
    pub(crate) fn issuer(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// The address of a path here.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer())
    }

    /// A discovery document.
    pub(crate) fn metadata(&self, issuer: &str, jwks_uri: &str) -> String {
        json!({"issuer": issuer, "jwks_uri": jwks_uri, "authorization_endpoint": self.url("/authorize")}).to_string()
    }

    /// Answers requests for this path like this from now on.
    pub(crate) fn reply(&self, path: &str, reply: Reply) {
        self.state.replies.lock().unwrap().insert(path.to_owned(), reply);
    }

    /// Answers everything like this from now on.
    pub(crate) fn reply_all(&self, reply: &Reply) {
        self.reply(METADATA, reply.clone());
        self.reply(KEYS, reply.clone());
    }

    /// Goes back to honest answers.
    pub(crate) fn recover(&self, signers: &[&Signer]) {
        self.reply(METADATA, Reply::json(self.metadata(&self.issuer(), &self.url(KEYS))));
        self.reply(KEYS, Reply::keys(signers));
    }

    /// The requests for a path so far.
    pub(crate) fn asked(&self, path: &str) -> Vec<Asked> {
        self.state.asked.lock().unwrap().iter().filter(|asked| asked.path == path).cloned().collect()
    }

    /// How often a path was asked for so far.
    pub(crate) fn count(&self, path: &str) -> usize {
        self.asked(path).len()
    }
}

impl Drop for KeyServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, state: &State) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    state.asked.lock().unwrap().push(Asked { path: path.clone(), head: head.clone() });
    let mut reply = state.replies.lock().unwrap().get(&path).cloned().unwrap_or_else(|| Reply::status(404));
    while let Reply::Late(time, then) = reply {
        tokio::time::sleep(time).await;
        reply = *then;
    }
    send(&mut stream, &head, reply).await?;
    stream.shutdown().await
}

async fn send(stream: &mut (impl AsyncWrite + Unpin), head: &str, reply: Reply) -> std::io::Result<()> {
    const OPEN: &[u8] = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\n\r\n";
    match reply {
        Reply::Answer(status, fields, body) => {
            let fields = fields.iter().fold(String::new(), |text, (name, value)| text + name + ": " + value + "\r\n");
            let length = body.len();
            let text = format!("HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {length}\r\n{fields}\r\n");
            stream.write_all(text.as_bytes()).await?;
            stream.write_all(&body).await
        }
        Reply::Tagged(document, tag) => {
            let known = head.contains(&format!("if-none-match: {tag}"));
            let (status, body) = if known { (304, String::new()) } else { (200, document) };
            let length = if known { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
            let text = format!("HTTP/1.1 {status} X\r\nConnection: close\r\nETag: {tag}\r\n{length}\r\n{body}");
            stream.write_all(text.as_bytes()).await
        }
        Reply::Cut(body) => {
            let text = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len() + 10);
            stream.write_all(text.as_bytes()).await?;
            stream.write_all(&body).await
        }
        Reply::Endless(size, pause) => {
            stream.write_all(OPEN).await?;
            loop {
                stream.write_all(&vec![b' '; size]).await?;
                tokio::time::sleep(pause).await;
            }
        }
        Reply::EndlessHead => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n").await?;
            loop {
                stream.write_all(b"X-More: and more\r\n").await?;
            }
        }
        Reply::Silent => std::future::pending().await,
        Reply::Closed | Reply::Late(..) => Ok(()),
    }
}

/// A certificate authority that exists for these tests only; its key was thrown away.
pub(crate) const AUTHORITY: &str = "\
-----BEGIN CERTIFICATE-----
MIIBbzCCARWgAwIBAgIBATAKBggqhkjOPQQDAjAeMRwwGgYDVQQDDBNtZmEtZ2F0
ZXdheSB0ZXN0IENBMCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAe
MRwwGgYDVQQDDBNtZmEtZ2F0ZXdheSB0ZXN0IENBMFkwEwYHKoZIzj0CAQYIKoZI
zj0DAQcDQgAEKuqk4S1WZPfJdxFnvNJQo4V+ZMyTXYh9//qckgXUTUCzPUo9gHfg
/hKnwYciiOTlzOwbjeEWn9S8acUbxgcUiKNCMEAwDwYDVR0TAQH/BAUwAwEB/zAO
BgNVHQ8BAf8EBAMCAgQwHQYDVR0OBBYEFPR8CUdGviNwCnbaUjFBvMeGCQZ0MAoG
CCqGSM49BAMCA0gAMEUCIA3HPe+Fqav0ef8SqFI5PL6OxoyrU/CRSTlHxleb7WW3
AiEAw0h1S1L3FB6WIL3DtxBxEulSx9+/NCnP+RgAwM4oaEw=
-----END CERTIFICATE-----
";

/// Its certificate for `localhost` and 127.0.0.1, until 2120.
pub(crate) const CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBoTCCAUegAwIBAgIBAjAKBggqhkjOPQQDAjAeMRwwGgYDVQQDDBNtZmEtZ2F0
ZXdheSB0ZXN0IENBMCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAU
MRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATT
cCViWjKwH3BJgIQkmQtssUdMT8sx7kT/jqRg2PAYKohfuUVUcg753vS51sypBCCb
/EzK/A/L0vPMz20shOuzo34wfDAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEw
CQYDVR0TBAIwADATBgNVHSUEDDAKBggrBgEFBQcDATAdBgNVHQ4EFgQULTF+ArhS
Yr4Ao3r7OAQNLL648LgwHwYDVR0jBBgwFoAU9HwJR0a+I3AKdtpSMUG8x4YJBnQw
CgYIKoZIzj0EAwIDSAAwRQIgMfG2XGP3frCQwAlauLvQ5dFwz4HafRyerDqvzo25
iLMCIQCT4ApHh3DEppxLZP2Oin0dvl+SmMx41lap0Dpd9tNEuw==
-----END CERTIFICATE-----
";

/// The key of that certificate. It protects nothing.
pub(crate) const PRIVATE_KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgEz+J7hzxdiNGAt5s
EgcLmxu2FrVqc7MzfPzBy+r7tqehRANCAATTcCViWjKwH3BJgIQkmQtssUdMT8sx
7kT/jqRg2PAYKohfuUVUcg753vS51sypBCCb/EzK/A/L0vPMz20shOuz
-----END PRIVATE KEY-----
";
