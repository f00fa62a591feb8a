//! When the configuration is reloaded, and the thread that does it.
//!
//! A file may be on a drive that hangs, and a large configuration takes a while: so files are read and generations are
//! made on a thread of their own. Until it is done, everything goes on with the old configuration, and signals are
//! answered.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::signal::{Signals, Wanted};
use super::{App, Watched, certificates, exceptions};
use crate::admin::Reloaded;

/// How often files are looked at. A mounted volume swaps a link, which notifications of single files miss.
const POLL: Duration = Duration::from_secs(5);

/// How often certificates and exceptions that soon expire are warned of.
const DAY: Duration = Duration::from_secs(86_400);

/// What the thread is to do.
struct Job {
    /// Whether it reloads even if no file has changed.
    asked: bool,
    /// Who waits for the result.
    operator: Option<oneshot::Sender<Reloaded>>,
    done: oneshot::Sender<()>,
}

/// What has been asked for and not begun.
#[derive(Default)]
struct Wish {
    look: bool,
    asked: bool,
    operator: Option<oneshot::Sender<Reloaded>>,
}

/// Reloads on SIGHUP, on an operator's request and when a file changes, and reopens logs on SIGHUP and SIGUSR1, until the
/// end.
///
/// # Errors
///
/// If the thread can't be started.
pub(crate) async fn reload_on_change(app: &Arc<App>, watched: Watched, signals: &mut Signals) -> io::Result<()> {
    let (jobs, to_do) = mpsc::channel();
    let of_thread = Arc::clone(app);
    std::thread::Builder::new().name("reload".to_owned()).spawn(move || run(&of_thread, watched, &to_do))?;
    let mut requests = app.reloads.serve();
    let mut day = interval_at(Instant::now() + DAY, DAY);
    let mut poll = interval_at(Instant::now() + POLL, POLL);
    poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut wish = Wish::default();
    let mut under_way: Option<oneshot::Receiver<()>> = None;
    loop {
        if under_way.is_none() && (wish.look || wish.asked) {
            let (done, finished) = oneshot::channel();
            let Wish { asked, operator, .. } = std::mem::take(&mut wish);
            jobs.send(Job { asked, operator, done }).map_err(|_| io::Error::other("the reload thread has ended"))?;
            under_way = Some(finished);
        }
        tokio::select! {
            wanted = signals.next() => {
                reopen_logs(app);
                wish.asked |= wanted == Wanted::Reload;
            }
            Some(operator) = requests.recv(), if wish.operator.is_none() => {
                wish.asked = true;
                wish.operator = Some(operator);
            }
            _ = day.tick() => {
                let config = app.config.load();
                certificates::tell(&config, &app.ambient);
                exceptions::tell(&config, &app.ambient);
            }
            _ = poll.tick() => wish.look = true,
            () = finished(under_way.as_mut()) => under_way = None,
        }
    }
}

/// Has each log's own thread reopen its file.
fn reopen_logs(app: &App) {
    if let Some(outputs) = &app.ambient.outputs {
        outputs.reopen();
    }
}

async fn finished(under_way: Option<&mut oneshot::Receiver<()>>) {
    match under_way {
        // An error says that the thread dropped it, which is the same.
        Some(done) => _ = done.await,
        None => std::future::pending().await,
    }
}

/// Does the jobs, one after the other, until no more can come.
fn run(app: &App, mut watched: Watched, jobs: &mpsc::Receiver<Job>) {
    while let Ok(Job { asked, operator, done }) = jobs.recv() {
        let look = AssertUnwindSafe(|| look(app, &mut watched, asked, operator));
        if catch_unwind(look).is_err() {
            app.ambient.metrics.reloads.failed();
            tracing::error!("the reload panicked; the old configuration stays in use");
        }
        app.retired.sweep();
        let _ = done.send(());
    }
}

/// Looks at the files, and reloads if they have changed or somebody asks.
fn look(app: &App, watched: &mut Watched, asked: bool, operator: Option<oneshot::Sender<Reloaded>>) {
    let before = app.config.load_full();
    let (looked, changed) = watched.look(&before);
    if !asked && !changed {
        return;
    }
    let reloaded = app.reload_from(&watched.path);
    watched.read(looked, &before, &app.config.load());
    if let Some(operator) = operator {
        // An operator who has left doesn't receive it; the log does.
        let _ = operator.send(reloaded);
    }
}
