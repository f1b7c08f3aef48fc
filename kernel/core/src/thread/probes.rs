//! The scheduler, for those who trace.

use parity_abi::trace::{CTX_SWITCH_ENTRY, CTX_SWITCH_EXIT, SCHED_PICK};

use crate::trace::{Counter, provider};

#[unsafe(no_mangle)]
pub static CTX_SWITCH_TOTAL: Counter =
    Counter::new(3, "CTX_SWITCH_TOTAL", "switches from one thread to another");

provider! {
    "SCHED_PROVIDER" = 0x00 "sched", on: u64::MAX;
    SWITCH_ENTRY = CTX_SWITCH_ENTRY, "CTX_SWITCH_ENTRY" (Threads) counted by CTX_SWITCH_TOTAL, "a thread leaves, another comes";
    SWITCH_EXIT = CTX_SWITCH_EXIT, "CTX_SWITCH_EXIT" (Threads), "the other runs";
    PICK = SCHED_PICK, "SCHED_PICK" (Number), "the thread chosen to run next";
}
