//! Masking interrupts on this processor, nested.

use core::marker::PhantomData;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use parity_arch::cpu;

use super::per_cpu::{MAX_CPUS, PerCpu};
use super::spin_lock;
use crate::faults::{Fault, planted};

/// Guards may be dropped in any order, so what the first one found is kept here and not in the guards.
struct Nesting {
    depth: AtomicU32,
    enabled_before: AtomicBool,
}

static NESTING: PerCpu<Nesting> = PerCpu::new(
    [const { Nesting { depth: AtomicU32::new(0), enabled_before: AtomicBool::new(false) } }; MAX_CPUS],
);

/// Interrupts are masked on this processor as long as one of these exists.
pub struct IrqGuard {
    /// A guard belongs to the processor that made it.
    _not_send: PhantomData<*const ()>,
}

impl IrqGuard {
    pub fn new() -> Self {
        let enabled = cpu::irq_enabled();
        cpu::irq_disable();
        let nesting = NESTING.this();
        if nesting.depth.fetch_add(1, Ordering::Relaxed) == 0 {
            nesting.enabled_before.store(enabled, Ordering::Relaxed);
        }
        Self { _not_send: PhantomData }
    }
}

impl Drop for IrqGuard {
    fn drop(&mut self) {
        let nesting = NESTING.this();
        if (nesting.depth.fetch_sub(1, Ordering::Relaxed) == 1
            || planted(Fault::IrqGuardsNotNested) && spin_lock::none_held())
            && nesting.enabled_before.load(Ordering::Relaxed)
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
    let nesting = NESTING.this();
    Suspended {
        depth: nesting.depth.swap(0, Ordering::Relaxed),
        enabled_before: nesting.enabled_before.load(Ordering::Relaxed),
    }
}

/// Puts a thread's guards onto the processor it runs on now.
pub fn resume(guards: Suspended) {
    let nesting = NESTING.this();
    nesting.depth.store(guards.depth, Ordering::Relaxed);
    nesting.enabled_before.store(guards.enabled_before, Ordering::Relaxed);
}
