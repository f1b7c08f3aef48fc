//! Address spaces in the CPU: active tables and TLB.

use core::sync::atomic::{AtomicU64, Ordering};

use x86_64::PhysAddr as Address;
use x86_64::instructions::tlb;
use x86_64::registers::control::{Cr3, Cr3Flags};
use x86_64::structures::paging::PhysFrame;

use super::mem::KERNEL_BASE;
use crate::table::{ENTRIES, Table, index};
use crate::{PhysAddr, VirtAddr};

/// Frame of the kernel's own root table.
static KERNEL_ROOT: AtomicU64 = AtomicU64::new(0);

/// Sets the root from which new roots copy the kernel half. Its entries must not change afterwards.
pub(super) fn set_kernel_root(root: PhysAddr) {
    KERNEL_ROOT.store(root.0, Ordering::Relaxed);
}

/// Frame of the root table without user pages.
pub fn empty_root() -> PhysAddr {
    PhysAddr(KERNEL_ROOT.load(Ordering::Relaxed))
}

/// Root table of the kernel half.
pub fn kernel_root() -> Table {
    // SAFETY: the root is built at boot and never freed.
    unsafe { Table::at(empty_root()) }
}

/// Copies the kernel half into a new root.
pub fn share_kernel_half(root: Table) {
    for slot in index(KERNEL_BASE, 0)..ENTRIES {
        root.set(slot, kernel_root().get(slot));
    }
}

/// Makes new entries visible to table walks. No action: walks see all stores, and the CPU caches no missing
/// translations.
pub const fn publish() {}

/// Flushes changed pages from the TLBs of all CPUs. Only one CPU runs.
pub fn forget_all(pages: impl IntoIterator<Item = VirtAddr>) {
    for va in pages {
        tlb::flush(x86_64::VirtAddr::new_truncate(va.0));
    }
}

/// Sets this CPU's tables and flushes all translations except the kernel's, which are global.
pub fn install(root: PhysAddr) {
    let frame = PhysFrame::containing_address(Address::new_truncate(root.0));
    // SAFETY: every root has the running kernel's half, and the kernel never uses user addresses.
    unsafe { Cr3::write(frame, Cr3Flags::empty()) };
}
