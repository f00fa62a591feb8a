//! What hyper itself costs: one thread that forwards HTTP/1.1 and does nothing else. It knows no timeouts, no limits and no
//! repetition, and trusts everybody, so it is of use to `benches/peers` alone.
//!
//!     bare-proxy PORT BACKEND

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

use anyhow::{Context, Result};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, client, header, server};
use hyper_util::rt::TokioIo;
use mimalloc::MiMalloc;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::task::{LocalSet, spawn_local};

/// As the gateway has it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The connections to the backend that nobody uses.
type Idle = Rc<RefCell<Vec<client::conn::http1::SendRequest<Incoming>>>>;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().context("no port")?.parse()?;
    let backend: SocketAddr = arguments.next().context("no backend")?.parse()?;
    // The interval is the gateway's.
    let runtime = Builder::new_current_thread().enable_all().event_interval(128).build()?;
    LocalSet::new().block_on(&runtime, serve(port, backend))
}

async fn serve(port: u16, backend: SocketAddr) -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let idle = Idle::default();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let idle = Rc::clone(&idle);
        let service = service_fn(move |request| forward(request, Rc::clone(&idle), backend));
        let mut builder = server::conn::http1::Builder::new();
        spawn_local(builder.writev(false).serve_connection(TokioIo::new(stream), service));
    }
}

async fn forward(mut request: Request<Incoming>, idle: Idle, backend: SocketAddr) -> Result<Response<Incoming>> {
    request.headers_mut().remove(header::CONNECTION);
    let kept = idle.borrow_mut().pop().filter(client::conn::http1::SendRequest::is_ready);
    let mut sender = match kept {
        Some(sender) => sender,
        None => connect(backend).await?,
    };
    let response = sender.send_request(request).await?;
    idle.borrow_mut().push(sender);
    Ok(response)
}

async fn connect(backend: SocketAddr) -> Result<client::conn::http1::SendRequest<Incoming>> {
    let stream = TcpStream::connect(backend).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) =
        client::conn::http1::Builder::new().writev(false).handshake(TokioIo::new(stream)).await?;
    spawn_local(connection);
    Ok(sender)
}
