//! The binary interface: what kernel, programs and host must agree on to the bit.
//!
//! Every constant has Linux x86-64's value on **both** architectures. The call numbers are a mix of the
//! kernel's own and Linux x86-64's; see [`syscall`]. Structures are `#[repr(C)]` with padding spelled out,
//! so that every byte that crosses the border is initialised; their layouts are pinned by tests.
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
