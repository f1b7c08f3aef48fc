//! Power off and reset, through the firmware (PSCI).

use core::sync::atomic::{AtomicBool, Ordering};

use parity_inventory::inventory;
use smccc::{Hvc, Smc, psci};

use super::cpu;

inventory!("driver", "power: PSCI");

/// Instruction that calls the firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FirmwareCall {
    /// `hvc`
    Hypervisor,
    /// `smc`
    SecureMonitor,
}

static SECURE_MONITOR: AtomicBool = AtomicBool::new(false);

/// Sets how to call the firmware.
pub(super) fn configure(call: FirmwareCall) {
    SECURE_MONITOR.store(call == FirmwareCall::SecureMonitor, Ordering::Relaxed);
}

/// Powers the machine off; QEMU exits (or pauses, by its options).
pub fn power_off() -> ! {
    // The call returns only an error: the firmware refused, so the CPU halts.
    let _ = if SECURE_MONITOR.load(Ordering::Relaxed) {
        psci::system_off::<Smc>()
    } else {
        psci::system_off::<Hvc>()
    };
    cpu::halt()
}

/// Resets the machine.
pub fn reset() -> ! {
    // As above.
    let _ = if SECURE_MONITOR.load(Ordering::Relaxed) {
        psci::system_reset::<Smc>()
    } else {
        psci::system_reset::<Hvc>()
    };
    cpu::halt()
}
