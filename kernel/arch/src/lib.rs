//! The architecture interface: everything that `kernel/core` may know about the machine.
//!
//! Portable types are defined here, everything else is re-exported from the folder of the target
//! architecture. All architectures have the same file names. No crate above this one uses a register name.
//!
//! There are two calls upwards: the boot code ends in the function `kernel_main` of the crate that links the
//! kernel (see [`BootInfo`]), and every trap calls the registered [`Handler`].
//!
//! Conventions: addresses are in bytes; "masked" means that this CPU takes no interrupts; all functions may
//! be called in any context unless they say otherwise; nothing here allocates or takes a lock.

#![no_std]

/// Re-exports items that every architecture must define, and lists each in the inventory.
macro_rules! contract {
    ($module:ident: $($item:ident),+ $(,)?) => {
        pub use crate::imp::$module::{$($item),+};
        $(parity_inventory::inventory!("hal", concat!(stringify!($module), "::", stringify!($item)));)+
    };
}

mod address;
mod boot_info;
mod fault;
mod handler;
mod kernel_map;
pub mod kernel_pages;
mod mapping;
mod page_table;
mod table;

#[cfg(target_arch = "aarch64")]
#[path = "aarch64/mod.rs"]
mod imp;

#[cfg(target_arch = "x86_64")]
#[path = "x86_64/mod.rs"]
mod imp;

pub use address::{PAGE_SIZE, PhysAddr, VirtAddr};
pub use boot_info::{BootInfo, MAX_VIRTIO_MMIO, VirtioMmio};
pub use fault::{Access, Exception, Fault, FaultKind};
pub use handler::{Handler, register};
pub use mapping::{FrameSource, MapError, Perm};
pub use page_table::{PageTable, PageTableRoot};

/// Addresses: the kernel's linear map and the limits of user space.
pub mod mem {
    contract!(
        mem:
        KERNEL_BASE, USER_BASE, USER_END, USER_STACK_TOP, phys_to_virt, sync_instruction_memory, virt_to_phys,
    );
}

/// This CPU: interrupts, identity, per-CPU pointer.
pub mod cpu {
    contract!(
        cpu:
        IrqState, cpu_id, cpu_pointer, frame_pointer, halt, irq_disable, irq_enable, irq_enabled, irq_restore,
        irq_save, set_cpu_pointer, wait_for_interrupt,
    );
}

/// The interrupt controller. The trap dispatcher acknowledges and completes interrupts.
pub mod intc {
    contract!(intc: disable, enable, init);
}

/// The periodic tick and the clock.
pub mod timer {
    contract!(timer: IRQ, frequency, init, now, remaining);
}

/// The two serial ports: console text and records for the host.
pub mod console {
    contract!(
        console:
        channel_present, channel_write, console_irq, console_listen, console_loop_back, console_read,
        console_write,
    );
}

/// Deliberate faults of the kernel.
pub mod exception {
    contract!(exception: ALL, read_at, read_unmapped, undefined, unhandled);
}

/// The real-time clock, for the time at boot; after that, [`timer`] is the more precise clock.
pub mod rtc {
    contract!(rtc: unix_seconds);
}

/// Power off and reset.
pub mod power {
    contract!(power: power_off, reset);
}

contract!(fp: FpState);
contract!(thread: Context, switch);
contract!(trap: TrapFrame, resume_user);

/// Number of the architecture in the result channel's HELLO record (1 = aarch64, 2 = x86-64).
pub const ARCH_ID: u8 = imp::ARCH_ID;

/// ELF machine number of programs (`e_machine`).
pub const ELF_MACHINE: u16 = imp::ELF_MACHINE;
