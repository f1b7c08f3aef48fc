//! The architecture interface on x86-64, for QEMU's `microvm` machine and similar PCs.

mod boot;
pub mod console;
pub mod cpu;
pub mod entry;
pub mod exception;
pub mod fp;
pub mod intc;
mod machine;
pub mod mem;
pub mod paging;
pub mod power;
pub mod rtc;
mod syndrome;
pub mod thread;
pub mod timer;
pub mod trap;

/// Number of this architecture in the result channel.
pub const ARCH_ID: u8 = 2;
/// ELF machine number (EM_X86_64).
pub const ELF_MACHINE: u16 = 62;
