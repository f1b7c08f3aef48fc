//! The library of all user programs: system calls, start, output, and the checks of test programs.
//!
//! A program is `fn main(args: &Args) -> i32` with [`program!`], a test `fn main(args: &Args)` with
//! [`test!`]. There is no heap.
#![no_std]

pub mod arch;
pub mod capture;
pub mod check;
pub mod child;
pub mod fs;
pub mod hash;
pub mod io;
pub mod memory;
pub mod options;
mod panic;
mod print;
pub mod probe;
pub mod process;
mod start;
pub mod time;
pub mod tool;

pub use parity_abi as abi;
pub use parity_abi::Errno;
pub use print::{_print, Output};
pub use start::Args;

/// Result of a call.
pub type Result<T> = core::result::Result<T, Errno>;

/// Executes a system call with any arguments: for calls without a wrapper, and for bad arguments.
///
/// # Errors
/// The error number that the kernel returned.
///
/// # Safety
/// The caller is responsible for the call's effects on the program's memory and control flow.
pub unsafe fn call<const N: usize>(number: u64, arguments: [u64; N]) -> Result<u64> {
    const { assert!(N <= abi::syscall::MAX_ARGUMENTS) };
    let mut all = [0; abi::syscall::MAX_ARGUMENTS];
    all[..N].copy_from_slice(&arguments);
    // SAFETY: guaranteed by the caller.
    abi::errno::decode(unsafe { arch::syscall(number, all) })
}
