//! Boot: from the entry point to `kernel_main`.

use core::arch::global_asm;
use core::ops::Range;

use x86_64::registers::control::{Cr0Flags, Cr4Flags};
use x86_64::registers::model_specific::EferFlags;

use super::entry::{Attributes, Entry};
use super::mem::{DEVICES, KERNEL_BASE, LOW_MEMORY};
use super::{console, cpu, intc, machine, paging, timer, trap};
use crate::kernel_map::{BootFrames, Image, build};
use crate::mem::phys_to_virt;
use crate::table::index;
use crate::{BootInfo, PageTable, PhysAddr, VirtAddr};

/// Number of the MSR with the long mode flags.
const EFER: u32 = 0xC000_0080;

/// The boot mapping (boot.S) covers the first GiB.
const BOOT_MAPPING_END: PhysAddr = PhysAddr(1 << 30);

/// Loader protocol, which defines the format of its information: PVH start information or Multiboot2 boot
/// information.
const LOADER_PVH: u32 = 1;
const LOADER_MULTIBOOT2: u32 = 2;

global_asm!(
    include_str!("boot.S"),
    KERNEL_BASE = const KERNEL_BASE.0,
    KERNEL_INDEX = const index(KERNEL_BASE, 0),
    LOADER_PVH = const LOADER_PVH,
    LOADER_MULTIBOOT2 = const LOADER_MULTIBOOT2,
    CR4_PAE = const Cr4Flags::PHYSICAL_ADDRESS_EXTENSION.bits(),
    EFER = const EFER,
    EFER_LONG_MODE = const EferFlags::LONG_MODE_ENABLE.bits() | EferFlags::NO_EXECUTE_ENABLE.bits(),
    CR0_PAGING = const Cr0Flags::PAGING.bits() | Cr0Flags::WRITE_PROTECT.bits(),
    TABLE = const Entry::table(PhysAddr(0)).0,
    RAM_BLOCK = const Entry::leaf(2, PhysAddr(0), Attributes::BOOT_RAM).0,
    STACK_SIZE = const BootInfo::BOOT_STACK_SIZE,
    EMERGENCY_STACK_SIZE = const trap::EMERGENCY_STACK_SIZE,
    boot_main = sym boot_main,
);

unsafe extern "Rust" {
    /// The kernel's main function, see [`BootInfo`].
    safe fn kernel_main(boot: &'static BootInfo) -> !;
}

/// First Rust function, on the boot stack in the high half, under the boot mapping.
extern "C" fn boot_main(information: u64, loader: u32) -> ! {
    cpu::init();
    trap::init();
    console::init();

    assert!(PhysAddr(information) < BOOT_MAPPING_END, "the loader's information is at {information:#x}");
    let start = phys_to_virt(PhysAddr(information));
    // SAFETY: the boot mapping covers the loader's information, which is small and never overwritten.
    let machine = unsafe {
        match loader {
            LOADER_PVH => machine::from_pvh(start),
            LOADER_MULTIBOOT2 => machine::from_multiboot2(start),
            _ => panic!("loader {loader} is unknown"),
        }
    };

    let image = Image::of_kernel();
    let unused = machine.unused(image.range().end);
    assert!(unused.start < BOOT_MAPPING_END, "the RAM that is unused begins at {}", unused.start);
    // SAFETY: this RAM is unused, and the boot mapping covers the few pages of tables.
    let mut frames = unsafe { BootFrames::starting_at(unused.start) };
    let others = [(LOW_MEMORY, Attributes::KERNEL_RODATA), (DEVICES, Attributes::DEVICE)];
    let root = build(&machine.memory, &image, &others, &mut frames);
    paging::set_kernel_root(root);
    PageTable::deactivate();
    intc::silence();
    timer::calibrate();

    let boot = BootInfo {
        kernel_image: image.range(),
        boot_stack: boot_stack(),
        free_memory: frames.next()..unused.end,
        memory: machine.memory,
        cmdline: machine.cmdline,
        cpus: machine.cpus,
        virtio_mmio: machine.virtio_mmio,
        ram_disk: machine.ram_disk,
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
