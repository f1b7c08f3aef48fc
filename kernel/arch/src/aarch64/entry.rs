//! Page table entries in the format of the hardware.

use crate::table::PAGE_LEVEL;
use crate::{Perm, PhysAddr};

/// First level whose entries can map memory: blocks of 1 GiB.
pub const BLOCK_LEVEL: usize = 1;

const VALID: u64 = 1 << 0;
/// In levels 0 to 2: the entry points to a table. In level 3: the entry is a page.
const TABLE_OR_PAGE: u64 = 1 << 1;
const USER: u64 = 1 << 6;
const READ_ONLY: u64 = 1 << 7;
const INNER_SHAREABLE: u64 = 3 << 8;
const ACCESSED: u64 = 1 << 10;
const NOT_GLOBAL: u64 = 1 << 11;
const NO_KERNEL_EXECUTE: u64 = 1 << 53;
const NO_USER_EXECUTE: u64 = 1 << 54;
const ADDRESS: u64 = 0x0000_FFFF_FFFF_F000;

/// Memory types, by index: 0 = device (no gathering, no reordering, early acknowledge), 1 = write-back RAM.
pub const MAIR: u64 = 0xFF << 8 | 0x04;
const DEVICE: u64 = 0 << 2;
const NORMAL: u64 = 1 << 2 | INNER_SHAREABLE;

/// Attributes of a mapping, without its address and size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes(u64);

impl Attributes {
    /// Device registers, for the kernel.
    pub const DEVICE: Self = Self(DEVICE | ACCESSED | NO_KERNEL_EXECUTE | NO_USER_EXECUTE);
    /// Kernel code.
    pub const KERNEL_TEXT: Self = Self(NORMAL | ACCESSED | READ_ONLY | NO_USER_EXECUTE);
    /// Kernel constants.
    pub const KERNEL_RODATA: Self = Self(Self::KERNEL_TEXT.0 | NO_KERNEL_EXECUTE);
    /// Kernel data and all other RAM.
    pub const KERNEL_DATA: Self = Self(NORMAL | ACCESSED | NO_KERNEL_EXECUTE | NO_USER_EXECUTE);
    /// RAM that the boot code runs from under its coarse mapping.
    pub const BOOT_RAM: Self = Self(NORMAL | ACCESSED);

    /// A page of user memory.
    pub const fn user(perm: Perm) -> Self {
        let mut bits = NORMAL | ACCESSED | NOT_GLOBAL | NO_KERNEL_EXECUTE;
        if perm.read || perm.write {
            bits |= USER;
        }
        if !perm.write {
            bits |= READ_ONLY;
        }
        if !perm.execute {
            bits |= NO_USER_EXECUTE;
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

    /// An entry that points to the next level's table.
    pub const fn table(frame: PhysAddr) -> Self {
        Self(frame.0 | VALID | TABLE_OR_PAGE)
    }

    /// An entry that maps memory: a page on level 3, a block of 2 MiB on level 2, of 1 GiB on level 1.
    pub const fn leaf(level: usize, pa: PhysAddr, attributes: Attributes) -> Self {
        let kind = if level == PAGE_LEVEL { VALID | TABLE_OR_PAGE } else { VALID };
        Self(pa.0 | attributes.0 | kind)
    }

    /// Whether the entry maps memory or points to a table.
    pub const fn is_valid(self) -> bool {
        self.0 & VALID != 0
    }

    /// Physical address of the table, page or block.
    pub const fn address(self) -> PhysAddr {
        PhysAddr(self.0 & ADDRESS)
    }

    /// Permissions of user code on the page.
    pub const fn perm(self) -> Perm {
        let user = self.0 & USER != 0;
        Perm { read: user, write: user && self.0 & READ_ONLY == 0, execute: self.0 & NO_USER_EXECUTE == 0 }
    }
}
