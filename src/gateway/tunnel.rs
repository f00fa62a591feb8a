//! The bytes of an open `WebSocket`, in both directions.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, copy, split};
use tokio::time::timeout;

/// How long one direction goes on when the other has ended: the time of a closing handshake (RFC 6455 section 7).
/// Without an end, a side that never closes would hold the connection, and its place among all.
const REST: Duration = Duration::from_secs(10);

/// Passes bytes until both directions have ended, or one has and the other's time is up.
///
/// # Errors
///
/// If one side breaks off.
pub(super) async fn join<C, U>(client: C, upstream: U) -> io::Result<()>
where
    C: AsyncRead + AsyncWrite,
    U: AsyncRead + AsyncWrite,
{
    let ((from_client, to_client), (from_upstream, to_upstream)) = (split(client), split(upstream));
    let up = pass(from_client, to_upstream);
    let down = pass(from_upstream, to_client);
    tokio::pin!(up, down);
    tokio::select! {
        ended = &mut up => ended.and(timeout(REST, down).await.unwrap_or(Ok(()))),
        ended = &mut down => ended.and(timeout(REST, up).await.unwrap_or(Ok(()))),
    }
}

/// Passes what comes, and then its end.
async fn pass<R: AsyncRead, W: AsyncWrite>(mut from: ReadHalf<R>, mut to: WriteHalf<W>) -> io::Result<()> {
    copy(&mut from, &mut to).await?;
    to.shutdown().await
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, duplex};
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_end_passes_at_once_and_the_other_direction_has_a_while() {
        let ((mut client, near), (mut upstream, far)) = (duplex(64), duplex(64));
        let joined = tokio::spawn(join(near, far));
        client.write_all(b"bye").await.unwrap();
        client.shutdown().await.unwrap();
        let mut seen = String::new();
        upstream.read_to_string(&mut seen).await.unwrap();
        upstream.write_all(b"goodbye").await.unwrap();
        let mut farewell = [0; 7];
        client.read_exact(&mut farewell).await.unwrap();
        assert_eq!((&*seen, &farewell), ("bye", b"goodbye"));
        let start = Instant::now();
        joined.await.unwrap().unwrap();
        assert_eq!(start.elapsed().as_secs(), 10, "the upstream never closes");
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    }
}
