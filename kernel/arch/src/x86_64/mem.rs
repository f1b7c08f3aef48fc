//! Addresses: the kernel's linear map and the limits of user space.

use core::ops::Range;

use crate::{PhysAddr, VirtAddr, kernel_pages};

/// Start of the kernel half and of the linear map. The linker script repeats the value.
pub const KERNEL_BASE: VirtAddr = VirtAddr(0xFFFF_8000_0000_0000);
/// Link address of programs.
pub const USER_BASE: VirtAddr = VirtAddr(0x4000_0000);
/// End (exclusive) of the first user stack.
pub const USER_STACK_TOP: VirtAddr = VirtAddr(0x0000_7FFF_FF00_0000);
/// End (exclusive) of user space. The last page of the lower half is excluded: after a system call at its
/// very end the program counter would not be canonical, and the return would fault in the kernel.
pub const USER_END: VirtAddr = VirtAddr(0x0000_7FFF_FFFF_F000);

/// Memory of firmware and loader, including the loader's information.
pub(super) const LOW_MEMORY: Range<PhysAddr> = PhysAddr(0)..PhysAddr(0x10_0000);
/// Devices in the linear map: virtio transports and interrupt controllers, below 4 GiB.
pub(super) const DEVICES: Range<PhysAddr> = PhysAddr(0xFE00_0000)..PhysAddr(0x1_0000_0000);

/// Kernel address of a physical address. Valid for RAM and for the devices in the boot information; nothing
/// else is mapped.
pub const fn phys_to_virt(address: PhysAddr) -> *mut u8 {
    core::ptr::with_exposed_provenance_mut((address.0 + KERNEL_BASE.0) as usize)
}

/// Physical address of a kernel object (in the image, on the heap or on a stack).
pub fn virt_to_phys<T: ?Sized>(object: *const T) -> PhysAddr {
    let address = VirtAddr(object.cast::<u8>().addr() as u64);
    kernel_pages::lookup(address).unwrap_or_else(|| PhysAddr(address.0 - KERNEL_BASE.0))
}

/// Makes instructions that were written through `start` visible to instruction fetch on all CPUs, under every
/// mapping. Call it after loading code and before running it. No action: the caches of these CPUs are
/// coherent.
///
/// # Safety
/// `start..start + len` must be mapped memory of the kernel half.
pub const unsafe fn sync_instruction_memory(_start: *const u8, _len: usize) {}
