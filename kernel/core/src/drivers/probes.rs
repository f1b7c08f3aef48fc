//! Tracing probes of block devices.

use parity_abi::trace::{BLOCK_END, BLOCK_START};

use crate::trace::provider;

provider! {
    "BLOCK_PROVIDER" = 0x07 "block", on: u64::MAX;
    START = BLOCK_START, "BLOCK_START" (Number), "a disk request begins, with its first sector";
    END = BLOCK_END, "BLOCK_END" (Number), "the disk request is done";
}
