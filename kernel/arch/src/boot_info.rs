//! What the boot code found out about the machine.

use core::ops::Range;

use arrayvec::ArrayVec;

use crate::{PhysAddr, VirtAddr};

/// How many virtio-mmio slots are kept; QEMU's `virt` machine has 32.
pub const MAX_VIRTIO_MMIO: usize = 32;

/// A virtio-mmio transport; whether a device sits behind it only its registers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VirtioMmio {
    /// Start of the register block, reachable through `mem::phys_to_virt`.
    pub base: PhysAddr,
    /// Length of the register block in bytes.
    pub size: u64,
    /// The interrupt's number as `intc::enable` and `Handler::interrupt` use it.
    pub irq: u32,
}

/// What the boot code hands to the kernel proper, which defines
/// `#[unsafe(no_mangle)] extern "Rust" fn kernel_main(boot: &'static BootInfo) -> !`.
///
/// When it is called, this CPU runs in the high half on the boot stack ([`BOOT_STACK_SIZE`] bytes above a page
/// that is not mapped, never reused by this crate), under the final kernel page tables (no mapping of the low half), interrupts are
/// masked, the console works; interrupt controller, timer and [`Handler`](crate::Handler) are not set up.
///
/// [`BOOT_STACK_SIZE`]: crate::BootInfo::BOOT_STACK_SIZE
#[derive(Debug)]
pub struct BootInfo {
    /// The RAM around the kernel: all of it, unless the machine's RAM has holes. The linear map covers it.
    pub memory: Range<PhysAddr>,
    /// The kernel's code and data including the boot stack; lies inside `memory`.
    pub kernel_image: Range<PhysAddr>,
    /// The stack on which `kernel_main` is called.
    pub boot_stack: Range<VirtAddr>,
    /// The part of `memory` that nobody uses yet (whole frames): what the frame allocator may give out.
    pub free_memory: Range<PhysAddr>,
    /// The kernel's command line, empty when the machine gave none (or one that is not UTF-8).
    pub cmdline: &'static str,
    /// Number of CPUs in the machine; only the first one runs.
    pub cpus: usize,
    /// The virtio-mmio slots by rising address.
    pub virtio_mmio: ArrayVec<VirtioMmio, MAX_VIRTIO_MMIO>,
    /// The disk image that the loader put into memory, if it did: part of `memory`, not of `free_memory`.
    pub ram_disk: Option<Range<PhysAddr>>,
}

impl BootInfo {
    /// Size in bytes of the stack on which `kernel_main` is called.
    pub const BOOT_STACK_SIZE: usize = 64 * 1024;
}
