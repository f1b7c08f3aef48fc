//! The generic timer: periodic tick and clock.

use core::sync::atomic::{AtomicU64, Ordering};

use aarch64_cpu::asm::barrier;
use aarch64_cpu::registers::{CNTFRQ_EL0, CNTV_CTL_EL0, CNTV_CVAL_EL0, CNTVCT_EL0, Readable, Writeable};
use parity_inventory::inventory;

use super::intc;

inventory!("driver", "timer: generic timer");

/// Interrupt of the virtual timer; the architecture's base system fixes it.
pub const IRQ: u32 = 27;

/// Counts between two ticks.
static INTERVAL: AtomicU64 = AtomicU64::new(0);

/// Starts the tick on this CPU, `hz` times per second, after `intc::init`. Each tick calls
/// [`Handler::tick`](crate::Handler::tick); ticks that were missed with interrupts masked are dropped.
///
/// # Panics
/// When `hz` is 0 or above [`frequency`].
pub fn init(hz: u32) {
    assert!(hz != 0 && u64::from(hz) <= frequency(), "no timer ticks at {hz} Hz");
    let interval = frequency() / u64::from(hz);
    INTERVAL.store(interval, Ordering::Relaxed);
    CNTV_CVAL_EL0.set(now() + interval);
    CNTV_CTL_EL0.write(CNTV_CTL_EL0::ENABLE::SET + CNTV_CTL_EL0::IMASK::CLEAR);
    intc::enable(IRQ);
}

/// Sets the next tick, on the grid of the first one unless that has passed already.
pub(super) fn rearm() {
    let interval = INTERVAL.load(Ordering::Relaxed);
    let next = CNTV_CVAL_EL0.get() + interval;
    let now = now();
    CNTV_CVAL_EL0.set(if next > now { next } else { now + interval });
    barrier::isb(barrier::SY);
}

/// The clock: counts up at [`frequency`] from the machine's start, never backwards.
pub fn now() -> u64 {
    // Without the barrier the CPU may read the counter ahead of time.
    barrier::isb(barrier::SY);
    CNTVCT_EL0.get()
}

/// Counts of [`now`] per second.
pub fn frequency() -> u64 {
    CNTFRQ_EL0.get()
}

/// Counts of [`now`] until the timer's next tick, by the timer's own register: at most those between two ticks.
pub fn remaining() -> u64 {
    CNTV_CVAL_EL0.get().saturating_sub(now())
}
