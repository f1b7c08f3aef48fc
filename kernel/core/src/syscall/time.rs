//! System calls for time.

use parity_abi::Errno;
use parity_abi::time::{CLOCK_MONOTONIC, CLOCK_REALTIME, Timespec};

use super::Result;
use crate::faults::{Fault, planted};
use crate::mm::user;
use crate::process::current;
use crate::time;

/// Milliseconds since boot.
pub fn get_time() -> Result {
    Ok(time::since_boot_ms())
}

pub fn clock_gettime(clock: u32, answer: u64) -> Result {
    let now = match clock {
        CLOCK_MONOTONIC => faulty(time::since_boot()),
        CLOCK_REALTIME if planted(Fault::RealtimeIsMonotonic) => time::since_boot(),
        CLOCK_REALTIME => time::since_epoch(),
        _ => return Err(Errno::EINVAL),
    };
    current().with_memory(|space| user::write_value(space, answer, &now))?;
    Ok(0)
}

/// The time, modified by planted faults.
fn faulty(now: Timespec) -> Timespec {
    let nanoseconds = match now.nanoseconds {
        // Time runs backwards within every millisecond.
        nanoseconds if planted(Fault::ClockGoesBack) => {
            nanoseconds - 2 * (nanoseconds % 1_000_000) + 1_000_000
        }
        nanoseconds if planted(Fault::ClockCoarse) => nanoseconds - nanoseconds % 10_000_000,
        nanoseconds => nanoseconds,
    };
    Timespec { nanoseconds, ..now }
}
