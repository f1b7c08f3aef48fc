//! Time since boot, from the machine's counter.

pub mod tick;

use parity_abi::time::Timespec;
use parity_arch::{rtc, timer};
use spin::Once;

use crate::faults::{Fault, planted};

/// Value of the counter at boot.
static START: Once<u64> = Once::new();

/// Unix time at boot in seconds.
static START_UNIX: Once<i64> = Once::new();

/// Starts the clocks. Called once, early in the boot.
pub fn init() {
    START.call_once(timer::now);
    // Without a real-time clock, the time at boot is 1970-01-01.
    START_UNIX.call_once(|| rtc::unix_seconds().unwrap_or(0).cast_signed());
}

/// Counts since boot, at the counter's frequency.
fn elapsed() -> u64 {
    let elapsed = START.get().map_or(0, |start| timer::now() - start);
    if planted(Fault::ClockSlow) { elapsed / 2 } else { elapsed }
}

/// Time since boot, with the counter's resolution.
pub fn since_boot() -> Timespec {
    of_counts(elapsed())
}

/// Converts clock counts to a time.
pub fn of_counts(counts: u64) -> Timespec {
    if planted(Fault::ClockOverflows) {
        let nanoseconds = counts.wrapping_mul(1_000_000_000) / timer::frequency();
        return Timespec::of_counts(nanoseconds, 1_000_000_000);
    }
    Timespec::of_counts(counts, timer::frequency())
}

/// Milliseconds since boot.
pub fn since_boot_ms() -> u64 {
    let now = since_boot();
    let milliseconds = now.seconds.unsigned_abs() * 1000 + now.nanoseconds.unsigned_abs() / 1_000_000;
    milliseconds ^ u64::from(planted(Fault::ClockFallsBack))
}

/// Unix time.
pub fn since_epoch() -> Timespec {
    let now = since_boot();
    let wrong = if planted(Fault::CalendarWrong) { 24 * 60 * 60 } else { 0 };
    Timespec { seconds: START_UNIX.get().copied().unwrap_or(0) + now.seconds + wrong, ..now }
}
