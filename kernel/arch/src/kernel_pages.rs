//! Kernel pages outside the linear map, each mapped separately: for memory next to unmapped guards.

use core::ops::Range;

use crate::imp::entry::{Attributes, Entry};
use crate::kernel_map::Image;
use crate::mem::KERNEL_BASE;
use crate::page_table::{find, forget_all, insert, kernel_root as root, publish, remove};
use crate::table::{PAGE_LEVEL, index};
use crate::{FrameSource, MapError, PAGE_SIZE, PhysAddr, VirtAddr};

/// Region of these pages: 512 GiB in the middle of the kernel half, above all possible RAM.
pub const REGION: Range<VirtAddr> = VirtAddr(0xFFFF_C000_0000_0000)..VirtAddr(0xFFFF_C080_0000_0000);

/// Maps `count` pages from `start` to `count` contiguous frames from `frames`, as kernel data. On failure it
/// maps none of them.
///
/// # Errors
/// [`MapError::BadAddress`], [`MapError::AlreadyMapped`], [`MapError::OutOfFrames`] (new tables stay for
/// later calls).
///
/// # Safety
/// No other call of `map` or [`unmap`] runs at the same time.
pub unsafe fn map(
    start: VirtAddr,
    frames: PhysAddr,
    count: u64,
    tables: &mut impl FrameSource,
) -> Result<(), MapError> {
    let end = start.checked_add(count * PAGE_SIZE).ok_or(MapError::BadAddress)?;
    let aligned = start.is_page_aligned() && frames.is_page_aligned();
    if !aligned || start < REGION.start || end > REGION.end {
        return Err(MapError::BadAddress);
    }
    for page in 0..count {
        let offset = page * PAGE_SIZE;
        let entry = Entry::leaf(PAGE_LEVEL, frames + offset, Attributes::KERNEL_DATA);
        if let Err(error) = insert(root(), start + offset, entry, tables) {
            // SAFETY: the caller guarantees exclusion, and no code knows these pages yet.
            unsafe { unmap(start, page) };
            return Err(error);
        }
    }
    publish();
    Ok(())
}

/// Unmaps `count` pages from `start` and flushes them from all TLBs.
///
/// # Safety
/// The pages are unused, and no other call of [`map`] or `unmap` runs at the same time.
pub unsafe fn unmap(start: VirtAddr, count: u64) {
    let pages = (0..count).map(|page| start + page * PAGE_SIZE);
    for page in pages.clone() {
        remove(root(), page);
    }
    forget_all(pages);
}

/// Physical address of `va` (of any alignment), if it is in one of these pages.
pub fn lookup(va: VirtAddr) -> Option<PhysAddr> {
    if !REGION.contains(&va) {
        return None;
    }
    find(root(), va).map(|(_, entry)| entry.address() + va.page_offset())
}

/// Clears the entries in tables of `level` (0 to 3) on the path to the trap vectors, and spins for ever.
///
/// # Safety
/// The kernel is not needed any more.
pub unsafe fn lose_vectors(level: usize) -> ! {
    unsafe extern "C" {
        static trap_vectors: u8;
    }
    // The vectors are at most one page long and may cross a page boundary.
    let first = VirtAddr((&raw const trap_vectors).addr() as u64);
    [first, first + (PAGE_SIZE - 1)].into_iter().for_each(|va| empty(va, level));
    flush_image()
}

/// Clears the entries of all data pages, including the boot stacks, and spins for ever.
///
/// # Safety
/// As for [`lose_vectors`].
pub unsafe fn lose_data() -> ! {
    pages(Image::of_kernel().data).for_each(|page| empty(page, PAGE_LEVEL));
    flush_image()
}

fn empty(va: VirtAddr, level: usize) {
    if let Some(table) = (0..level).try_fold(root(), |table, above| table.child(index(va, above))) {
        table.set(index(va, level), Entry::EMPTY);
    }
}

fn flush_image() -> ! {
    forget_all(pages(Image::of_kernel().range()));
    loop {
        core::hint::spin_loop();
    }
}

/// Pages of a part of the kernel image, in the linear map.
fn pages(range: Range<PhysAddr>) -> impl Iterator<Item = VirtAddr> {
    let count = (range.end - range.start) / PAGE_SIZE;
    (0..count).map(move |page| VirtAddr(KERNEL_BASE.0 + range.start.0) + page * PAGE_SIZE)
}
