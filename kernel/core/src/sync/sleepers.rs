//! The list of sleepers in a wait queue. It is intrusive, so waiting needs no memory.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};

use super::SpinLock;

/// A thread as a wait queue sees it.
pub trait Sleeper: Send + Sync {
    /// Makes the thread runnable; no effect if it does not sleep.
    fn wake(self: Arc<Self>);
    /// Its list link; it waits in one queue at a time.
    fn link(&self) -> &Link;
}

/// A sleeper's link, changed only under the queue's lock.
#[derive(Default)]
pub struct Link {
    queued: AtomicBool,
    next: SpinLock<Option<Arc<dyn Sleeper>>>,
}

/// A FIFO list of sleepers.
pub struct Sleepers {
    first: Option<Arc<dyn Sleeper>>,
    last: Option<Arc<dyn Sleeper>>,
    count: usize,
}

impl Sleepers {
    pub const fn new() -> Self {
        Self { first: None, last: None, count: 0 }
    }

    pub const fn count(&self) -> usize {
        self.count
    }

    /// # Panics
    /// If it is in a queue already.
    pub fn push(&mut self, sleeper: Arc<dyn Sleeper>) {
        let queued = sleeper.link().queued.swap(true, Ordering::Relaxed);
        assert!(!queued, "a thread waits in two queues");
        self.count += 1;
        match self.last.replace(sleeper.clone()) {
            Some(last) => *last.link().next.lock() = Some(sleeper),
            None => self.first = Some(sleeper),
        }
    }

    /// Removes the sleeper that has waited longest.
    pub fn pop(&mut self) -> Option<Arc<dyn Sleeper>> {
        let first = self.first.take()?;
        self.first = first.link().next.lock().take();
        if self.first.is_none() {
            self.last = None;
        }
        self.count -= 1;
        first.link().queued.store(false, Ordering::Relaxed);
        Some(first)
    }

    /// Removes the sleeper that came last.
    pub fn pop_newest(&mut self) -> Option<Arc<dyn Sleeper>> {
        let newest = self.last.clone()?;
        self.remove(&newest);
        Some(newest)
    }

    /// Removes this sleeper if it is in the queue. The caller must hold another reference to it.
    pub fn remove(&mut self, sleeper: &Arc<dyn Sleeper>) {
        if !sleeper.link().queued.load(Ordering::Relaxed) {
            return;
        }
        // Rotating the list once keeps the order of the others.
        for _ in 0..self.count {
            if let Some(other) = self.pop()
                && !Arc::ptr_eq(&other, sleeper)
            {
                self.push(other);
            }
        }
    }
}
