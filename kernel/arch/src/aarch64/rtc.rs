//! The calendar clock, a PL031.

use core::sync::atomic::{AtomicU64, Ordering};

use parity_inventory::inventory;

use super::mem::phys_to_virt;
use crate::PhysAddr;

inventory!("driver", "calendar: PL031");

const NONE: u64 = 0;

/// Physical address of the clock's registers, `NONE` if the machine has no clock.
static BASE: AtomicU64 = AtomicU64::new(NONE);

/// Says where the clock is.
pub(super) fn configure(base: Option<PhysAddr>) {
    BASE.store(base.map_or(NONE, PhysAddr::as_u64), Ordering::Relaxed);
}

/// Seconds since 1970-01-01 UTC, `None` if the machine has no calendar clock.
pub fn unix_seconds() -> Option<u64> {
    match BASE.load(Ordering::Relaxed) {
        NONE => None,
        base => {
            let data = phys_to_virt(PhysAddr(base)).cast::<u32>();
            // SAFETY: the device tree named the registers, which are mapped as device memory; the first one
            // is the time, and reading it changes nothing.
            Some(unsafe { data.read_volatile() }.into())
        }
    }
}
