//! The mutex: a sleeping lock for long operations (such as disk access). For threads only, never for
//! interrupt handlers.

use core::cell::UnsafeCell;
use core::ops::{Deref, DerefMut};
use core::panic::Location;
use core::sync::atomic::{AtomicU32, Ordering};

use super::{WaitQueue, probes};
use crate::faults::{Fault, planted};
use crate::vitals::Wait;
use crate::{trace, vitals};

const FREE: u32 = 0;

/// Exclusive access to a `T`; further threads sleep until it is free.
pub struct Mutex<T> {
    /// `FREE`, or the owning thread's number plus 1: during boot the thread number is 0.
    owner: AtomicU32,
    waiters: WaitQueue,
    value: UnsafeCell<T>,
}

// SAFETY: the mutex gives out one reference at a time, so sharing it only moves `T` between threads.
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
        vitals::mutex_acquired(self.address(), Location::caller());
        MutexGuard { mutex: self }
    }

    fn address(&self) -> u64 {
        core::ptr::from_ref(self).addr() as u64
    }
}

/// For canaries, which wait for these states.
#[cfg(feature = "canaries")]
impl<T> Mutex<T> {
    /// Whether a thread holds it.
    pub fn is_locked(&self) -> bool {
        self.owner.load(Ordering::Relaxed) != FREE
    }

    /// Whether a thread waits for it.
    pub fn has_waiters(&self) -> bool {
        self.waiters.waiting() > 0
    }
}

/// Access to the `T` of a locked [`Mutex`].
pub struct MutexGuard<'a, T> {
    mutex: &'a Mutex<T>,
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the guard exists, so this thread holds the mutex.
        unsafe { &*self.mutex.value.get() }
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard exists, so this thread holds the mutex, and `&mut self` makes the borrow
        // exclusive.
        unsafe { &mut *self.mutex.value.get() }
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        trace::fire(&probes::RELEASE, probes::address(self.mutex));
        vitals::mutex_released(self.mutex.address());
        self.mutex.owner.store(FREE, Ordering::Release);
        self.mutex.waiters.wake_one();
    }
}
