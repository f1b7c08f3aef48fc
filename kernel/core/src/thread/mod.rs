//! Threads and the scheduler.

pub mod kthread;
mod probes;
pub mod scheduler;
pub mod stack;
#[expect(clippy::module_inception, reason = "the noun of the file is the noun of the room")]
mod thread;

pub use thread::{Owner, Thread};
