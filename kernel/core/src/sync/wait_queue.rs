//! Wait queues: threads sleep until another thread or an interrupt changes a condition.

use alloc::sync::Arc;
use core::panic::Location;

use spin::Once;

use super::sleepers::Sleepers;
pub use super::sleepers::{Link, Sleeper};
use super::{IrqGuard, SpinLock, probes};
use crate::faults::{Fault, planted};
pub use crate::vitals::Wait;
use crate::{trace, vitals};

/// Interface to the scheduler. All calls come with interrupts masked and no spin lock held.
pub trait Blocking: Sync {
    /// Declares that the running thread is about to sleep: from here on, `wake` cancels the sleep.
    fn prepare(&self) -> Arc<dyn Sleeper>;
    /// Sleeps, unless the thread was woken since `prepare`.
    fn sleep(&self);
    /// Cancels `prepare`.
    fn cancel(&self);
}

static BLOCKING: Once<&'static dyn Blocking> = Once::new();

/// Registers the scheduler. Called once, before the first thread can wait.
pub fn register_blocking(scheduler: &'static dyn Blocking) {
    trace::register(&probes::PROVIDER, &[]);
    BLOCKING.call_once(|| scheduler);
}

/// Threads that wait for one condition.
pub struct WaitQueue {
    /// Kind of event that they wait for, for the autopsy.
    wait: Wait,
    sleepers: SpinLock<Sleepers>,
}

impl WaitQueue {
    pub const fn new(wait: Wait) -> Self {
        Self { wait, sleepers: SpinLock::new(Sleepers::new()) }
    }

    /// Sleeps until `ready` returns a value. Code that changes the condition must call `wake_all` or
    /// `wake_one` afterwards.
    ///
    /// `ready` runs with interrupts masked and must not sleep. The thread enters the queue *before* it checks
    /// the condition, so a change between check and sleep wakes it: no wake-up is lost.
    #[track_caller]
    pub fn wait_until<R>(&self, ready: impl FnMut() -> Option<R>) -> R {
        self.wait_for(self.address(), 0, ready)
    }

    /// As [`Self::wait_until`]; `by` is the number of the only thread or process that can end the wait, 0 for
    /// any.
    #[track_caller]
    pub fn wait_by<R>(&self, by: u32, ready: impl FnMut() -> Option<R>) -> R {
        self.wait_for(self.address(), by, ready)
    }

    /// Address of this queue, by which vitals identify the awaited event.
    pub fn address(&self) -> u64 {
        core::ptr::from_ref(self).addr() as u64
    }

    /// As [`Self::wait_by`]; `on` is the address of the awaited object.
    #[track_caller]
    pub(super) fn wait_for<R>(&self, on: u64, by: u32, mut ready: impl FnMut() -> Option<R>) -> R {
        if let Some(value) = ready() {
            return value;
        }
        let Some(scheduler) = BLOCKING.get() else { panic!("waiting before there are threads") };
        vitals::wait_begin(self.wait, on, by, Location::caller());
        let value = self.sleep_until(*scheduler, ready);
        vitals::wait_end();
        value
    }

    fn sleep_until<R>(&self, scheduler: &dyn Blocking, mut ready: impl FnMut() -> Option<R>) -> R {
        loop {
            let _irq = IrqGuard::new();
            let me = scheduler.prepare();
            self.sleepers.lock().push(me.clone());
            let value = ready();
            match value {
                Some(_) => scheduler.cancel(),
                None => scheduler.sleep(),
            }
            self.sleepers.lock().remove(&me);
            if let Some(value) = value {
                return value;
            }
        }
    }

    /// Number of waiting threads.
    pub fn waiting(&self) -> usize {
        self.sleepers.lock().count()
    }

    /// Wakes all threads that wait now; each checks its condition again.
    pub fn wake_all(&self) {
        // Bounded, because a woken thread may enter the queue again before the last one is woken.
        for _ in 0..self.waiting() {
            let Some(sleeper) = self.sleepers.lock().pop() else { break };
            sleeper.wake();
        }
    }

    /// Wakes the thread that has waited longest.
    pub fn wake_one(&self) {
        let sleeper = {
            let mut sleepers = self.sleepers.lock();
            if planted(Fault::NewestWoken) { sleepers.pop_newest() } else { sleepers.pop() }
        };
        if let Some(sleeper) = sleeper {
            sleeper.wake();
        }
    }
}
