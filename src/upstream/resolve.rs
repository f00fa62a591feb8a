//! Looking up the addresses of an upstream's host name.
//!
//! The system's look-up blocks its thread, for half a minute and more while a name server hangs. So each name has one
//! look-up at a time, on a thread of its own, and all who want it wait for the same one, as long as they may.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::dns::Name;
use tokio::sync::watch;
use tower::Service;

/// The addresses of a name, or why there are none.
type Found = Result<Vec<SocketAddr>, (io::ErrorKind, String)>;

type LookUps = HashMap<String, watch::Receiver<Option<Found>>>;

/// Looks names up, each at most once at a time.
#[derive(Clone, Debug)]
pub(super) struct Resolver {
    under_way: Arc<Mutex<LookUps>>,
    /// The system's, but for tests.
    look_up: fn(&str) -> io::Result<Vec<SocketAddr>>,
}

impl Default for Resolver {
    fn default() -> Self {
        Self { under_way: Arc::default(), look_up: |name| Ok((name, 0).to_socket_addrs()?.collect()) }
    }
}

impl Resolver {
    async fn addresses(&self, name: &str) -> io::Result<Vec<SocketAddr>> {
        let mut found = self.begin(name)?;
        // The sender goes without a word only if the look-up panicked.
        let found = found.wait_for(Option::is_some).await.map_err(io::Error::other)?;
        match &*found {
            Some(Ok(addresses)) => Ok(addresses.clone()),
            Some(Err((kind, message))) => Err(io::Error::new(*kind, message.clone())),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// The look-up that is under way, or a new one.
    fn begin(&self, name: &str) -> io::Result<watch::Receiver<Option<Found>>> {
        let mut under_way = self.under_way();
        if let Some(found) = under_way.get(name).filter(|found| found.has_changed().is_ok()) {
            return Ok(found.clone());
        }
        let (tell, found) = watch::channel(None);
        let (resolver, of_thread) = (self.clone(), name.to_owned());
        std::thread::Builder::new().name("resolve".to_owned()).spawn(move || {
            let result = (resolver.look_up)(&of_thread).map_err(|error| (error.kind(), error.to_string()));
            resolver.under_way().remove(&of_thread);
            // Those who wanted it may have left.
            let _ = tell.send(Some(result));
        })?;
        under_way.insert(name.to_owned(), found.clone());
        Ok(found)
    }

    fn under_way(&self) -> MutexGuard<'_, LookUps> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let resolver = self.clone();
        Box::pin(async move { Ok(resolver.addresses(name.as_str()).await?.into_iter()) })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    static LOOK_UPS: AtomicUsize = AtomicUsize::new(0);

    fn slow(name: &str) -> io::Result<Vec<SocketAddr>> {
        LOOK_UPS.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(200));
        if name == "unknown" { Err(io::ErrorKind::NotFound.into()) } else { Ok(vec![([192, 0, 2, 1], 0).into()]) }
    }

    #[tokio::test]
    async fn many_who_want_a_name_cost_one_look_up_and_nobody_elses_time() {
        let resolver = Resolver { look_up: slow, ..Resolver::default() };
        let waiting: Vec<_> = (0..100)
            .map(|_| {
                let resolver = resolver.clone();
                tokio::spawn(async move { resolver.addresses("slow").await })
            })
            .collect();
        let impatient = tokio::time::timeout(Duration::from_millis(20), resolver.addresses("slow")).await;
        assert!(impatient.is_err(), "the thread that serves goes on meanwhile");
        for one in waiting {
            assert_eq!(one.await.unwrap().unwrap().len(), 1);
        }
        assert_eq!(LOOK_UPS.load(Ordering::Relaxed), 1);
        assert!(resolver.addresses("slow").await.is_ok());
        assert_eq!(LOOK_UPS.load(Ordering::Relaxed), 2, "the next one looks again");
        assert_eq!(resolver.addresses("unknown").await.unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
