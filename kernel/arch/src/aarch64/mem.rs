//! Addresses: the kernel's linear map and the limits of user space.

use core::arch::asm;
use core::ops::Range;

use aarch64_cpu::asm::barrier;

use crate::{PhysAddr, VirtAddr, kernel_pages};

/// Start of the kernel half; physical address 0 of the linear map. The linker script repeats it.
pub const KERNEL_BASE: VirtAddr = VirtAddr(0xFFFF_0000_0000_0000);
/// Where programs are linked.
pub const USER_BASE: VirtAddr = VirtAddr(0x4100_0000);
/// End (exclusive) of the first user stack.
pub const USER_STACK_TOP: VirtAddr = VirtAddr(0x0000_FFFF_FF00_0000);
/// End (exclusive) of user space.
pub const USER_END: VirtAddr = VirtAddr(0x0001_0000_0000_0000);

/// Where RAM begins on the `virt` machine, and with it, for an ELF kernel, the device tree.
pub(super) const RAM_BASE: PhysAddr = PhysAddr(0x4000_0000);
/// The devices of the `virt` machine that the linear map covers (behind the flash memory).
pub(super) const DEVICES: Range<PhysAddr> = PhysAddr(0x0800_0000)..RAM_BASE;

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
/// every mapping. To be called after loading code and before it is run.
///
/// # Safety
/// `start..start + len` must be mapped memory of the kernel half.
pub unsafe fn sync_instruction_memory(start: *const u8, len: usize) {
    let line = data_cache_line();
    let end = start.addr() + len;
    let mut address = start.addr() & !(line - 1);
    while address < end {
        // SAFETY: cleaning a line of mapped memory changes no value.
        unsafe { asm!("dc cvau, {}", in(reg) address, options(nostack)) };
        address += line;
    }
    barrier::dsb(barrier::ISH);
    // SAFETY: dropping cached instructions only makes the CPU fetch them again.
    unsafe { asm!("ic ialluis", options(nostack)) };
    barrier::dsb(barrier::ISH);
    barrier::isb(barrier::SY);
}

/// Smallest line of the data caches in bytes.
fn data_cache_line() -> usize {
    let ctr: u64;
    // SAFETY: reading the cache type register has no effect.
    unsafe { asm!("mrs {}, ctr_el0", out(reg) ctr, options(nomem, nostack, preserves_flags)) };
    4 << (ctr >> 16 & 0xF)
}
