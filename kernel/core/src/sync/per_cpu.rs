//! Per-CPU variables: one slot per processor, reached through the number of the processor that asks.

use core::sync::atomic::{AtomicU32, Ordering};

use parity_arch::cpu::cpu_id;

/// Processors the kernel has room for.
pub const MAX_CPUS: usize = 8;

/// One `T` per processor.
///
/// The slot is only "this processor's" while the thread cannot move, that is with interrupts masked. `T` is
/// shared all the same (another processor may look), so its fields are atomics.
pub struct PerCpu<T>([T; MAX_CPUS]);

impl<T: Sync> PerCpu<T> {
    pub const fn new(slots: [T; MAX_CPUS]) -> Self {
        Self(slots)
    }

    /// The slot of the processor that executes this call.
    pub fn this(&self) -> &T {
        &self.0[cpu_id()]
    }

    /// The slot of processor `cpu`.
    pub fn of(&self, cpu: usize) -> &T {
        &self.0[cpu]
    }
}

static CURRENT_THREAD: PerCpu<AtomicU32> = PerCpu::new([const { AtomicU32::new(0) }; MAX_CPUS]);

/// Number of the thread running on this processor, 0 while booting: what a lock writes down as its owner.
pub fn current_thread_id() -> u32 {
    CURRENT_THREAD.this().load(Ordering::Relaxed)
}

/// Told by the scheduler at every switch, with interrupts masked.
pub fn set_current_thread_id(id: u32) {
    CURRENT_THREAD.this().store(id, Ordering::Relaxed);
}
