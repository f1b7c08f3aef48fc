//! Tracing probes of processes.

use parity_abi::trace::{PROCESS_END, PROCESS_EXEC, PROCESS_START};

use crate::trace::provider;

provider! {
    "PROCESS_PROVIDER" = 0x06 "process", on: u64::MAX;
    START = PROCESS_START, "PROCESS_START" (Number), "a process begins, by its number";
    EXEC = PROCESS_EXEC, "PROCESS_EXEC" (Number), "the process executes another program";
    END = PROCESS_END, "PROCESS_END" (Number), "the process ends";
}
