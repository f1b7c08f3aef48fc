//! Canaries that break the kernel's clock, interrupts or page tables.

use core::sync::atomic::Ordering;

use parity_arch::{intc, kernel_pages, timer};

use super::device;
use super::stuck::{load, peer, threads, until};
use crate::thread::{kthread, scheduler};
use crate::time::tick;

/// Sleep time in ticks of a thread that never sees a tick.
const FEW: u64 = 5;
/// Ticks of more than an hour at any tick rate.
const HOURS: u64 = 4_000_000;

/// A thread sleeps for a few ticks after the clock was stopped.
pub fn stop_clock() -> ! {
    intc::disable(timer::IRQ);
    threads(&[("sleeper", || tick::sleep(FEW))])
}

/// A thread spins until a few ticks have passed after the clock was stopped.
pub fn poll_stopped_clock() -> ! {
    intc::disable(timer::IRQ);
    threads(&[("poller", || {
        let start = tick::now();
        while tick::now() - start < FEW {
            core::hint::spin_loop();
        }
    })])
}

/// A thread sleeps for hours.
pub fn sleep_for_hours() -> ! {
    threads(&[("sleeper", || tick::sleep(HOURS))])
}

/// The disk's interrupt stays asserted: its handler does not acknowledge it.
pub fn storm() -> ! {
    device().ignores_interrupts.store(true, Ordering::Relaxed);
    threads(&[("reader", || load(b"/bin/sh"))])
}

/// The scheduler drops a thread from the run queue.
pub fn forget_ready() -> ! {
    threads(&[
        ("forgetful", || {
            until(|| peer(1).is_parked());
            peer(1).unpark();
            scheduler::forget_ready();
            kthread::park();
        }),
        ("forgotten", || {
            kthread::park();
        }),
    ])
}

/// Unmaps the whole kernel half.
pub fn lose_kernel() -> ! {
    // SAFETY: the function never returns.
    unsafe { kernel_pages::lose_vectors(0) }
}

/// Unmaps the page of the trap vectors; the next tick faults.
pub fn lose_vectors() -> ! {
    // SAFETY: as above.
    unsafe { kernel_pages::lose_vectors(3) }
}

/// Unmaps the kernel's data; the next tick faults.
pub fn lose_data() -> ! {
    threads(&[("loser", || {
        // SAFETY: as above.
        unsafe { kernel_pages::lose_data() }
    })])
}
