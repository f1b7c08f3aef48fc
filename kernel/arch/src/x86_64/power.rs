//! Power off and reset.

use parity_inventory::inventory;
use x86_64::instructions::port::Port;

use super::{cpu, exception};

inventory!("driver", "power: isa-debug-exit");

/// QEMU's `isa-debug-exit`: writing a value exits QEMU with status 2 × value + 1.
const EXIT: u16 = 0x501;
/// The status is 85, which QEMU itself never uses.
const SWITCHED_OFF: u8 = 0x2A;

/// Powers the machine off; QEMU exits.
pub fn power_off() -> ! {
    // SAFETY: the port is the exit device's; if it is absent, the write has no effect and the CPU halts.
    unsafe { Port::new(EXIT).write(SWITCHED_OFF) };
    cpu::halt()
}

/// Resets the machine.
pub fn reset() -> ! {
    exception::unhandled()
}
