//! Processes, for those who trace.

use parity_abi::trace::{PROCESS_END, PROCESS_EXEC, PROCESS_START};

use crate::trace::provider;

provider! {
    "PROCESS_PROVIDER" = 0x06 "process", on: u64::MAX;
    START = PROCESS_START, "PROCESS_START" (Number), "a process, by its number, begins";
    EXEC = PROCESS_EXEC, "PROCESS_EXEC" (Number), "it runs another program";
    END = PROCESS_END, "PROCESS_END" (Number), "it ends";
}
