//! Ticks of the timer, counted as they are taken: a machine whose host does not let it run counts none, so that
//! waiting for so many of them is fair.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::faults::{Fault, planted};
use crate::sync::{Wait, WaitQueue};
use crate::vitals;

static TICKS: AtomicU64 = AtomicU64::new(0);
static TICKED: WaitQueue = WaitQueue::new(Wait::Ticks);

/// The timer's tick; its number, as far as it fits.
pub fn count() -> u32 {
    let count = if planted(Fault::TimerTicksTwice) { 2 } else { 1 };
    let number = TICKS.fetch_add(count, Ordering::Relaxed) + count;
    vitals::ticked(number);
    TICKED.wake_all();
    number as u32
}

/// Ticks since boot.
pub fn now() -> u64 {
    TICKS.load(Ordering::Relaxed)
}

/// Sleeps until `ready`, looking at every tick, but for at most `ticks`; whether it came true. `ready` runs with
/// interrupts masked and must not sleep.
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
    // It may have been true before any wait began, which then did not end.
    vitals::wait_until(0);
    came_true
}

/// Sleeps for `ticks`.
pub fn sleep(ticks: u64) {
    wait_until(ticks, || false);
}
