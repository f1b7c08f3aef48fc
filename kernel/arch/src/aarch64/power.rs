//! Ends of the machine, through the firmware (PSCI).

use core::sync::atomic::{AtomicBool, Ordering};

use parity_inventory::inventory;
use smccc::{Hvc, Smc, psci};

use super::cpu;

inventory!("driver", "power: PSCI");

/// The instruction that calls the firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FirmwareCall {
    /// `hvc`
    Hypervisor,
    /// `smc`
    SecureMonitor,
}

static SECURE_MONITOR: AtomicBool = AtomicBool::new(false);

/// Says how the firmware is called.
pub(super) fn configure(call: FirmwareCall) {
    SECURE_MONITOR.store(call == FirmwareCall::SecureMonitor, Ordering::Relaxed);
}

/// Switches the machine off; QEMU ends (or pauses, as it was told).
pub fn power_off() -> ! {
    // The result would be an error code: the firmware refused, and stopping is what is left.
    let _ = if SECURE_MONITOR.load(Ordering::Relaxed) {
        psci::system_off::<Smc>()
    } else {
        psci::system_off::<Hvc>()
    };
    cpu::halt()
}

/// Restarts the machine.
pub fn reset() -> ! {
    // As above.
    let _ = if SECURE_MONITOR.load(Ordering::Relaxed) {
        psci::system_reset::<Smc>()
    } else {
        psci::system_reset::<Hvc>()
    };
    cpu::halt()
}
