//! The CPU's side of address spaces: which tables it uses, and what it remembers of them.

use core::sync::atomic::{AtomicU64, Ordering};

use x86_64::PhysAddr as Address;
use x86_64::instructions::tlb;
use x86_64::registers::control::{Cr3, Cr3Flags};
use x86_64::structures::paging::PhysFrame;

use super::mem::KERNEL_BASE;
use crate::table::{ENTRIES, Table, index};
use crate::{PhysAddr, VirtAddr};

/// Frame of the kernel's own root.
static KERNEL_ROOT: AtomicU64 = AtomicU64::new(0);

/// Says which root the kernel half is taken from. Its entries must not change any more: every address space has
/// copies.
pub(super) fn set_kernel_root(root: PhysAddr) {
    KERNEL_ROOT.store(root.0, Ordering::Relaxed);
}

/// Frame of the root without user pages.
pub fn empty_root() -> PhysAddr {
    PhysAddr(KERNEL_ROOT.load(Ordering::Relaxed))
}

/// The tables of the kernel half.
pub fn kernel_root() -> Table {
    // SAFETY: the root was built at boot and stays.
    unsafe { Table::at(empty_root()) }
}

/// Lets a new root lead to the kernel as well.
pub fn share_kernel_half(root: Table) {
    for slot in index(KERNEL_BASE, 0)..ENTRIES {
        root.set(slot, kernel_root().get(slot));
    }
}

/// Makes new entries visible to the CPU's table walks: nothing to do, they see what was stored, and the CPU does
/// not remember missing translations.
pub const fn publish() {}

/// Makes all CPUs forget the translations of pages whose entries were changed. Only one CPU runs.
pub fn forget_all(pages: impl IntoIterator<Item = VirtAddr>) {
    for va in pages {
        tlb::flush(x86_64::VirtAddr::new_truncate(va.0));
    }
}

/// Sets this CPU's tables; it forgets all translations but the kernel's, which are global.
pub fn install(root: PhysAddr) {
    let frame = PhysFrame::containing_address(Address::new_truncate(root.0));
    // SAFETY: every root has the kernel half of the one that the kernel runs under, and user addresses are
    // never used by the kernel.
    unsafe { Cr3::write(frame, Cr3Flags::empty()) };
}
