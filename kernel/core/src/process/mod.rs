//! Processes: running programs with an address space and a descriptor table.

pub mod arguments;
pub mod exec;
pub mod exit;
pub mod fd_table;
pub mod fork;
mod probes;
#[expect(clippy::module_inception, reason = "the noun of the file is the noun of the room")]
mod process;
pub mod table;
pub mod wait;

pub use process::{Process, current};
