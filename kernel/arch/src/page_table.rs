//! Address spaces of user processes.

use core::ops::Range;

use crate::imp::entry::{Attributes, Entry};
use crate::mem::USER_END;
use crate::table::{ENTRIES, PAGE_LEVEL, Table, index, span};
use crate::{FrameSource, MapError, Perm, PhysAddr, VirtAddr};

contract!(paging: empty_root, forget_all, install, kernel_root, publish, share_kernel_half);

/// Number of root entries in user space.
const USER_ROOT_ENTRIES: usize = index(VirtAddr(USER_END.0 - 1), 0) + 1;

/// Page table of one address space: user pages only; all address spaces share the kernel half.
///
/// It owns its table frames, not the mapped frames. It must be freed with [`PageTable::destroy`].
#[derive(Debug)]
pub struct PageTable {
    root: Table,
}

impl PageTable {
    /// An empty address space.
    ///
    /// # Errors
    /// [`MapError::OutOfFrames`].
    pub fn new(frames: &mut impl FrameSource) -> Result<Self, MapError> {
        let root = new_table(frames)?;
        share_kernel_half(root);
        Ok(Self { root })
    }

    /// Maps the page at `va` to the frame at `pa`.
    ///
    /// # Errors
    /// [`MapError::BadAddress`], [`MapError::AlreadyMapped`], [`MapError::OutOfFrames`] (new tables stay for
    /// later calls).
    pub fn map(
        &mut self,
        va: VirtAddr,
        pa: PhysAddr,
        perm: Perm,
        frames: &mut impl FrameSource,
    ) -> Result<(), MapError> {
        if !va.is_page_aligned() || !pa.is_page_aligned() || va >= USER_END {
            return Err(MapError::BadAddress);
        }
        insert(self.root, va, Entry::leaf(PAGE_LEVEL, pa, Attributes::user(perm)), frames)?;
        publish();
        Ok(())
    }

    /// Unmaps the pages that begin in `range`, and frees tables that become empty. Calls `release` with the
    /// frame of each page, after the page is flushed from all TLBs. Needs no memory; unmapped holes cost
    /// nothing.
    pub fn unmap(
        &mut self,
        range: Range<VirtAddr>,
        frames: &mut impl FrameSource,
        mut release: impl FnMut(PhysAddr),
    ) {
        remove_pages(self.root, 0, VirtAddr(0), &range, frames, &mut release);
    }

    /// As [`PageTable::unmap`], but without the TLB flush: for a planted fault.
    pub fn unmap_without_flush(&mut self, va: VirtAddr) -> Option<PhysAddr> {
        if va < USER_END { remove(self.root, va) } else { None }
    }

    /// Changes the permissions of the page at `va` and flushes it from all TLBs.
    ///
    /// # Errors
    /// [`MapError::NotMapped`].
    pub fn protect(&mut self, va: VirtAddr, perm: Perm) -> Result<(), MapError> {
        let (table, entry) = self.find(va).ok_or(MapError::NotMapped)?;
        let changed = Entry::leaf(PAGE_LEVEL, entry.address(), Attributes::user(perm));
        table.set(index(va, PAGE_LEVEL), changed);
        forget_all([va]);
        Ok(())
    }

    /// Physical address and permissions of `va` (of any alignment).
    pub fn lookup(&self, va: VirtAddr) -> Option<(PhysAddr, Perm)> {
        let (_, entry) = self.find(va)?;
        Some((entry.address() + va.page_offset(), entry.perm()))
    }

    /// Calls `visit` with every mapped page that begins in `range`, in ascending order. Unmapped holes cost
    /// nothing, however large the range.
    pub fn for_each(&self, range: Range<VirtAddr>, mut visit: impl FnMut(VirtAddr, PhysAddr, Perm)) {
        visit_pages(self.root, 0, VirtAddr(0), &range, &mut visit);
    }

    /// The root alone, for a context switch, which must not access the table itself.
    #[must_use]
    pub const fn root(&self) -> PageTableRoot {
        PageTableRoot(self.root.frame())
    }

    /// Deactivates the user address space of this CPU: every user address faults.
    pub fn deactivate() {
        install(empty_root());
    }

    /// Frees the table frames; the caller frees the mapped frames (see [`PageTable::for_each`]).
    ///
    /// # Safety
    /// The table is not active on any CPU.
    pub unsafe fn destroy(self, frames: &mut impl FrameSource) {
        free_tables(self.root, 0, frames);
    }

    /// Table and entry of the page at `va`.
    fn find(&self, va: VirtAddr) -> Option<(Table, Entry)> {
        if va < USER_END { find(self.root, va) } else { None }
    }
}

