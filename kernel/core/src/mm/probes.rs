//! Tracing probes of memory management.

use crate::trace::provider;

provider! {
    "MM_PROVIDER" = 0x04 "mm", on: u64::MAX;
    PAGE_FAULT = parity_abi::trace::PAGE_FAULT, "PAGE_FAULT" (Address), "a page is not mapped, or the access not permitted";
}
