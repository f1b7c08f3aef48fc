//! Kernel stacks: whole frames, mapped in a region of their own so that nothing is mapped below them.

use alloc::vec::Vec;

use parity_abi::Errno;
use parity_arch::kernel_pages::{self, REGION};
use parity_arch::{PhysAddr, VirtAddr};

use crate::faults::{Fault, planted};
use crate::mm::PAGE;
use crate::mm::frame::{self, Purpose, TableFrames};
use crate::sync::SpinLock;
use crate::vitals::Stack;

/// Size in bytes of a kernel stack, and of the guard below it: a function's frame would have to be larger to
/// reach the next stack.
pub const STACK_BYTES: u64 = 32 * 1024;
const PAGES: u64 = STACK_BYTES / PAGE as u64;
/// A guard and the stack above it.
const SLOT_BYTES: u64 = 2 * STACK_BYTES;
const SLOTS_MAX: usize = ((REGION.end.0 - REGION.start.0) / SLOT_BYTES) as usize;

/// Which slots of the region have a stack. Its lock keeps calls that change the region's tables apart.
static SLOTS: SpinLock<Slots> = SpinLock::new(Slots { free: Vec::new(), used: 0 });

struct Slots {
    /// Slots that had a stack; there is always room for all of them.
    free: Vec<usize>,
    /// Slots below this number have, or had, a stack.
    used: usize,
}

impl Slots {
    fn take(&mut self) -> Result<usize, Errno> {
        if let Some(slot) = self.free.pop() {
            return Ok(slot);
        }
        if self.used == SLOTS_MAX {
            return Err(Errno::ENOMEM);
        }
        // Giving a slot back must not need memory.
        self.free.try_reserve(self.used + 1).map_err(|_| Errno::ENOMEM)?;
        self.used += 1;
        Ok(self.used - 1)
    }
}

/// A stack and the guard below it.
pub struct KernelStack {
    slot: usize,
    frames: PhysAddr,
}

impl KernelStack {
    /// # Errors
    /// ENOMEM.
    pub fn new() -> Result<Self, Errno> {
        // A user's purpose: every fork asks for a stack, and the kernel's own reserve is not for forks.
        let frames = frame::allocate(PAGES as usize, Purpose::User).ok_or(Errno::ENOMEM)?;
        Self::place(frames).inspect_err(|_| frame::free(frames, PAGES as usize))
    }

    fn place(frames: PhysAddr) -> Result<Self, Errno> {
        let mut slots = SLOTS.lock();
        let slot = slots.take()?;
        // SAFETY: the lock is held.
        match unsafe { kernel_pages::map(bottom_of(slot), frames, PAGES, &mut TableFrames) } {
            Ok(()) => {
                change_by_fault(slot, frames);
                Ok(Self { slot, frames })
            }
            Err(_) => {
                slots.free.push(slot);
                Err(Errno::ENOMEM)
            }
        }
    }

    /// End (exclusive) of the stack: where it begins to grow downwards.
    pub fn top(&self) -> VirtAddr {
        bottom_of(self.slot) + STACK_BYTES
    }

    /// Where it is, for whoever reads it from outside.
    pub fn whereabouts(&self) -> Stack {
        Stack { start: bottom_of(self.slot), end: self.top(), physical: self.frames }
    }
}

/// What planted faults do to a new stack. The lock is held.
fn change_by_fault(slot: usize, frames: PhysAddr) {
    let bottom = bottom_of(slot);
    if planted(Fault::GuardMapped) {
        // SAFETY: nobody uses that page. It stays when the stack goes, and is there already for the next one.
        let _ = unsafe { kernel_pages::map(bottom - PAGE as u64, frames, 1, &mut TableFrames) };
    }
    if planted(Fault::StackShort) {
        // SAFETY: nobody runs on the stack yet.
        unsafe { kernel_pages::unmap(bottom, PAGES / 2) };
    }
}

/// The lowest address of a slot's stack. Nothing is mapped below it for as many bytes as the stack has.
fn bottom_of(slot: usize) -> VirtAddr {
    REGION.start + slot as u64 * SLOT_BYTES + (SLOT_BYTES - STACK_BYTES)
}

impl Drop for KernelStack {
    fn drop(&mut self) {
        if planted(Fault::StackLeaks) {
            return;
        }
        {
            let mut slots = SLOTS.lock();
            // SAFETY: the lock is held, and the stack is nobody's any more.
            unsafe { kernel_pages::unmap(bottom_of(self.slot), PAGES) };
            slots.free.push(self.slot);
        }
        frame::free(self.frames, PAGES as usize);
    }
}
