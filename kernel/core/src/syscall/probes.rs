//! Tracing probes of system calls.

use parity_abi::syscall::ALL;
use parity_abi::trace::{SYSCALL_ENTRY, SYSCALL_EXIT};
use parity_trace::Text;

use crate::trace::{Counter, provider};

#[unsafe(no_mangle)]
pub static SYSCALL_TOTAL: Counter = Counter::new(1, "SYSCALL_TOTAL", "system calls");

provider! {
    "SYSCALL_PROVIDER" = 0x03 "syscall", on: u64::MAX;
    ENTRY = SYSCALL_ENTRY, "SYSCALL_ENTRY" (Number) counted by SYSCALL_TOTAL, "a system call, by its number";
    EXIT = SYSCALL_EXIT, "SYSCALL_EXIT" (Result), "the system call's result";
}

/// Number and name of a call, for readers outside the kernel.
#[repr(C)]
pub struct Named {
    number: u64,
    name: Text,
}

#[used]
#[unsafe(no_mangle)]
static TRACE_SYSCALL_NAMES: [Named; ALL.len()] = {
    let mut names = [const { Named { number: 0, name: Text::new("") } }; ALL.len()];
    let mut index = 0;
    while index < ALL.len() {
        names[index] = Named { number: ALL[index].0, name: Text::new(ALL[index].1) };
        index += 1;
    }
    names
};
