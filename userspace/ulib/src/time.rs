//! Clocks.

use crate::abi::Plain;
use crate::abi::syscall as number;
use crate::abi::time::{NSEC_PER_SEC, Timespec};
use crate::{Result, call};

/// Reads a clock; `CLOCK_*`.
///
/// # Errors
/// As the kernel says.
pub fn clock(clock: u32) -> Result<Timespec> {
    let mut time = Timespec::zeroed();
    // SAFETY: the kernel writes the structure and nothing else.
    unsafe { call(number::CLOCK_GETTIME, [clock.into(), (&raw mut time).expose_provenance() as u64]) }?;
    Ok(time)
}

/// A time in nanoseconds.
#[must_use]
pub const fn nanoseconds(time: Timespec) -> i64 {
    time.seconds * NSEC_PER_SEC + time.nanoseconds
}

/// Milliseconds since boot.
#[must_use]
pub fn milliseconds() -> u64 {
    // SAFETY: no memory is involved.
    unsafe { call(number::GET_TIME, []) }.expect("get_time does not fail")
}
