//! Tracing probes of locks.

use parity_abi::trace::{LOCK_ACQUIRE, LOCK_CONTEND, LOCK_RELEASE};

use crate::trace::provider;

provider! {
    // Lock events are so frequent that they would overwrite all others: only contention is enabled by
    // default.
    "LOCK_PROVIDER" = 0x05 "lock", on: 1 << Bit::CONTEND as u8;
    ACQUIRE = LOCK_ACQUIRE, "LOCK_ACQUIRE" (Address), "a lock is acquired";
    RELEASE = LOCK_RELEASE, "LOCK_RELEASE" (Address), "a lock is released";
    CONTEND = LOCK_CONTEND, "LOCK_CONTEND" (Address), "a thread must wait for a lock";
}

/// A lock's address as event payload.
pub fn address<T: ?Sized>(lock: &T) -> u32 {
    core::ptr::from_ref(lock).addr() as u32
}
