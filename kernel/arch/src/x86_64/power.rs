//! Ends of the machine.

use core::arch::asm;

use parity_inventory::inventory;
use x86_64::VirtAddr;
use x86_64::instructions::port::Port;
use x86_64::instructions::tables::lidt;
use x86_64::structures::DescriptorTablePointer;

use super::cpu;

inventory!("driver", "power: isa-debug-exit");

/// QEMU's `isa-debug-exit`: a value that is written here ends the emulator with status 2 × value + 1.
const EXIT: u16 = 0x501;
/// The status is 85, which is none of QEMU's own.
const SWITCHED_OFF: u8 = 0x2A;

/// Switches the machine off; QEMU ends.
pub fn power_off() -> ! {
    // SAFETY: the port is the exit's, or nobody's: then stopping is what is left.
    unsafe { Port::new(EXIT).write(SWITCHED_OFF) };
    cpu::halt()
}

/// Restarts the machine.
pub fn reset() -> ! {
    cpu::irq_disable();
    // SAFETY: a trap without a table of traps is a fault without a handler, and that without one again is what
    // every PC answers with a reset.
    unsafe {
        lidt(&DescriptorTablePointer { limit: 0, base: VirtAddr::zero() });
        asm!("int3", options(nostack));
    }
    cpu::halt()
}
