//! Page tables in memory. All supported architectures have four levels of 512 entries and 4 KiB pages; each
//! defines its own entry format.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::imp::entry::Entry;
use crate::mem::phys_to_virt;
use crate::{PAGE_SIZE, PhysAddr, VirtAddr};

/// Entries per table.
pub const ENTRIES: usize = 512;
/// Level of the tables whose entries are pages; the root's level is 0.
pub const PAGE_LEVEL: usize = 3;

/// A table in RAM. Entries are atomic because the CPU's table walks read them.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    frame: PhysAddr,
}

impl Table {
    /// The table in `frame`.
    ///
    /// # Safety
    /// `frame` holds a table (zeros are an empty one) as long as the value is used.
    pub const unsafe fn at(frame: PhysAddr) -> Self {
        Self { frame }
    }

    /// Entry number `index`.
    pub fn get(self, index: usize) -> Entry {
        Entry(self.slot(index).load(Ordering::Relaxed))
    }

    /// Replaces entry number `index`. The caller orders the store with the CPU's table walks.
    pub fn set(self, index: usize, entry: Entry) {
        self.slot(index).store(entry.0, Ordering::Relaxed);
    }

    /// The table that entry number `index` points to; the entry must not be a leaf.
    pub fn child(self, index: usize) -> Option<Self> {
        let entry = self.get(index);
        entry.is_valid().then_some(Self { frame: entry.address() })
    }

    /// The frame that holds the table.
    pub const fn frame(self) -> PhysAddr {
        self.frame
    }

    fn slot(&self, index: usize) -> &AtomicU64 {
        assert!(index < ENTRIES, "index {index} is outside a page table");
        // SAFETY: the constructor's caller guarantees a table, the index is in range, and the linear map
        // covers the frame.
        unsafe { &*phys_to_virt(self.frame).cast::<AtomicU64>().add(index) }
    }
}

/// Bytes that one entry in a table of `level` (0 to 3) covers.
pub const fn span(level: usize) -> u64 {
    PAGE_SIZE << (9 * (PAGE_LEVEL - level))
}

/// Index of the entry that covers `va` in a table of `level`.
pub const fn index(va: VirtAddr, level: usize) -> usize {
    (va.0 / span(level)) as usize % ENTRIES
}
