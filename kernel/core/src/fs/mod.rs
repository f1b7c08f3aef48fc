//! Files and file systems.

pub mod disk;
pub mod file;
pub mod path;
pub mod pipe;
pub mod proc;
pub mod tty;

pub use file::{File, OpenFile};
