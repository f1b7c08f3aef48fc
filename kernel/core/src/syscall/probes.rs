//! System calls, for those who trace.

use parity_abi::trace::{SYSCALL_ENTRY, SYSCALL_EXIT};

use crate::trace::{Counter, provider};

#[unsafe(no_mangle)]
pub static SYSCALL_TOTAL: Counter = Counter::new(1, "SYSCALL_TOTAL", "system calls");

provider! {
    "SYSCALL_PROVIDER" = 0x03 "syscall", on: u64::MAX;
    ENTRY = SYSCALL_ENTRY, "SYSCALL_ENTRY" (Number) counted by SYSCALL_TOTAL, "a system call, by its number";
    EXIT = SYSCALL_EXIT, "SYSCALL_EXIT" (Result), "what it gives back";
}
