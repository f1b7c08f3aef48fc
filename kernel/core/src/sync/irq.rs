//! Masking interrupts on this processor, nested.

use core::marker::PhantomData;
use core::sync::atomic::Ordering;

use parity_arch::cpu;

use crate::faults::{Fault, planted};
use crate::vitals;

// Guards may be dropped in any order, so what the first one found is kept with the processor and not in the guards.

/// Interrupts are masked on this processor as long as one of these exists.
pub struct IrqGuard {
    /// A guard belongs to the processor that made it.
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

/// The guards a thread holds while it does not run; they are the thread's, not the processor's.
pub struct Suspended {
    depth: u32,
    enabled_before: bool,
}

/// Takes the running thread's guards off this processor. Interrupts stay masked.
pub fn suspend() -> Suspended {
    let here = vitals::this_cpu();
    Suspended {
        depth: here.masked.swap(0, Ordering::Relaxed),
        enabled_before: here.enabled_before.load(Ordering::Relaxed),
    }
}

/// Puts a thread's guards onto the processor it runs on now.
pub fn resume(guards: Suspended) {
    let here = vitals::this_cpu();
    here.masked.store(guards.depth, Ordering::Relaxed);
    here.enabled_before.store(guards.enabled_before, Ordering::Relaxed);
}
