//! Files: what a descriptor can stand for.

pub mod disk;
pub mod file;
pub mod pipe;
pub mod tty;

pub use file::{File, OpenFile};
