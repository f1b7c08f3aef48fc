//! Ends of the machine.

use parity_inventory::inventory;
use x86_64::instructions::port::Port;

use super::{cpu, exception};

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
    exception::unhandled()
}
