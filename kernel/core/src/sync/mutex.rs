//! The mutex: exclusive access across waits, for what may take long (the disk). Threads only, never interrupts.

use core::cell::UnsafeCell;
use core::ops::{Deref, DerefMut};
use core::panic::Location;
use core::sync::atomic::{AtomicU32, Ordering};

use super::{WaitQueue, probes};
use crate::faults::{Fault, planted};
use crate::vitals::Wait;
use crate::{trace, vitals};

const FREE: u32 = 0;

/// Exclusive access to a `T`; whoever comes second sleeps.
pub struct Mutex<T> {
    /// `FREE`, or the number of the thread that has it, counted from 1: while booting there is thread 0.
    owner: AtomicU32,
    waiters: WaitQueue,
    value: UnsafeCell<T>,
}

// SAFETY: the mutex hands out one reference at a time, so sharing it only ever moves `T` between threads.
unsafe impl<T: Send> Sync for Mutex<T> {}

impl<T> Mutex<T> {
    pub const fn new(value: T) -> Self {
        Self {
            owner: AtomicU32::new(FREE),
            waiters: WaitQueue::new(Wait::Mutex),
            value: UnsafeCell::new(value),
        }
    }

    #[track_caller]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        let me = vitals::current_thread() + 1;
        let take = || {
            let taken = self.owner.compare_exchange(FREE, me, Ordering::Acquire, Ordering::Relaxed);
            taken.is_ok().then_some(())
        };
        if take().is_none() && !planted(Fault::MutexOpen) {
            trace::fire(&probes::CONTEND, probes::address(self));
            self.waiters.wait_for(self.address(), 0, take);
        }
        trace::fire(&probes::ACQUIRE, probes::address(self));
        vitals::mutex_taken(self.address(), Location::caller());
        MutexGuard { mutex: self }
    }

    fn address(&self) -> u64 {
        core::ptr::from_ref(self).addr() as u64
    }
}

/// What canaries ask, to be sure that they get stuck.
#[cfg(feature = "canaries")]
impl<T> Mutex<T> {
    /// Whether somebody has it.
    pub fn is_taken(&self) -> bool {
        self.owner.load(Ordering::Relaxed) != FREE
    }

    /// Whether somebody waits for it.
    pub fn is_wanted(&self) -> bool {
        self.waiters.waiting() > 0
    }
}

/// The right to use the `T` of a [`Mutex`].
pub struct MutexGuard<'a, T> {
    mutex: &'a Mutex<T>,
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the guard exists, so this thread owns the mutex.
        unsafe { &*self.mutex.value.get() }
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard exists, so this thread owns the mutex, and `&mut self` makes the borrow unique.
        unsafe { &mut *self.mutex.value.get() }
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        trace::fire(&probes::RELEASE, probes::address(self.mutex));
        vitals::mutex_given(self.mutex.address());
        self.mutex.owner.store(FREE, Ordering::Release);
        self.mutex.waiters.wake_one();
    }
}
