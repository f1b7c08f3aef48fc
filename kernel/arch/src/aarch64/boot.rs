//! Boot: from the entry point to `kernel_main`.

use core::arch::global_asm;
use core::ops::Range;

use aarch64_cpu::registers::{CNTKCTL_EL1, CPACR_EL1, SCTLR_EL1, TCR_EL1, Writeable};

use super::entry::{Attributes, Entry, MAIR};
use super::mem::{DEVICES, KERNEL_BASE, RAM_BASE};
use super::paging::empty_root;
use super::{console, cpu, intc, machine, power, rtc, trap};
use crate::kernel_map::{BootFrames, Image, build};
use crate::mem::{phys_to_virt, virt_to_phys};
use crate::{BootInfo, PageTable, PhysAddr, VirtAddr};

/// 48-bit addresses in both halves, 4 KiB pages, cacheable table walks. boot.S adds the physical address
/// size.
const TCR: u64 = TCR_EL1::T0SZ.val(16).value
    | TCR_EL1::TG0::KiB_4.value
    | TCR_EL1::SH0::Inner.value
    | TCR_EL1::ORGN0::WriteBack_ReadAlloc_WriteAlloc_Cacheable.value
    | TCR_EL1::IRGN0::WriteBack_ReadAlloc_WriteAlloc_Cacheable.value
    | TCR_EL1::T1SZ.val(16).value
    | TCR_EL1::TG1::KiB_4.value
    | TCR_EL1::SH1::Inner.value
    | TCR_EL1::ORGN1::WriteBack_ReadAlloc_WriteAlloc_Cacheable.value
    | TCR_EL1::IRGN1::WriteBack_ReadAlloc_WriteAlloc_Cacheable.value;

/// Bits 29, 28, 23, 22, 20 and 11: reserved, 1 on CPUs that define no function for them.
const SCTLR_RESERVED: u64 = 0x30D0_0800;

/// MMU, caches and stack alignment checks on; EL0 may execute cache maintenance, `dc zva`, `wfi` and `wfe`.
const SCTLR: u64 = SCTLR_RESERVED
    | SCTLR_EL1::M::Enable.value
    | SCTLR_EL1::C::Cacheable.value
    | SCTLR_EL1::I::Cacheable.value
    | SCTLR_EL1::SA::Enable.value
    | SCTLR_EL1::SA0::Enable.value
    | SCTLR_EL1::UCI::DontTrap.value
    | SCTLR_EL1::UCT::DontTrap.value
    | SCTLR_EL1::DZE::DontTrap.value
    | SCTLR_EL1::NTWE::DontTrap.value
    | SCTLR_EL1::NTWI::DontTrap.value;

global_asm!(
    include_str!("boot.S"),
    MAIR = const MAIR,
    TCR = const TCR,
    SCTLR = const SCTLR,
    KERNEL_BASE = const KERNEL_BASE.0,
    TABLE = const Entry::table(PhysAddr(0)).0,
    DEVICE_BLOCK = const Entry::leaf(1, PhysAddr(0), Attributes::DEVICE).0,
    RAM_BLOCK = const Entry::leaf(1, PhysAddr(0), Attributes::BOOT_RAM).0,
    STACK_SIZE = const BootInfo::BOOT_STACK_SIZE,
    EMERGENCY_STACK_SIZE = const trap::EMERGENCY_STACK_SIZE,
    boot_main = sym boot_main,
);

unsafe extern "Rust" {
    /// The kernel's main function, see [`BootInfo`].
    safe fn kernel_main(boot: &'static BootInfo) -> !;
}

/// First Rust function, on the boot stack in the high half, under the boot mapping.
extern "C" fn boot_main() -> ! {
    trap::init();
    cpu::set_cpu_pointer(core::ptr::null_mut());
    CPACR_EL1.write(CPACR_EL1::FPEN::TrapNothing);
    CNTKCTL_EL1.write(CNTKCTL_EL1::EL0VCTEN::SET);

    // SAFETY: the boot mapping covers the start of RAM, where QEMU puts the device tree for an ELF kernel.
    let machine = unsafe { machine::read(phys_to_virt(RAM_BASE)) };
    console::init(machine.console, machine.console_irq, machine.channel);
    intc::configure(machine.distributor, machine.cpu_interface);
    power::configure(machine.firmware_call);
    rtc::configure(machine.rtc);

    let image = Image::of_kernel();
    // SAFETY: RAM after the kernel image is unused, and the boot mapping covers the first GiB.
    let mut frames = unsafe { BootFrames::starting_at(image.range().end) };
    let root = build(&machine.memory, &image, &[(DEVICES, Attributes::DEVICE)], &mut frames);
    // SAFETY: the new tables map the kernel at the same addresses, with stricter permissions.
    unsafe { install_kernel_root(root) };

    let boot = BootInfo {
        kernel_image: image.range(),
        boot_stack: boot_stack(),
        free_memory: frames.next()..machine.memory.end.page_down(),
        memory: machine.memory,
        cmdline: machine.cmdline,
        cpus: machine.cpus,
        virtio_mmio: machine.virtio_mmio,
        ram_disk: None,
    };
    // SAFETY: `kernel_main` does not return and nothing else uses the boot stack: the value lives forever.
    kernel_main(unsafe { &*core::ptr::from_ref(&boot) })
}

fn boot_stack() -> Range<VirtAddr> {
    unsafe extern "C" {
        static boot_stack_top: u8;
    }
    let top = VirtAddr((&raw const boot_stack_top).addr() as u64);
    top - BootInfo::BOOT_STACK_SIZE as u64..top
}

/// Replaces the boot mapping by the final tables of the kernel half, and removes the low half.
///
/// # Safety
/// `root` maps all that the running kernel uses.
unsafe fn install_kernel_root(root: PhysAddr) {
    unsafe extern "C" {
        fn switch_kernel_root(root: PhysAddr, empty: PhysAddr);
    }
    let low = virt_to_phys(switch_kernel_root as *const ()).0 as usize;
    let low: *const () = core::ptr::with_exposed_provenance(low);
    // SAFETY: the low half of the boot mapping maps the function at its physical address.
    unsafe {
        let switch: unsafe extern "C" fn(PhysAddr, PhysAddr) = core::mem::transmute(low);
        switch(root, empty_root());
    }
    PageTable::deactivate();
}
