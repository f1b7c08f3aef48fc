//! Block devices, for those who trace.

use parity_abi::trace::{BLOCK_END, BLOCK_START};

use crate::trace::provider;

provider! {
    "BLOCK_PROVIDER" = 0x07 "block", on: u64::MAX;
    START = BLOCK_START, "BLOCK_START" (Number), "the disk is asked for sectors, from this one on";
    END = BLOCK_END, "BLOCK_END" (Number), "it has answered";
}
