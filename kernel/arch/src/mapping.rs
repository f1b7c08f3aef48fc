//! Portable types of page tables.

use crate::PhysAddr;

/// Allocator of page table frames.
///
/// # Safety
/// `alloc` must return page-aligned RAM inside the linear map, filled with zeros, that no other code uses
/// until `free` returns it.
pub unsafe trait FrameSource {
    /// A zeroed frame for the caller's exclusive use, `None` when memory is used up.
    fn alloc(&mut self) -> Option<PhysAddr>;
    /// Frees a frame that `alloc` returned.
    fn free(&mut self, frame: PhysAddr);
}

/// Permissions of user code on a page. The kernel accesses the frame through the linear map, regardless of
/// them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Perm {
    /// Load data.
    pub read: bool,
    /// Store data; implies `read`, because no supported CPU has write-only pages.
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

/// Error of a page table operation.
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
