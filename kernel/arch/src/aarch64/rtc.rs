//! Real-time clock, a PL031.

use core::sync::atomic::{AtomicU64, Ordering};

use parity_inventory::inventory;

use super::mem::phys_to_virt;
use crate::PhysAddr;

inventory!("driver", "calendar: PL031");

const NONE: u64 = 0;

/// Physical address of the clock's registers, `NONE` without a clock.
static BASE: AtomicU64 = AtomicU64::new(NONE);

/// Sets the clock's address.
pub(super) fn configure(base: Option<PhysAddr>) {
    BASE.store(base.map_or(NONE, PhysAddr::as_u64), Ordering::Relaxed);
}

/// Seconds since 1970-01-01 UTC, `None` without a real-time clock.
pub fn unix_seconds() -> Option<u64> {
    match BASE.load(Ordering::Relaxed) {
        NONE => None,
        base => {
            let data = phys_to_virt(PhysAddr(base)).cast::<u32>();
            // SAFETY: the device tree gave the address of the registers, which are mapped as device memory;
            // the first register is the time, and reading it has no side effect.
            Some(unsafe { data.read_volatile() }.into())
        }
    }
}
