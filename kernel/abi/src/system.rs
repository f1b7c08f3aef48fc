//! Structures of calls that only this kernel has.

use crate::plain::plain;

/// Result of `cow_stats`: counts since boot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct CowStats {
    pub total_faults: u64,
    pub manager_path: u64,
    pub direct_path: u64,
    pub pages_copied: u64,
    pub sole_owner_hits: u64,
}

/// Result of `fbinfo`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct FbInfo {
    /// Width in pixels.
    pub width: u64,
    /// Height in pixels.
    pub height: u64,
    /// Distance in bytes from the start of one line to the next.
    pub stride: u64,
    pub bytes_per_pixel: u64,
    pub format: u64,
}

plain! {
    CowStats { u64, u64, u64, u64, u64 } = 40;
    FbInfo { u64, u64, u64, u64, u64 } = 40;
}
