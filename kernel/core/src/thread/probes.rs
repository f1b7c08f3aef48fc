//! Tracing probes of the scheduler.

use parity_abi::trace::{CTX_SWITCH_ENTRY, CTX_SWITCH_EXIT, SCHED_PICK};

use crate::trace::{Counter, provider};

#[unsafe(no_mangle)]
pub static CTX_SWITCH_TOTAL: Counter = Counter::new(3, "CTX_SWITCH_TOTAL", "context switches");

provider! {
    "SCHED_PROVIDER" = 0x00 "sched", on: u64::MAX;
    SWITCH_ENTRY = CTX_SWITCH_ENTRY, "CTX_SWITCH_ENTRY" (Thread) counted by CTX_SWITCH_TOTAL, "context switch, old thread";
    SWITCH_EXIT = CTX_SWITCH_EXIT, "CTX_SWITCH_EXIT" (Thread), "context switch, new thread";
    PICK = SCHED_PICK, "SCHED_PICK" (Thread), "the thread chosen to run next";
}
