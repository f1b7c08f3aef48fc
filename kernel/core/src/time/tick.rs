//! Timer ticks, counted when they are handled: while the host suspends the guest none are counted, so
//! timeouts in ticks are fair.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::faults::{Fault, planted};
use crate::sync::{Wait, WaitQueue};
use crate::vitals;

static TICKS: AtomicU64 = AtomicU64::new(0);
static TICKED: WaitQueue = WaitQueue::new(Wait::Ticks);

/// Counts a timer tick and returns the lower 32 bits of its number.
pub fn count() -> u32 {
    let count = if planted(Fault::TimerTicksTwice) { 2 } else { 1 };
    let number = TICKS.fetch_add(count, Ordering::Relaxed) + count;
    vitals::set_ticks(number);
    TICKED.wake_all();
    number as u32
}

/// Ticks since boot.
pub fn now() -> u64 {
    TICKS.load(Ordering::Relaxed)
}

/// Sleeps until `ready` returns true, checked at every tick, or for at most `ticks`; returns whether it
/// became true. `ready` runs with interrupts masked and must not sleep.
pub fn wait_until(ticks: u64, mut ready: impl FnMut() -> bool) -> bool {
    let ticks = if planted(Fault::TimeoutEarly) { ticks / 2 } else { ticks };
    let start = TICKS.load(Ordering::Relaxed);
    vitals::wait_until(start.saturating_add(ticks));
    let came_true = TICKED.wait_until(|| {
        if ready() {
            return Some(true);
        }
        (TICKS.load(Ordering::Relaxed) - start >= ticks).then_some(false)
    });
    // If the condition was true at once, no wait began whose end would have cleared this.
    vitals::wait_until(0);
    came_true
}

/// Sleeps for `ticks`.
pub fn sleep(ticks: u64) {
    wait_until(ticks, || false);
}
