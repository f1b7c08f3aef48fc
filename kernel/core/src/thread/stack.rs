//! Kernel stacks: whole frames, mapped in a separate region with unmapped guards below.

use alloc::vec::Vec;

use parity_abi::Errno;
use parity_arch::kernel_pages::{self, REGION};
use parity_arch::{PhysAddr, VirtAddr};

use crate::faults::{Fault, planted};
use crate::mm::PAGE;
use crate::mm::frame::{self, Purpose, TableFrames};
use crate::sync::SpinLock;
use crate::vitals::Stack;

/// Size in bytes of a kernel stack and of the guard below it: only a larger stack frame could skip the guard.
pub const STACK_BYTES: u64 = 32 * 1024;
const PAGES: u64 = STACK_BYTES / PAGE as u64;
/// Size of a guard and the stack above it.
const SLOT_BYTES: u64 = 2 * STACK_BYTES;
const SLOTS_MAX: usize = ((REGION.end.0 - REGION.start.0) / SLOT_BYTES) as usize;

/// Used slots of the region. The lock also serialises changes of the region's page tables.
static SLOTS: SpinLock<Slots> = SpinLock::new(Slots { free: Vec::new(), used: 0 });

struct Slots {
    /// Free slots that had a stack; the capacity always suffices for all slots.
    free: Vec<usize>,
    /// Slots below this number have or had a stack.
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
        // Freeing a slot must not need memory.
        self.free.try_reserve(self.used + 1).map_err(|_| Errno::ENOMEM)?;
        self.used += 1;
        Ok(self.used - 1)
    }
}

/// A stack with its guard below.
pub struct KernelStack {
    slot: usize,
    frames: PhysAddr,
}

impl KernelStack {
    /// # Errors
    /// ENOMEM.
    pub fn new() -> Result<Self, Errno> {
        // As a user allocation: every fork needs a stack, and the kernel's reserve is not for forks.
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

    /// End (exclusive) of the stack, from which it grows downwards.
    pub fn top(&self) -> VirtAddr {
        bottom_of(self.slot) + STACK_BYTES
    }

    /// Location of the stack, for vitals.
    pub fn location(&self) -> Stack {
        Stack { start: bottom_of(self.slot), end: self.top(), physical: self.frames }
    }
}

/// Applies planted faults to a new stack. The lock is held.
fn change_by_fault(slot: usize, frames: PhysAddr) {
    let bottom = bottom_of(slot);
    if planted(Fault::GuardMapped) {
        // SAFETY: the page is unused. It stays mapped after the stack is freed, for the slot's next stack.
        let _ = unsafe { kernel_pages::map(bottom - PAGE as u64, frames, 1, &mut TableFrames) };
    }
    if planted(Fault::StackShort) {
        // SAFETY: no thread runs on the stack yet.
        unsafe { kernel_pages::unmap(bottom, PAGES / 2) };
    }
}

/// Lowest address of a slot's stack. Below it is an unmapped guard of the same size.
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
            // SAFETY: the lock is held, and no thread uses the stack any more.
            unsafe { kernel_pages::unmap(bottom_of(self.slot), PAGES) };
            slots.free.push(self.slot);
        }
        frame::free(self.frames, PAGES as usize);
    }
}
