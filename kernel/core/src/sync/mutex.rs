//! The mutex: exclusive access across waits, for what may take long (the disk). Threads only, never interrupts.

use core::cell::UnsafeCell;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicBool, Ordering};

use super::{WaitQueue, probes};
use crate::faults::{Fault, planted};
use crate::trace;

/// Exclusive access to a `T`; whoever comes second sleeps.
pub struct Mutex<T> {
    locked: AtomicBool,
    waiters: WaitQueue,
    value: UnsafeCell<T>,
}

// SAFETY: the mutex hands out one reference at a time, so sharing it only ever moves `T` between threads.
unsafe impl<T: Send> Sync for Mutex<T> {}

impl<T> Mutex<T> {
    pub const fn new(value: T) -> Self {
        Self { locked: AtomicBool::new(false), waiters: WaitQueue::new(), value: UnsafeCell::new(value) }
    }

    #[track_caller]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        let open = planted(Fault::MutexOpen);
        if self.locked.swap(true, Ordering::Acquire) && !open {
            trace::fire(&probes::CONTEND, probes::address(self));
            self.waiters.wait_until(|| (!self.locked.swap(true, Ordering::Acquire)).then_some(()));
        }
        trace::fire(&probes::ACQUIRE, probes::address(self));
        MutexGuard { mutex: self }
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
        self.mutex.locked.store(false, Ordering::Release);
        self.mutex.waiters.wake_one();
    }
}
