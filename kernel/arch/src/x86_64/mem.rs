//! Addresses: the kernel's linear map and the limits of user space.

use core::ops::Range;

use crate::{PhysAddr, VirtAddr, kernel_pages};

/// Start of the kernel half; physical address 0 of the linear map. The linker script repeats it.
pub const KERNEL_BASE: VirtAddr = VirtAddr(0xFFFF_8000_0000_0000);
/// Where programs are linked.
pub const USER_BASE: VirtAddr = VirtAddr(0x4000_0000);
/// End (exclusive) of the first user stack.
pub const USER_STACK_TOP: VirtAddr = VirtAddr(0x0000_7FFF_FF00_0000);
/// End (exclusive) of user space. The last page of the lower half is left out: behind a system call at its very
/// end the program counter would be no valid address, and the return to it would fault in the kernel.
pub const USER_END: VirtAddr = VirtAddr(0x0000_7FFF_FFFF_F000);

/// What belongs to firmware and loader; what they tell lies there.
pub(super) const LOW_MEMORY: Range<PhysAddr> = PhysAddr(0)..PhysAddr(0x10_0000);
/// The devices that the linear map covers: virtio transports and interrupt controllers, below 4 GiB.
pub(super) const DEVICES: Range<PhysAddr> = PhysAddr(0xFE00_0000)..PhysAddr(0x1_0000_0000);

/// Where the kernel sees a physical address. Valid for all RAM and for the devices that the boot
/// information names; nothing else is mapped.
pub const fn phys_to_virt(address: PhysAddr) -> *mut u8 {
    core::ptr::with_exposed_provenance_mut((address.0 + KERNEL_BASE.0) as usize)
}

/// The physical address of an object of the kernel (in its image, on its heap, on a stack: all kernel memory).
pub fn virt_to_phys<T: ?Sized>(object: *const T) -> PhysAddr {
    let address = VirtAddr(object.cast::<u8>().addr() as u64);
    kernel_pages::lookup(address).unwrap_or_else(|| PhysAddr(address.0 - KERNEL_BASE.0))
}

/// Makes instructions that were written through `start` visible to instruction fetch on all CPUs, under
/// every mapping. To be called after loading code and before it is run. Nothing to do: these CPUs see to it.
///
/// # Safety
/// `start..start + len` must be mapped memory of the kernel half.
pub const unsafe fn sync_instruction_memory(_start: *const u8, _len: usize) {}
