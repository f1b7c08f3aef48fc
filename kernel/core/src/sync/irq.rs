//! Nested interrupt masking on this processor.

use core::marker::PhantomData;
use core::sync::atomic::Ordering;

use parity_arch::cpu;

use crate::faults::{Fault, planted};
use crate::vitals;

// Guards may be dropped in any order, so the original mask is stored with the processor, not in the guards.

/// Interrupts are masked on this processor while a guard exists.
pub struct IrqGuard {
    /// A guard belongs to the processor that created it.
    _not_send: PhantomData<*const ()>,
}

impl IrqGuard {
    pub fn new() -> Self {
        let enabled = cpu::irq_enabled();
        cpu::irq_disable();
        let here = vitals::this_cpu();
        if here.masked.fetch_add(1, Ordering::Relaxed) == 0 {
            here.enabled_before.store(enabled, Ordering::Relaxed);
        }
        Self { _not_send: PhantomData }
    }
}

impl Drop for IrqGuard {
    fn drop(&mut self) {
        let here = vitals::this_cpu();
        if (here.masked.fetch_sub(1, Ordering::Relaxed) == 1
            || planted(Fault::IrqGuardsNotNested) && here.locks.is_empty())
            && here.enabled_before.load(Ordering::Relaxed)
        {
            cpu::irq_enable();
        }
    }
}

/// The guards of a thread that does not run; they belong to the thread, not to the processor.
pub struct Suspended {
    depth: u32,
    enabled_before: bool,
}

/// Removes the running thread's guards from this processor. Interrupts stay masked.
pub fn suspend() -> Suspended {
    let here = vitals::this_cpu();
    Suspended {
        depth: here.masked.swap(0, Ordering::Relaxed),
        enabled_before: here.enabled_before.load(Ordering::Relaxed),
    }
}

/// Restores a thread's guards on the processor that now runs it.
pub fn resume(guards: Suspended) {
    let here = vitals::this_cpu();
    here.masked.store(guards.depth, Ordering::Relaxed);
    here.enabled_before.store(guards.enabled_before, Ordering::Relaxed);
}
