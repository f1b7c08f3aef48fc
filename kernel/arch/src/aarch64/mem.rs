//! Addresses: the kernel's linear map and the limits of user space.

use core::arch::asm;
use core::ops::Range;

use aarch64_cpu::asm::barrier;

use crate::{PhysAddr, VirtAddr, kernel_pages};

/// Start of the kernel half and of the linear map. The linker script repeats the value.
pub const KERNEL_BASE: VirtAddr = VirtAddr(0xFFFF_0000_0000_0000);
/// Link address of programs.
pub const USER_BASE: VirtAddr = VirtAddr(0x4100_0000);
/// End (exclusive) of the first user stack.
pub const USER_STACK_TOP: VirtAddr = VirtAddr(0x0000_FFFF_FF00_0000);
/// End (exclusive) of user space.
pub const USER_END: VirtAddr = VirtAddr(0x0001_0000_0000_0000);

/// Start of RAM on the `virt` machine. For an ELF kernel, QEMU puts the device tree here.
pub(super) const RAM_BASE: PhysAddr = PhysAddr(0x4000_0000);
/// Devices of the `virt` machine in the linear map (above the flash memory).
pub(super) const DEVICES: Range<PhysAddr> = PhysAddr(0x0800_0000)..RAM_BASE;

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
/// mapping. Call it after loading code and before running it.
///
/// # Safety
/// `start..start + len` must be mapped memory of the kernel half.
pub unsafe fn sync_instruction_memory(start: *const u8, len: usize) {
    let line = data_cache_line();
    let end = start.addr() + len;
    let mut address = start.addr() & !(line - 1);
    while address < end {
        // SAFETY: cleaning a cache line of mapped memory changes no value.
        unsafe { asm!("dc cvau, {}", in(reg) address, options(nostack)) };
        address += line;
    }
    barrier::dsb(barrier::ISH);
    // SAFETY: after an invalidation the CPU fetches the instructions again.
    unsafe { asm!("ic ialluis", options(nostack)) };
    barrier::dsb(barrier::ISH);
    barrier::isb(barrier::SY);
}

/// Smallest data cache line in bytes.
fn data_cache_line() -> usize {
    let ctr: u64;
    // SAFETY: reading the cache type register has no effect.
    unsafe { asm!("mrs {}, ctr_el0", out(reg) ctr, options(nomem, nostack, preserves_flags)) };
    4 << (ctr >> 16 & 0xF)
}
