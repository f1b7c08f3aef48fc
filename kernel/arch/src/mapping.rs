//! The portable vocabulary of page tables.

use crate::PhysAddr;

/// Where page tables get their frames from.
///
/// # Safety
/// `alloc` must give page-aligned RAM inside the linear map, filled with zeroes, that nothing else uses
/// until it comes back through `free`.
pub unsafe trait FrameSource {
    /// A zeroed frame for the caller alone, `None` when memory is used up.
    fn alloc(&mut self) -> Option<PhysAddr>;
    /// Takes back a frame that `alloc` gave.
    fn free(&mut self, frame: PhysAddr);
}

/// What user code may do with a page. The kernel reaches a page's frame through the linear map, whatever
/// its permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Perm {
    /// Load data.
    pub read: bool,
    /// Store data; implies `read`, since no supported CPU can express otherwise.
    pub write: bool,
    /// Fetch instructions.
    pub execute: bool,
}

impl Perm {
    /// No access for user code (a reserved page that stays mapped).
    pub const NONE: Self = Self { read: false, write: false, execute: false };
    /// Read-only data.
    pub const READ: Self = Self { read: true, write: false, execute: false };
    /// Data.
    pub const READ_WRITE: Self = Self { read: true, write: true, execute: false };
    /// Code.
    pub const READ_EXECUTE: Self = Self { read: true, write: false, execute: true };
}

/// Why a page could not be mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapError {
    /// The frame source has no frame left for a table.
    OutOfFrames,
    /// The page is already mapped.
    AlreadyMapped,
    /// The page is not mapped.
    NotMapped,
    /// The address is not page-aligned or not in user space.
    BadAddress,
}
