//! The kernel's heap: crate `talc` over memory taken from the frame allocator as needed.

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

/// Blocks up to this size are never refused (`mm::admission`), so that code need not be prepared for it. Larger ones
/// are refused as early as users' memory: `try_reserve` tells so, and all else panics.
pub const SMALL: usize = 2048;

/// The heap grows by the first of these numbers of frames that lie in a row, and if none do, by as few as it can.
const GROWTHS: [usize; 2] = [256, 16];

/// Bytes that talc takes of what it is given, and of each block.
const OVERHEAD: usize = 128;

#[global_allocator]
static HEAP: Heap = Heap(SpinLock::new(Talc::new(Frames)));

struct Heap(SpinLock<Talc<Frames, DefaultBinning>>);

// SAFETY: talc upholds the contract of an allocator, and the lock keeps its callers apart.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let ignored = planted(Fault::HeapIgnoresAlignment) && layout.align() > 256;
        let layout =
            if ignored { Layout::from_size_align(layout.size(), 8).unwrap_or(layout) } else { layout };
        // Also if the heap has room: what it got for small blocks is for them.
        if layout.size() > SMALL && !frame::make_available(1, Purpose::User) {
            return core::ptr::null_mut();
        }
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

/// Gives the heap more frames. They are never given back.
#[derive(Debug)]
struct Frames;

// SAFETY: `acquire` claims frames that nobody else has, and allocates nothing from the heap itself.
unsafe impl Source for Frames {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        let least = (layout.size() + layout.align() + OVERHEAD).div_ceil(PAGE);
        let (start, count) = grow(layout.size(), least).ok_or(())?;
        // SAFETY: these frames were allocated just now, lie in a row, and are never freed.
        unsafe { talc.claim(phys_to_virt(start), count * PAGE) }.map(|_| ()).ok_or(())
    }
}

/// At least so many frames in a row for a block of this size; where, and how many.
fn grow(bytes: usize, least: usize) -> Option<(PhysAddr, usize)> {
    let coarsely = planted(Fault::HeapGrowsCoarsely);
    let spare = GROWTHS
        .into_iter()
        .filter(|count| *count > least && !(coarsely && *count < GROWTHS[0]))
        .find_map(|count| Some((frame::allocate_spare(count, Purpose::User)?, count)));
    if coarsely {
        return spare;
    }
    // The kernel's reserve is for nothing but small blocks, and so few frames at a time.
    let purpose = if bytes > SMALL { Purpose::User } else { Purpose::Kernel };
    spare.or_else(|| Some((frame::allocate(least, purpose)?, least)))
}
