//! The kernel's heap: crate `talc` over memory taken from the frame allocator as needed.

use core::alloc::{GlobalAlloc, Layout};

use parity_abi::Errno;
use parity_arch::mem::phys_to_virt;
use talc::base::Talc;
use talc::base::binning::{Binning, DefaultBinning};
use talc::source::Source;

use super::PAGE;
use super::frame::{self, Purpose};
use crate::faults::{Fault, planted};
use crate::sync::SpinLock;

/// The heap grows by at least this many bytes.
const GROWTH: usize = 1024 * 1024;

#[global_allocator]
static HEAP: Heap = Heap(SpinLock::new(Talc::new(Frames)));

struct Heap(SpinLock<Talc<Frames, DefaultBinning>>);

// SAFETY: talc upholds the contract of an allocator, and the lock keeps its callers apart.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let ignored = planted(Fault::HeapIgnoresAlignment) && layout.align() > 256;
        let layout =
            if ignored { Layout::from_size_align(layout.size(), 8).unwrap_or(layout) } else { layout };
        // SAFETY: the caller promises a layout of nonzero size.
        unsafe { self.0.lock().allocate(layout) }.map_or(core::ptr::null_mut(), |block| block.as_ptr())
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if planted(Fault::HeapLeaks) {
            return;
        }
        // SAFETY: the caller promises a block of this allocator with its layout.
        unsafe { self.0.lock().deallocate(block, layout) }
    }
}

/// To be asked before the kernel keeps memory on behalf of a user: refused in time, while the kernel's own
/// allocations, which cannot be refused, still find the frames that users cannot have.
///
/// # Errors
/// ENOMEM.
pub fn admit_user() -> Result<(), Errno> {
    if frame::available(Purpose::User) > 0 { Ok(()) } else { Err(Errno::ENOMEM) }
}

/// Gives the heap more frames. They are never given back.
#[derive(Debug)]
struct Frames;

// SAFETY: `acquire` claims frames that nobody else has, and allocates nothing from the heap itself.
unsafe impl Source for Frames {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        // Room for the block wherever its alignment puts it, and for talc's own bookkeeping.
        let bytes = (layout.size() + layout.align() + PAGE).max(GROWTH).next_multiple_of(PAGE);
        let start = frame::allocate(bytes / PAGE, Purpose::Kernel).ok_or(())?;
        // SAFETY: these frames were allocated just now, lie in a row, and are never freed.
        unsafe { talc.claim(phys_to_virt(start), bytes) }.map(|_| ()).ok_or(())
    }
}
