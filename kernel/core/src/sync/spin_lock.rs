//! The spin lock: masks interrupts while held, and records its owner and the location that took it.

use core::cell::UnsafeCell;
use core::ops::{Deref, DerefMut};
use core::panic::Location;
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use parity_arch::cpu::cpu_id;

use super::irq::IrqGuard;
use super::probes;
use crate::faults::{Fault, planted};
use crate::{trace, vitals};

const FREE: u64 = 0;

/// Must be called before a context switch and before a return to user space.
///
/// # Panics
/// If this processor holds a spin lock, which no thread could take any more.
#[track_caller]
pub fn assert_none_held(doing: &str) {
    let held = &vitals::this_cpu().locks;
    if !held.is_empty() && !planted(Fault::HeldLockUnseen) {
        panic!("{doing} with a spin lock held; last taken at {}", site_name(held.last_site()));
    }
}

/// Location that took a lock, for messages.
fn site_name(site: Option<&'static Location<'static>>) -> &'static dyn core::fmt::Display {
    match site {
        Some(site) => site,
        None => &"an unknown place",
    }
}

/// Short exclusive access to a `T`, for threads and interrupt handlers.
pub struct SpinLock<T: ?Sized> {
    /// `FREE`, or (processor + 1) << 32 | thread.
    owner: AtomicU64,
    /// Location that took it, for the deadlock message.
    site: AtomicPtr<Location<'static>>,
    value: UnsafeCell<T>,
}

// SAFETY: the lock gives out one reference at a time, so sharing it only moves `T` between processors.
unsafe impl<T: ?Sized + Send> Sync for SpinLock<T> {}
// SAFETY: owning the lock means owning the `T`.
unsafe impl<T: ?Sized + Send> Send for SpinLock<T> {}

impl<T> SpinLock<T> {
    pub const fn new(value: T) -> Self {
        Self {
            owner: AtomicU64::new(FREE),
            site: AtomicPtr::new(core::ptr::null_mut()),
            value: UnsafeCell::new(value),
        }
    }
}

impl<T: Default> Default for SpinLock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: ?Sized> SpinLock<T> {
    /// Takes the lock; interrupts stay masked until the guard is dropped.
    ///
    /// # Panics
    /// If this processor already holds it: the wait would never end.
    #[track_caller]
    pub fn lock(&self) -> SpinGuard<'_, T> {
        let irq = IrqGuard::new();
        let here = vitals::this_cpu();
        let me = (cpu_id() as u64 + 1) << 32 | u64::from(here.thread());
        if self.owner.compare_exchange(FREE, me, Ordering::Acquire, Ordering::Relaxed).is_err() {
            self.wait(me);
        }
        trace::fire(&probes::ACQUIRE, probes::address(self));
        let site = Location::caller();
        self.site.store(core::ptr::from_ref(site).cast_mut(), Ordering::Relaxed);
        here.locks.add(self.address(), site, here.thread());
        SpinGuard { lock: self, _irq: irq }
    }

    /// Waits until the lock is free and takes it.
    #[cold]
    #[track_caller]
    fn wait(&self, me: u64) {
        trace::fire(&probes::CONTEND, probes::address(self));
        vitals::this_cpu().begin_lock_wait(self.address(), Location::caller());
        while let Err(owner) =
            self.owner.compare_exchange_weak(FREE, me, Ordering::Acquire, Ordering::Relaxed)
        {
            if owner >> 32 == me >> 32 && !planted(Fault::DeadlockUnseen) {
                self.report_self_deadlock(owner);
            }
            core::hint::spin_loop();
        }
        vitals::this_cpu().end_lock_wait();
    }

    fn address(&self) -> u64 {
        core::ptr::from_ref(self).addr() as u64
    }

    #[cold]
    #[track_caller]
    fn report_self_deadlock(&self, owner: u64) -> ! {
        // SAFETY: null, or from a `&'static Location`, which is immutable.
        let site = site_name(unsafe { self.site.load(Ordering::Relaxed).as_ref() });
        let (cpu, thread) = ((owner >> 32) - 1, owner as u32);
        panic!("deadlock: lock held since {site} by thread {thread} on cpu {cpu}, which asks again");
    }
}

/// Access to the `T` of a locked [`SpinLock`].
pub struct SpinGuard<'a, T: ?Sized> {
    lock: &'a SpinLock<T>,
    // Dropped after `drop` below has released the lock, so that no interrupt arrives while it is held.
    _irq: IrqGuard,
}

impl<T: ?Sized> Deref for SpinGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the guard exists, so this processor holds the lock.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ?Sized> DerefMut for SpinGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard exists, so this processor holds the lock, and `&mut self` makes the borrow
        // exclusive.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T: ?Sized> Drop for SpinGuard<'_, T> {
    fn drop(&mut self) {
        trace::fire(&probes::RELEASE, probes::address(self.lock));
        vitals::this_cpu().locks.remove(self.lock.address());
        self.lock.owner.store(FREE, Ordering::Release);
    }
}
