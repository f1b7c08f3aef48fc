//! Locks, for those who trace.

use parity_abi::trace::{LOCK_ACQUIRE, LOCK_CONTEND, LOCK_RELEASE};

use crate::trace::provider;

provider! {
    // Locks are taken so often that their events would leave room for no others: only waiting is on by itself.
    "LOCK_PROVIDER" = 0x05 "lock", on: 1 << Bit::CONTEND as u8;
    ACQUIRE = LOCK_ACQUIRE, "LOCK_ACQUIRE" (Address), "a lock is taken";
    RELEASE = LOCK_RELEASE, "LOCK_RELEASE" (Address), "it is given back";
    CONTEND = LOCK_CONTEND, "LOCK_CONTEND" (Address), "somebody has to wait for it";
}

/// A lock as its events tell it.
pub fn address<T: ?Sized>(lock: &T) -> u32 {
    core::ptr::from_ref(lock).addr() as u32
}
