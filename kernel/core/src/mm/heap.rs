//! The kernel heap: crate `talc` on frames that it allocates on demand.

use core::alloc::{GlobalAlloc, Layout};

use parity_arch::PhysAddr;
use parity_arch::mem::phys_to_virt;
use talc::base::Talc;
use talc::base::binning::{Binning, DefaultBinning};
use talc::source::Source;

use super::PAGE;
use super::frame::{self, Purpose};
use crate::faults::{Fault, planted};
use crate::sync::SpinLock;

/// Allocations up to this size in bytes never fail (`mm::admission`). Larger ones fail as early as user
/// memory: `try_reserve` returns an error, any other allocation panics.
pub const SMALL: usize = 2048;

/// Growth steps in contiguous frames, tried in order; if both fail, the heap grows by the minimum for the
/// block.
const GROWTHS: [usize; 2] = [256, 16];

/// Overhead in bytes of talc per claimed region and per block.
const OVERHEAD: usize = 128;

#[global_allocator]
static HEAP: Heap = Heap(SpinLock::new(Talc::new(Frames)));

struct Heap(SpinLock<Talc<Frames, DefaultBinning>>);

// SAFETY: talc implements the contract of an allocator, and the lock serialises its callers.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let ignored = planted(Fault::HeapIgnoresAlignment) && layout.align() > 256;
        let layout =
            if ignored { Layout::from_size_align(layout.size(), 8).unwrap_or(layout) } else { layout };
        // Also if the heap has room: that memory is for small blocks.
        if layout.size() > SMALL && !frame::make_available(1, Purpose::User) {
            return core::ptr::null_mut();
        }
        // SAFETY: the caller guarantees a layout of nonzero size.
        unsafe { self.0.lock().allocate(layout) }.map_or(core::ptr::null_mut(), |block| block.as_ptr())
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if planted(Fault::HeapLeaks) {
            return;
        }
        // SAFETY: the caller guarantees a block of this allocator with its layout.
        unsafe { self.0.lock().deallocate(block, layout) }
    }
}

/// Provides the heap with more frames, which are never returned.
#[derive(Debug)]
struct Frames;

// SAFETY: `acquire` claims newly allocated frames, and allocates nothing from the heap itself.
unsafe impl Source for Frames {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        let least = (layout.size() + layout.align() + OVERHEAD).div_ceil(PAGE);
        let (start, count) = grow(layout.size(), least).ok_or(())?;
        // SAFETY: the frames were just allocated, are contiguous, and are never freed.
        unsafe { talc.claim(phys_to_virt(start), count * PAGE) }.map(|_| ()).ok_or(())
    }
}

/// Allocates at least `least` contiguous frames for a block of this size; returns their address and number.
fn grow(bytes: usize, least: usize) -> Option<(PhysAddr, usize)> {
    let coarsely = planted(Fault::HeapGrowsCoarsely);
    let spare = GROWTHS
        .into_iter()
        .filter(|count| *count > least && !(coarsely && *count < GROWTHS[0]))
        .find_map(|count| Some((frame::try_allocate(count, Purpose::User)?, count)));
    if coarsely {
        return spare;
    }
    // The kernel's reserve is only for small blocks, and only for a few frames at a time.
    let purpose = if bytes > SMALL { Purpose::User } else { Purpose::Kernel };
    spare.or_else(|| Some((frame::allocate(least, purpose)?, least)))
}
