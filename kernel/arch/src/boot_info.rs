//! What the boot code knows about the machine.

use core::ops::Range;

use arrayvec::ArrayVec;

use crate::{PhysAddr, VirtAddr};

/// Maximum number of virtio-mmio slots; QEMU's `virt` machine has 32.
pub const MAX_VIRTIO_MMIO: usize = 32;

/// A virtio-mmio transport; only its registers tell whether a device is present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VirtioMmio {
    /// Start of the register block, accessible through `mem::phys_to_virt`.
    pub base: PhysAddr,
    /// Length of the register block in bytes.
    pub size: u64,
    /// Interrupt number, as in `intc::enable` and `Handler::interrupt`.
    pub irq: u32,
}

/// Boot information, passed to the kernel's main function `#[unsafe(no_mangle)] extern "Rust" fn
/// kernel_main(boot: &'static BootInfo) -> !`.
///
/// At the call, this CPU runs in the high half on the boot stack ([`BOOT_STACK_SIZE`] bytes above an unmapped
/// page; this crate does not reuse it), under the final kernel page tables (the low half is unmapped).
/// Interrupts are masked and the console works. Interrupt controller, timer and [`Handler`](crate::Handler)
/// are not set up.
///
/// [`BOOT_STACK_SIZE`]: crate::BootInfo::BOOT_STACK_SIZE
#[derive(Debug)]
pub struct BootInfo {
    /// RAM that contains the kernel: all RAM, unless it has holes. The linear map covers it.
    pub memory: Range<PhysAddr>,
    /// The kernel's code and data including the boot stack; inside `memory`.
    pub kernel_image: Range<PhysAddr>,
    /// The stack on which `kernel_main` is called.
    pub boot_stack: Range<VirtAddr>,
    /// The unused part of `memory` (whole frames), for the frame allocator.
    pub free_memory: Range<PhysAddr>,
    /// The kernel's command line, empty if there is none (or it is not UTF-8).
    pub cmdline: &'static str,
    /// Number of CPUs; only the first one runs.
    pub cpus: usize,
    /// The virtio-mmio slots, sorted by address.
    pub virtio_mmio: ArrayVec<VirtioMmio, MAX_VIRTIO_MMIO>,
    /// The disk image that the loader put into memory, if any: inside `memory`, outside `free_memory`.
    pub ram_disk: Option<Range<PhysAddr>>,
}

impl BootInfo {
    /// Size in bytes of the stack on which `kernel_main` is called.
    pub const BOOT_STACK_SIZE: usize = 64 * 1024;
}
