//! Kernel pages outside the linear map, each mapped on its own: for memory that must have holes beside it.

use core::ops::Range;

use crate::imp::entry::{Attributes, Entry};
use crate::kernel_map::Image;
use crate::mem::KERNEL_BASE;
use crate::page_table::{find, forget_all, insert, kernel_root as root, publish, remove};
use crate::table::{PAGE_LEVEL, index};
use crate::{FrameSource, MapError, PAGE_SIZE, PhysAddr, VirtAddr};

/// Where these pages can be: 512 GiB in the middle of the kernel half, behind all memory there can be.
pub const REGION: Range<VirtAddr> = VirtAddr(0xFFFF_C000_0000_0000)..VirtAddr(0xFFFF_C080_0000_0000);

/// Maps `count` pages from `start` on to as many frames in a row from `frames` on, as kernel data. On failure
/// none of them is mapped.
///
/// # Errors
/// [`MapError::BadAddress`], [`MapError::AlreadyMapped`], [`MapError::OutOfFrames`] (tables made so far stay and
/// serve later calls).
///
/// # Safety
/// No other call of `map` or [`unmap`] runs meanwhile.
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
            // SAFETY: the caller's promise, and nobody has been told of these pages.
            unsafe { unmap(start, page) };
            return Err(error);
        }
    }
    publish();
    Ok(())
}

/// Takes `count` pages from `start` on away; no CPU uses their translations any more when this returns.
///
/// # Safety
/// Nobody uses these pages any more, and no other call of [`map`] or `unmap` runs meanwhile.
pub unsafe fn unmap(start: VirtAddr, count: u64) {
    let pages = (0..count).map(|page| start + page * PAGE_SIZE);
    for page in pages.clone() {
        remove(root(), page);
    }
    forget_all(pages);
}

/// The physical address behind `va` (of any alignment), if one of these pages is there.
pub fn lookup(va: VirtAddr) -> Option<PhysAddr> {
    if !REGION.contains(&va) {
        return None;
    }
    find(root(), va).map(|(_, entry)| entry.address() + va.page_offset())
}

/// Empties the entries of tables of `level` (0 to 3) that lead to the trap vectors, and computes for ever.
///
/// # Safety
/// The kernel is not needed any more.
pub unsafe fn lose_vectors(level: usize) -> ! {
    unsafe extern "C" {
        static trap_vectors: u8;
    }
    // They are a page at most, and may begin anywhere in one.
    let first = VirtAddr((&raw const trap_vectors).addr() as u64);
    [first, first + (PAGE_SIZE - 1)].into_iter().for_each(|va| empty(va, level));
    forget_image()
}

/// Empties the entries of all pages of data, the boot stacks among them, and computes for ever.
///
/// # Safety
/// As for [`lose_vectors`].
pub unsafe fn lose_data() -> ! {
    pages(Image::of_kernel().data).for_each(|page| empty(page, PAGE_LEVEL));
    forget_image()
}

fn empty(va: VirtAddr, level: usize) {
    if let Some(table) = (0..level).try_fold(root(), |table, above| table.child(index(va, above))) {
        table.set(index(va, level), Entry::EMPTY);
    }
}

fn forget_image() -> ! {
    forget_all(pages(Image::of_kernel().range()));
    loop {
        core::hint::spin_loop();
    }
}

/// The pages of a part of the kernel's image, in the linear map.
fn pages(range: Range<PhysAddr>) -> impl Iterator<Item = VirtAddr> {
    let count = (range.end - range.start) / PAGE_SIZE;
    (0..count).map(move |page| VirtAddr(KERNEL_BASE.0 + range.start.0) + page * PAGE_SIZE)
}
