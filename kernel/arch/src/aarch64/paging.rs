//! The CPU's side of address spaces: which tables it uses, and what it remembers of them.

use core::arch::asm;

use aarch64_cpu::asm::barrier;
use aarch64_cpu::registers::{TTBR0_EL1, TTBR1_EL1, Writeable};

use crate::mem::virt_to_phys;
use crate::table::{ENTRIES, Table};
use crate::{PhysAddr, VirtAddr};

/// The root of an address space without pages.
#[repr(align(4096))]
struct EmptyRoot([u64; ENTRIES]);

static EMPTY_ROOT: EmptyRoot = EmptyRoot([0; ENTRIES]);

/// Frame of the root without user pages.
pub fn empty_root() -> PhysAddr {
    virt_to_phys(&raw const EMPTY_ROOT.0)
}

/// The tables of the kernel half.
pub fn kernel_root() -> Table {
    // SAFETY: this register holds them since the boot, for good.
    unsafe { Table::at(PhysAddr(TTBR1_EL1.get_baddr())) }
}

/// Lets a new root lead to the kernel as well: nothing to do, the kernel half has a root of its own.
pub const fn share_kernel_half(_root: Table) {}

/// Makes new entries visible to the CPU's table walks. An entry that was empty needs no more, since the
/// CPU does not remember missing translations.
pub fn publish() {
    barrier::dsb(barrier::ISHST);
    barrier::isb(barrier::SY);
}

/// Makes all CPUs forget the translations of pages whose entries were changed.
pub fn forget_all(pages: impl IntoIterator<Item = VirtAddr>) {
    // Bits 63 to 56 of the operand are an address space's, not the page's.
    const PAGE_NUMBER: u64 = (1 << 44) - 1;
    barrier::dsb(barrier::ISHST);
    for va in pages {
        // SAFETY: forgotten translations are looked up again.
        unsafe { asm!("tlbi vaae1is, {}", in(reg) va.0 >> 12 & PAGE_NUMBER, options(nostack)) };
    }
    barrier::dsb(barrier::ISH);
    barrier::isb(barrier::SY);
}

/// Sets this CPU's user tables. All address spaces share address space identifier 0, so the old one's
/// translations go.
pub fn install(root: PhysAddr) {
    barrier::dsb(barrier::ISHST);
    TTBR0_EL1.set(root.0);
    barrier::isb(barrier::SY);
    // SAFETY: as above; the kernel's own translations are global and stay.
    unsafe { asm!("tlbi aside1, xzr", options(nostack)) };
    barrier::dsb(barrier::NSH);
    barrier::isb(barrier::SY);
}
