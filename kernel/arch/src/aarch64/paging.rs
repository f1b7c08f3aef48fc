//! Address spaces in the CPU: active tables and TLB.

use core::arch::asm;

use aarch64_cpu::asm::barrier;
use aarch64_cpu::registers::{TTBR0_EL1, TTBR1_EL1, Writeable};

use crate::mem::virt_to_phys;
use crate::table::{ENTRIES, Table};
use crate::{PhysAddr, VirtAddr};

/// Root table of an address space without pages.
#[repr(align(4096))]
struct EmptyRoot([u64; ENTRIES]);

static EMPTY_ROOT: EmptyRoot = EmptyRoot([0; ENTRIES]);

/// Frame of the root table without user pages.
pub fn empty_root() -> PhysAddr {
    virt_to_phys(&raw const EMPTY_ROOT.0)
}

/// Root table of the kernel half.
pub fn kernel_root() -> Table {
    // SAFETY: the boot code has set this register for good.
    unsafe { Table::at(PhysAddr(TTBR1_EL1.get_baddr())) }
}

/// Makes the kernel half reachable from a new root: no action, the kernel half has a root of its own.
pub const fn share_kernel_half(_root: Table) {}

/// Makes new entries visible to table walks. An entry that was invalid needs no TLB flush: the CPU caches no
/// missing translations.
pub fn publish() {
    barrier::dsb(barrier::ISHST);
    barrier::isb(barrier::SY);
}

/// Flushes changed pages from the TLBs of all CPUs.
pub fn forget_all(pages: impl IntoIterator<Item = VirtAddr>) {
    // Bits 63 to 56 of the operand are the ASID, not part of the page number.
    const PAGE_NUMBER: u64 = (1 << 44) - 1;
    barrier::dsb(barrier::ISHST);
    for va in pages {
        // SAFETY: the CPU walks the tables again for flushed translations.
        unsafe { asm!("tlbi vaae1is, {}", in(reg) va.0 >> 12 & PAGE_NUMBER, options(nostack)) };
    }
    barrier::dsb(barrier::ISH);
    barrier::isb(barrier::SY);
}

/// Sets this CPU's user tables and flushes the user translations: all address spaces share ASID 0.
pub fn install(root: PhysAddr) {
    barrier::dsb(barrier::ISHST);
    TTBR0_EL1.set(root.0);
    barrier::isb(barrier::SY);
    // SAFETY: as above; the kernel's translations are global and stay in the TLB.
    unsafe { asm!("tlbi aside1, xzr", options(nostack)) };
    barrier::dsb(barrier::NSH);
    barrier::isb(barrier::SY);
}
