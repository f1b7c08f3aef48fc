//! Physical memory: an allocator of page frames.

use core::ops::Range;

use parity_arch::mem::phys_to_virt;
use parity_arch::{BootInfo, FrameSource, PhysAddr};

use super::{PAGE, probes, shrinker};
use crate::faults::{Fault, planted};
use crate::sync::SpinLock;
use crate::trace;

/// Frames that are unavailable to users, so that the kernel's heap and stacks can still grow while a program
/// gets ENOMEM: 4 MiB.
const KERNEL_RESERVE: usize = 1024;

const FREE: u16 = 0;
const TAKEN: u16 = 1;

/// Purpose of an allocation: user allocations fail earlier.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Kernel,
    User,
}

/// State of every frame from `first` on.
struct FrameTable {
    /// Physical address of frame 0 of the table.
    first: u64,
    /// `FREE` or `TAKEN`; 16 bits each, because a shared frame will need a count.
    states: &'static mut [u16],
    free: usize,
    /// Free frames that are unavailable to users in addition to the reserve (`mm::admission`).
    reserved: usize,
    /// Start of the next search.
    cursor: usize,
}

static FRAMES: SpinLock<FrameTable> =
    SpinLock::new(FrameTable { first: 0, states: &mut [], free: 0, reserved: 0, cursor: 0 });

/// Number of managed frames and of free frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    pub total: usize,
    pub free: usize,
}

/// Takes over the unused memory. Called once, before any allocation.
pub fn init(boot: &BootInfo) {
    trace::register(&probes::PROVIDER, &[]);
    let first = boot.free_memory.start.0;
    let count = (boot.free_memory.end - boot.free_memory.start) as usize / PAGE;
    let table_bytes = count * size_of::<u16>();
    // SAFETY: free memory has no user yet, the linear map covers it, and 0 is a valid u16; the table's own
    // frames are marked as taken below.
    let states = unsafe {
        let table = phys_to_virt(PhysAddr(first)).cast::<u16>();
        table.write_bytes(0, count);
        core::slice::from_raw_parts_mut(table, count)
    };
    let own = table_bytes.div_ceil(PAGE);
    states[..own].fill(TAKEN);
    *FRAMES.lock() = FrameTable { first, free: count - own, reserved: 0, states, cursor: own };
}

pub fn counts() -> Counts {
    let table = FRAMES.lock();
    Counts { total: table.states.len() + usize::from(planted(Fault::FramesMiscounted)), free: table.free }
}

/// Frames that can be allocated for this purpose now; reclaim can add more ([`make_available`]).
pub fn available(purpose: Purpose) -> usize {
    FRAMES.lock().available(purpose)
}

/// Whether `count` frames can be allocated for this purpose, after reclaim if necessary.
pub fn make_available(count: usize, purpose: Purpose) -> bool {
    // Do not reclaim for an impossible request.
    count <= counts().total && shrinker::retry(|| (available(purpose) >= count).then_some(())).is_some()
}

/// Reserves `count` frames if users can do without them; returns whether it did.
pub(super) fn reserve(count: usize) -> bool {
    let mut attempt = || {
        let mut table = FRAMES.lock();
        let possible = table.available(Purpose::User) >= count;
        table.reserved += if possible { count } else { 0 };
        possible.then_some(())
    };
    shrinker::retry(&mut attempt).is_some()
}

/// Releases frames that [`reserve`] reserved.
pub(super) fn release_reservation(count: usize) {
    FRAMES.lock().reserved -= count;
}

/// Allocates `count` contiguous frames with undefined content, after reclaim if necessary; `None` if memory
/// is short.
pub fn allocate(count: usize, purpose: Purpose) -> Option<PhysAddr> {
    shrinker::retry(|| try_allocate(count, purpose))
}

/// As [`allocate`], but without reclaim.
pub fn try_allocate(count: usize, purpose: Purpose) -> Option<PhysAddr> {
    FRAMES.lock().allocate(count, purpose)
}

/// Allocates one frame, filled with zeros.
pub fn allocate_zeroed(purpose: Purpose) -> Option<PhysAddr> {
    allocate_filled(purpose, u8::from(planted(Fault::FrameNotZeroed)))
}

fn allocate_filled(purpose: Purpose, value: u8) -> Option<PhysAddr> {
    let frame = allocate(1, purpose)?;
    // SAFETY: the frame is not shared and the linear map covers it.
    unsafe { phys_to_virt(frame).write_bytes(value, PAGE) };
    Some(frame)
}

/// Frees `count` frames from `start`.
///
/// # Panics
/// If one of them is already free, or is not managed here.
pub fn free(start: PhysAddr, count: usize) {
    FRAMES.lock().free(start, count);
}

impl FrameTable {
    fn withheld(&self, purpose: Purpose) -> usize {
        match purpose {
            Purpose::Kernel => 0,
            Purpose::User if planted(Fault::NoKernelReserve) => 0,
            Purpose::User => KERNEL_RESERVE + self.reserved,
        }
    }

    fn available(&self, purpose: Purpose) -> usize {
        self.free.saturating_sub(self.withheld(purpose))
    }

    fn allocate(&mut self, count: usize, purpose: Purpose) -> Option<PhysAddr> {
        if self.available(purpose) < count {
            return None;
        }
        let run = self
            .find(self.cursor..self.states.len(), count)
            .or_else(|| self.find(0..self.states.len(), count))?;
        self.states[run..run + count].fill(TAKEN);
        self.free -= count;
        self.cursor = run + count;
        if planted(Fault::FrameGivenTwice) && count == 1 && run % 50 == 0 {
            (self.cursor, self.states[run]) = (run, FREE);
        }
        if planted(Fault::RowOverlaps) && count > 1 {
            self.states[run + count - 1] = FREE;
        }
        Some(PhysAddr(self.first + (run * PAGE) as u64))
    }

    /// Index of the first run of `count` free frames in `range`.
    fn find(&self, range: Range<usize>, count: usize) -> Option<usize> {
        let mut start = range.start;
        for index in range {
            if self.states[index] != FREE {
                start = index + 1;
            } else if index + 1 - start == count {
                return Some(start);
            }
        }
        None
    }

    #[track_caller]
    fn free(&mut self, start: PhysAddr, count: usize) {
        let index = start.0.checked_sub(self.first).map(|bytes| bytes as usize / PAGE);
        let states = index.and_then(|index| self.states.get_mut(index..index + count));
        let Some(states) = states else { panic!("freeing memory that was never allocated: {:#x}", start.0) };
        let taken = states.iter().all(|state| *state == TAKEN) || planted(Fault::DoubleFreeUnseen);
        assert!(taken, "double free of frame {:#x}", start.0);
        states.fill(FREE);
        self.free += count;
    }
}

/// Frame source of page tables.
pub struct TableFrames;

// SAFETY: an allocated frame has one owner until it is freed.
unsafe impl FrameSource for TableFrames {
    fn alloc(&mut self) -> Option<PhysAddr> {
        allocate_filled(Purpose::User, 0)
    }

    fn free(&mut self, frame: PhysAddr) {
        if !planted(Fault::TablesStay) {
            free(frame, 1);
        }
    }
}