/// Root of an address space's page table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageTableRoot(PhysAddr);

impl PageTableRoot {
    /// Makes this the user address space of this CPU. Kernel addresses do not change.
    ///
    /// # Safety
    /// The table stays alive until this CPU activates another one.
    pub unsafe fn activate(self) {
        install(self.0);
    }
}

/// Sets `entry` for the page at `va`, below a root of either half, and creates missing tables. It takes
/// effect after [`publish`].
pub fn insert(
    root: Table,
    va: VirtAddr,
    entry: Entry,
    frames: &mut impl FrameSource,
) -> Result<(), MapError> {
    let mut table = root;
    for level in 0..PAGE_LEVEL {
        table = match table.child(index(va, level)) {
            Some(child) => child,
            None => {
                let child = new_table(frames)?;
                table.set(index(va, level), Entry::table(child.frame()));
                child
            }
        };
    }
    let slot = index(va, PAGE_LEVEL);
    if table.get(slot).is_valid() {
        return Err(MapError::AlreadyMapped);
    }
    table.set(slot, entry);
    Ok(())
}

/// Table and entry of the page at `va`, below a root of either half; no block may cover `va`.
pub fn find(root: Table, va: VirtAddr) -> Option<(Table, Entry)> {
    let mut table = root;
    for level in 0..PAGE_LEVEL {
        table = table.child(index(va, level))?;
    }
    let entry = table.get(index(va, PAGE_LEVEL));
    entry.is_valid().then_some((table, entry))
}

/// Clears the entry of the page at `va` and returns its frame. It takes effect after [`forget_all`].
pub fn remove(root: Table, va: VirtAddr) -> Option<PhysAddr> {
    let (table, entry) = find(root, va)?;
    table.set(index(va, PAGE_LEVEL), Entry::EMPTY);
    Some(entry.address())
}

fn new_table(frames: &mut impl FrameSource) -> Result<Table, MapError> {
    let frame = frames.alloc().ok_or(MapError::OutOfFrames)?;
    // SAFETY: a frame source returns zeroed frames for exclusive use.
    Ok(unsafe { Table::at(frame) })
}

fn visit_pages(
    table: Table,
    level: usize,
    base: VirtAddr,
    range: &Range<VirtAddr>,
    visit: &mut impl FnMut(VirtAddr, PhysAddr, Perm),
) {
    for i in 0..user_entries(level) {
        let va = base + i as u64 * span(level);
        if va >= range.end || va + span(level) <= range.start {
            continue;
        }
        if level == PAGE_LEVEL {
            let entry = table.get(i);
            if entry.is_valid() && va >= range.start {
                visit(va, entry.address(), entry.perm());
            }
        } else if let Some(child) = table.child(i) {
            visit_pages(child, level + 1, va, range, visit);
        }
    }
}

/// As [`PageTable::unmap`], below a table that covers the addresses from `base`. Returns whether the table
/// became empty.
fn remove_pages(
    table: Table,
    level: usize,
    base: VirtAddr,
    range: &Range<VirtAddr>,
    frames: &mut impl FrameSource,
    release: &mut impl FnMut(PhysAddr),
) -> bool {
    for i in 0..user_entries(level) {
        let va = base + i as u64 * span(level);
        let entry = table.get(i);
        if !entry.is_valid() || va >= range.end || va + span(level) <= range.start {
            continue;
        }
        if level == PAGE_LEVEL && va >= range.start {
            clear(table, i, va);
            release(entry.address());
        } else if let Some(child) = table.child(i).filter(|_| level < PAGE_LEVEL)
            && remove_pages(child, level + 1, va, range, frames, release)
        {
            clear(table, i, va);
            frames.free(child.frame());
        }
    }
    // The root also points to the kernel half, so it is never empty.
    level > 0 && (0..ENTRIES).all(|i| !table.get(i).is_valid())
}

/// Clears the entry of `va` in a table of any level and flushes `va` from all TLBs.
fn clear(table: Table, index: usize, va: VirtAddr) {
    table.set(index, Entry::EMPTY);
    forget_all([va]);
}

fn free_tables(table: Table, level: usize, frames: &mut impl FrameSource) {
    if level < PAGE_LEVEL {
        for child in (0..user_entries(level)).filter_map(|i| table.child(i)) {
            free_tables(child, level + 1, frames);
        }
    }
    frames.free(table.frame());
}

/// Number of entries in a table of `level` that user space can use.
const fn user_entries(level: usize) -> usize {
    if level == 0 { USER_ROOT_ENTRIES } else { ENTRIES }
}
