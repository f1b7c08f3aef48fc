//! The generic timer: periodic tick and clock.

use core::sync::atomic::{AtomicU64, Ordering};

use aarch64_cpu::asm::barrier;
use aarch64_cpu::registers::{CNTFRQ_EL0, CNTV_CTL_EL0, CNTV_CVAL_EL0, CNTVCT_EL0, Readable, Writeable};
use parity_inventory::inventory;

use super::intc;

inventory!("driver", "timer: generic timer");

/// Interrupt of the virtual timer, fixed by Arm's Base System Architecture.
pub const IRQ: u32 = 27;

/// Counts between two ticks.
static INTERVAL: AtomicU64 = AtomicU64::new(0);

/// Starts the tick on this CPU, `hz` times per second, after `intc::init`. Each tick calls
/// [`Handler::tick`](crate::Handler::tick); ticks missed while interrupts are masked are dropped.
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

/// Arms the next tick, on the grid of the first one unless that time has passed.
pub(super) fn rearm() {
    let interval = INTERVAL.load(Ordering::Relaxed);
    let next = CNTV_CVAL_EL0.get() + interval;
    let now = now();
    CNTV_CVAL_EL0.set(if next > now { next } else { now + interval });
    barrier::isb(barrier::SY);
}

/// Clock: counts up at [`frequency`] from power-on, never backwards.
pub fn now() -> u64 {
    // Without the barrier the CPU may read the counter early, out of program order.
    barrier::isb(barrier::SY);
    CNTVCT_EL0.get()
}

/// Frequency of [`now`] in Hz.
pub fn frequency() -> u64 {
    CNTFRQ_EL0.get()
}

/// Counts of [`now`] until the next tick, from the timer's register: at most one tick interval.
pub fn remaining() -> u64 {
    CNTV_CVAL_EL0.get().saturating_sub(now())
}
