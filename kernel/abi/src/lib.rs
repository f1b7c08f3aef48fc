//! The binary interface that kernel, programs and host share.
//!
//! Every constant has Linux x86-64's value on **both** architectures. The call numbers are a mix of the
//! kernel's own and Linux x86-64's; see [`syscall`]. Structures are `#[repr(C)]` with explicit padding, so
//! that every byte copied between kernel and user is initialised; tests check their layouts.
#![no_std]

pub mod errno;
pub mod fs;
pub mod limits;
pub mod memory;
mod plain;
pub mod record;
pub mod signal;
pub mod socket;
pub mod syscall;
pub mod system;
pub mod termios;
pub mod time;
pub mod trace;
pub mod vitals;
pub mod wait;

pub use errno::Errno;
pub use plain::Plain;
