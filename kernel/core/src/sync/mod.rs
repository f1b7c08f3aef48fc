//! Locks and wait queues. This layer does not depend on processes; the scheduler registers itself from above.

pub mod irq;
pub mod mutex;
pub mod per_cpu;
mod probes;
pub mod sleepers;
pub mod spin_lock;
pub mod wait_queue;

pub use irq::IrqGuard;
pub use mutex::Mutex;
pub use per_cpu::{MAX_CPUS, PerCpu};
pub use spin_lock::SpinLock;
pub use wait_queue::{Wait, WaitQueue};
