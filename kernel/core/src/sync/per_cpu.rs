//! Per-CPU variables: one slot per processor, selected by the number of the current processor.

use parity_abi::vitals;
use parity_arch::cpu::cpu_id;

/// Maximum number of processors.
pub const MAX_CPUS: usize = vitals::CPUS;

/// One `T` per processor.
///
/// [`PerCpu::this`] is only reliable while the thread cannot migrate, that is, with interrupts masked. Other
/// processors may access `T` too, so its fields must be atomics.
pub struct PerCpu<T>([T; MAX_CPUS]);

impl<T: Sync> PerCpu<T> {
    pub const fn new(slots: [T; MAX_CPUS]) -> Self {
        Self(slots)
    }

    /// The slot of the current processor.
    pub fn this(&self) -> &T {
        &self.0[cpu_id()]
    }

    /// The slot of processor `cpu`.
    pub fn of(&self, cpu: usize) -> &T {
        &self.0[cpu]
    }
}
