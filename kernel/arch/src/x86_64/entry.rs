//! Page table entries in the format of the hardware.

use crate::table::PAGE_LEVEL;
use crate::{Perm, PhysAddr};

/// First level whose entries can map memory on every CPU: blocks of 2 MiB.
pub const BLOCK_LEVEL: usize = 2;

const PRESENT: u64 = 1 << 0;
const WRITABLE: u64 = 1 << 1;
const USER: u64 = 1 << 2;
/// Write-through and uncached: device registers.
const DEVICE: u64 = 1 << 3 | 1 << 4;
/// Preset, so that the CPU need not write to the entry.
const ACCESSED_AND_DIRTY: u64 = 1 << 5 | 1 << 6;
/// In the levels above the pages: the entry maps a block.
const BLOCK: u64 = 1 << 7;
/// The TLB entry survives a change of the address space.
const GLOBAL: u64 = 1 << 8;
const NO_EXECUTE: u64 = 1 << 63;
const ADDRESS: u64 = 0x000F_FFFF_FFFF_F000;

/// Attributes of a mapping, without its address and size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes(u64);

impl Attributes {
    /// Device registers, for the kernel.
    pub const DEVICE: Self = Self(DEVICE | WRITABLE | GLOBAL | NO_EXECUTE);
    /// Kernel code.
    pub const KERNEL_TEXT: Self = Self(GLOBAL);
    /// Kernel constants.
    pub const KERNEL_RODATA: Self = Self(GLOBAL | NO_EXECUTE);
    /// Kernel data and all other RAM.
    pub const KERNEL_DATA: Self = Self(WRITABLE | GLOBAL | NO_EXECUTE);
    /// RAM that the boot code runs from under its coarse mapping; not global, because it is removed.
    pub const BOOT_RAM: Self = Self(WRITABLE);

    /// A page of user memory. The CPU has no execute-only pages.
    pub const fn user(perm: Perm) -> Self {
        let mut bits = 0;
        if perm.read || perm.write || perm.execute {
            bits |= USER;
        }
        if perm.write {
            bits |= WRITABLE;
        }
        if !perm.execute {
            bits |= NO_EXECUTE;
        }
        Self(bits)
    }
}

/// One entry of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry(pub u64);

impl Entry {
    /// Maps nothing.
    pub const EMPTY: Self = Self(0);

    /// An entry that points to the next level's table; only the last level restricts access.
    pub const fn table(frame: PhysAddr) -> Self {
        Self(frame.0 | PRESENT | WRITABLE | USER)
    }

    /// An entry that maps memory: a page on level 3, a block of 2 MiB on level 2, of 1 GiB on level 1.
    pub const fn leaf(level: usize, pa: PhysAddr, attributes: Attributes) -> Self {
        let kind = if level == PAGE_LEVEL { 0 } else { BLOCK };
        Self(pa.0 | attributes.0 | kind | PRESENT | ACCESSED_AND_DIRTY)
    }

    /// Whether the entry maps memory or points to a table.
    pub const fn is_valid(self) -> bool {
        self.0 & PRESENT != 0
    }

    /// Physical address of the table, page or block.
    pub const fn address(self) -> PhysAddr {
        PhysAddr(self.0 & ADDRESS)
    }

    /// Permissions of user code on the page.
    pub const fn perm(self) -> Perm {
        let user = self.0 & USER != 0;
        Perm { read: user, write: user && self.0 & WRITABLE != 0, execute: user && self.0 & NO_EXECUTE == 0 }
    }
}
