//! Where a browser comes back to with what an identity provider says: an address of this machine, or what a person pastes.

use std::io::{BufRead, IsTerminal};
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

/// The longest request line: an identity provider's code has up to two kilobytes.
const MAX_LINE: usize = 16 << 10;

const PAGE: &str = "<!doctype html><html lang=\"en\"><title>mfa-gateway</title><p>Thank you. You can close this page and return to \
                    the terminal, which says whether the consent counts.</p></html>";

/// An address of this machine at which one browser is waited for.
#[derive(Debug)]
pub(super) struct Desk {
    listeners: Vec<TcpListener>,
    path: String,
}

impl Desk {
    /// Listens at a redirect URI of loopback (RFC 8252 section 7.3).
    ///
    /// # Errors
    ///
    /// If it is another address, or in use.
    pub(super) async fn open(redirect_uri: &Url) -> anyhow::Result<Self> {
        let is_loopback = redirect_uri.scheme() == "http" && mfa_gateway_keys::is_loopback(redirect_uri);
        ensure!(
            is_loopback,
            "{redirect_uri} is no address of this machine; use one of loopback with `http`, or --paste and the address that \
             the browser came back to"
        );
        let port = redirect_uri.port_or_known_default().unwrap_or(80);
        let host = redirect_uri.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let mut listeners = Vec::new();
        for address in ["127.0.0.1", "::1"].into_iter().filter(|address| host == "localhost" || host == *address) {
            match TcpListener::bind((address, port)).await {
                Ok(listener) => listeners.push(listener),
                // A machine may lack one of the two families.
                Err(error) if host == "localhost" && error.kind() != std::io::ErrorKind::AddrInUse => {}
                Err(error) => return Err(error).with_context(|| format!("can't listen on {address} port {port}")),
            }
        }
        ensure!(!listeners.is_empty(), "can't listen at {redirect_uri}");
        Ok(Self { listeners, path: redirect_uri.path().to_owned() })
    }

    /// Waits for a browser with a query, and returns that.
    ///
    /// # Errors
    ///
    /// If none comes in time.
    pub(super) async fn wait(self, wait: Duration) -> anyhow::Result<String> {
        let until = Instant::now() + wait;
        loop {
            let accepted =
                timeout_at(until, self.accept()).await.context("nobody came back from the identity provider")?;
            // Browsers also ask for icons, and open connections that they don't use.
            if let Ok(Ok(Some(query))) = timeout(Duration::from_secs(5), self.serve(accepted?)).await {
                return Ok(query);
            }
        }
    }

    async fn accept(&self) -> std::io::Result<TcpStream> {
        match &*self.listeners {
            [one, two] => tokio::select! { got = one.accept() => got, got = two.accept() => got },
            [one, ..] => one.accept().await,
            [] => std::future::pending().await,
        }
        .map(|(stream, _)| stream)
    }

    async fn serve(&self, mut stream: TcpStream) -> std::io::Result<Option<String>> {
        let (mut request, mut bytes) = (Vec::new(), [0; 2048]);
        while !request.windows(4).any(|end| end == b"\r\n\r\n") && request.len() < MAX_LINE {
            match stream.read(&mut bytes).await? {
                0 => break,
                read => request.extend_from_slice(bytes.get(..read).unwrap_or_default()),
            }
        }
        let query = query_of(&request, &self.path);
        let (status, page) = if query.is_some() { ("200 OK", PAGE) } else { ("404 Not Found", "") };
        let length = page.len();
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {length}\r\n\
             cache-control: no-store\r\nreferrer-policy: no-referrer\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(page.as_bytes()).await?;
        stream.shutdown().await?;
        Ok(query)
    }
}

/// The query of a request for this path that says something of a consent.
fn query_of(request: &[u8], path: &str) -> Option<String> {
    let line = std::str::from_utf8(request).ok()?.lines().next()?;
    let target = line.strip_prefix("GET ")?.split(' ').next()?;
    let (found, query) = target.split_once('?')?;
    let says = |name| url::form_urlencoded::parse(query.as_bytes()).any(|(known, _)| known == name);
    (found == path && says("state")).then(|| query.to_owned())
}

/// The query of the address that a person pastes.
///
/// # Errors
///
/// If there is none.
pub(super) fn pasted() -> anyhow::Result<String> {
    if std::io::stdin().is_terminal() {
        eprintln!("Then paste the address that the browser came back to:");
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    let line = line.trim();
    let query = Url::parse(line).ok().and_then(|url| url.query().map(str::to_owned));
    query.with_context(|| "this is not an address with a query, as the browser shows it".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_says_nothing_of_a_consent_is_not_taken() {
        let query = |line: &str| query_of(format!("{line}\r\nHost: localhost\r\n\r\n").as_bytes(), "/");
        assert_eq!(query("GET /?code=a&state=b HTTP/1.1").as_deref(), Some("code=a&state=b"));
        for other in
            ["GET /favicon.ico HTTP/1.1", "GET / HTTP/1.1", "GET /x?state=b HTTP/1.1", "POST /?state=b HTTP/1.1", ""]
        {
            assert_eq!(query(other), None, "{other}");
        }
    }

    #[tokio::test]
    async fn only_loopback_is_listened_at() {
        for other in ["https://localhost/", "http://gateway.example/", "http://192.0.2.1:1/"] {
            assert!(Desk::open(&other.parse().unwrap()).await.is_err(), "{other}");
        }
    }

    #[tokio::test]
    async fn a_browser_is_waited_for_among_others() {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let desk = Desk::open(&format!("http://127.0.0.1:{}/back", free.port()).parse().unwrap()).await.unwrap();
        let browser = tokio::spawn(async move {
            for line in ["GET /favicon.ico HTTP/1.1", "GET /back?state=s&code=c HTTP/1.1"] {
                let mut stream = TcpStream::connect(free).await.unwrap();
                stream.write_all(format!("{line}\r\n\r\n").as_bytes()).await.unwrap();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).await.unwrap();
            }
        });
        assert_eq!(desk.wait(Duration::from_secs(10)).await.unwrap(), "state=s&code=c");
        browser.await.unwrap();
    }
}
