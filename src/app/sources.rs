//! The tasks that fetch keys, one per source.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;

use mfa_gateway_keys::{KeyLocation, KeySource};

/// The sources in use and their tasks.
#[derive(Debug)]
pub(super) struct Sources {
    list: Arc<ArcSwap<Vec<Arc<KeySource>>>>,
    stop: CancellationToken,
    /// The tasks, by the address of their source.
    tasks: Mutex<HashMap<usize, CancellationToken>>,
}

impl Sources {
    pub(super) fn new(sources: Vec<Arc<KeySource>>, stop: CancellationToken) -> Self {
        Self { list: Arc::new(ArcSwap::from_pointee(sources)), stop, tasks: Mutex::default() }
    }

    /// The sources, as they are after each reload.
    pub(super) fn list(&self) -> Arc<ArcSwap<Vec<Arc<KeySource>>>> {
        Arc::clone(&self.list)
    }

    /// Takes other sources into use.
    pub(super) fn replace(&self, sources: Vec<Arc<KeySource>>) {
        // A reload reads the files, too.
        let from_file = |source: &&Arc<KeySource>| matches!(source.settings().location, KeyLocation::File(_));
        sources.iter().filter(from_file).for_each(|source| source.nudge());
        self.list.store(Arc::new(sources));
        self.run();
    }

    /// Starts the tasks of new sources and ends those of sources that are no longer in use.
    pub(super) fn run(&self) {
        let sources = self.list.load_full();
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.retain(|address, task| {
            let kept = sources.iter().any(|source| place(source) == *address);
            if !kept {
                task.cancel();
            }
            kept
        });
        for source in sources.iter() {
            tasks.entry(place(source)).or_insert_with(|| {
                let task = self.stop.child_token();
                tokio::spawn(Arc::clone(source).run(task.clone()));
                task
            });
        }
    }
}

/// A source's identity. It is kept alive by the list, so that no other can take its place.
fn place(source: &Arc<KeySource>) -> usize {
    Arc::as_ptr(source).addr()
}
