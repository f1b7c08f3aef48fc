//! Kernel stacks.

use parity_abi::Errno;
use parity_arch::mem::phys_to_virt;
use parity_arch::{PhysAddr, VirtAddr};

use crate::mm::PAGE;
use crate::mm::frame::{self, Purpose};

/// Pages of a kernel stack: 32 KiB.
const PAGES: usize = 8;

/// What stands at the lower end of a stack as long as nobody has run over it.
const CANARY: [u64; 2] = [0x5ca1_ab1e_0ddb_a115, 0xdead_57ac_cafe_f00d];

/// A stack of whole frames. It lies in the linear map, where no page can be left out as a guard, so it ends in
/// a canary.
pub struct KernelStack {
    start: PhysAddr,
}

impl KernelStack {
    /// # Errors
    /// ENOMEM.
    pub fn new() -> Result<Self, Errno> {
        // A user's purpose: every fork asks for a stack, and the kernel's own reserve is not for forks.
        let stack = Self { start: frame::allocate(PAGES, Purpose::User).ok_or(Errno::ENOMEM)? };
        // SAFETY: the stack's frames are ours alone and nobody runs on them yet.
        unsafe { stack.canary().write(CANARY) };
        Ok(stack)
    }

    /// End (exclusive) of the stack: where it begins to grow downwards.
    pub fn top(&self) -> VirtAddr {
        VirtAddr(phys_to_virt(self.start).addr() as u64 + (PAGES * PAGE) as u64)
    }

    /// # Panics
    /// If the stack ran over its end: what lay below it is destroyed already.
    pub fn check(&self, name: &str) {
        // SAFETY: the canary lies inside the stack's own frames; a volatile read, as the compiler does not
        // know that a stack can run over.
        let canary = unsafe { self.canary().read_volatile() };
        assert!(canary == CANARY, "kernel stack overflow in thread {name}");
    }

    fn canary(&self) -> *mut [u64; 2] {
        phys_to_virt(self.start).cast()
    }
}

impl Drop for KernelStack {
    fn drop(&mut self) {
        frame::free(self.start, PAGES);
    }
}
