//! A page for the kernel's own use, freed on drop.

use core::ops::{Deref, DerefMut};

use parity_abi::Errno;
use parity_arch::PhysAddr;
use parity_arch::mem::phys_to_virt;

use super::PAGE;
use super::frame::{self, Purpose};

/// A frame as bytes, for short-lived content, which would fragment the heap.
pub struct Page(PhysAddr);

impl Page {
    /// Allocates a zeroed page; fails as early as user memory.
    ///
    /// # Errors
    /// ENOMEM.
    pub fn new() -> Result<Self, Errno> {
        frame::allocate_zeroed(Purpose::User).map(Self).ok_or(Errno::ENOMEM)
    }
}

impl Deref for Page {
    type Target = [u8; PAGE];

    fn deref(&self) -> &[u8; PAGE] {
        // SAFETY: a whole initialised frame in the linear map, owned by this value until `drop`.
        unsafe { &*phys_to_virt(self.0).cast() }
    }
}

impl DerefMut for Page {
    fn deref_mut(&mut self) -> &mut [u8; PAGE] {
        // SAFETY: as above, and `&mut self` makes the borrow exclusive.
        unsafe { &mut *phys_to_virt(self.0).cast() }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        frame::free(self.0, 1);
    }
}
