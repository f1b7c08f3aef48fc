//! The processor: the only place of user space that knows which one it is. Every architecture offers the
//! same names.
//!
//! * `syscall(number, arguments) -> i64`: enters the kernel.
//! * `_start`: takes the stack pointer before any prologue moves it and calls `ulib_start` with it.
//! * `store_byte(address)`: a store that the compiler cannot reason away.
//! * `illegal_instruction()`, `privileged_instruction()`, `breakpoint()` and `KERNEL_ADDRESS`: what gets a program
//!   killed.
//! * `RETURN`: a function that only returns, as machine code.
//! * `Registers`: the values of all registers that a program may use; see [`Registers::hold`],
//!   [`Registers::hold_and_fork`] and [`Registers::hold_and_exec`].

use core::ffi::CStr;
use core::fmt;

use crate::Errno;
use crate::abi::errno::decode;
use crate::abi::syscall::EXEC;

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "aarch64")]
pub use aarch64::*;

#[cfg(target_arch = "x86_64")]
mod x86_64;
#[cfg(target_arch = "x86_64")]
pub use x86_64::*;

/// A register that did not keep its value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Changed {
    /// Name, without the number where there are several of a kind.
    pub register: &'static str,
    pub number: Option<usize>,
    pub expected: u128,
    pub found: u128,
}

impl fmt::Debug for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { register, number, expected, found } = self;
        match number {
            Some(number) => write!(f, "{register}{number}"),
            None => write!(f, "{register}"),
        }?;
        write!(f, " changed from {expected:#x} to {found:#x}")
    }
}

impl Registers {
    /// Puts the values into the registers, but for those of the call's arguments, and replaces the program, with the
    /// program's path as its name and one more argument. Returns only if that fails, with the error.
    #[must_use]
    pub fn hold_and_exec(&self, path: &CStr, argument: &CStr) -> Errno {
        let vector = [path.as_ptr(), argument.as_ptr(), core::ptr::null()];
        let _ = (vector[0].expose_provenance(), vector[1].expose_provenance());
        let arguments = [vector[0].addr() as u64, (&raw const vector).expose_provenance() as u64];
        match decode(self.hold_and_call(EXEC, arguments)) {
            Ok(value) => panic!("exec came back with {value}"),
            Err(errno) => errno,
        }
    }
}

/// Which register counts while the others are held; it comes down to zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// A register in which calls pass arguments.
    Argument,
    /// A register that calls preserve.
    Preserved,
}
