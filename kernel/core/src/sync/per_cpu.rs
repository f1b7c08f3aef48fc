//! Per-CPU variables: one slot per processor, reached through the number of the processor that asks.

use parity_abi::vitals;
use parity_arch::cpu::cpu_id;

/// Processors the kernel has room for.
pub const MAX_CPUS: usize = vitals::CPUS;

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
