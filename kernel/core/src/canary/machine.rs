//! Canaries that turn the machine against the kernel: its clock, its interrupts, its page table.

use core::sync::atomic::Ordering;

use parity_arch::{intc, kernel_pages, timer};

use super::device;
use super::stuck::{load, peer, threads, until};
use crate::thread::{kthread, scheduler};
use crate::time::tick;

/// Ticks that a thread sleeps which never sees the first of them.
const FEW: u64 = 5;
/// Ticks of more than an hour, however many there are in a second.
const HOURS: u64 = 4_000_000;

/// A thread sleeps for a few ticks, of which none comes.
pub fn stop_clock() -> ! {
    intc::disable(timer::IRQ);
    threads(&[("sleeper", || tick::sleep(FEW))])
}

/// A thread computes until a few ticks have come, of which none does.
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

/// The disk's interrupt comes again as soon as it was taken: its handler does not silence the device.
pub fn storm() -> ! {
    device().deaf.store(true, Ordering::Relaxed);
    threads(&[("reader", || load(b"/bin/sh"))])
}

/// The scheduler forgets a thread that could run.
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

/// The kernel half loses everything.
pub fn lose_kernel() -> ! {
    // SAFETY: nobody counts on coming back.
    unsafe { kernel_pages::lose_vectors(0) }
}

/// The kernel half loses the page of the trap vectors alone, which the next tick finds out.
pub fn lose_vectors() -> ! {
    // SAFETY: as above.
    unsafe { kernel_pages::lose_vectors(3) }
}

/// The kernel half loses the kernel's data, which the next tick finds out.
pub fn lose_data() -> ! {
    threads(&[("loser", || {
        // SAFETY: as above.
        unsafe { kernel_pages::lose_data() }
    })])
}
