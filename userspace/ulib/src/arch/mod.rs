//! Architecture-specific code: the only such module in user space. Every architecture defines the same names.
//!
//! * `syscall(number, arguments) -> i64`: executes a system call.
//! * `_start`: the entry point; it passes the initial stack pointer to `ulib_start`.
//! * `store_byte(address)`: a store that the compiler cannot remove.
//! * `illegal_instruction()`, `privileged_instruction()`, `breakpoint()` and `KERNEL_ADDRESS`: operations,
//!   and an address to access, that kill a program.
//! * `RETURN`: a function that only returns, as machine code.
//! * `Registers`: values of all registers that a program may use; see [`Registers::hold`],
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
    /// Name, without the number for numbered registers.
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
    /// Loads the values into the registers, except those of the call's arguments, and executes another
    /// program, with its path as its name and one more argument. Returns only on failure, with the error.
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

/// Register that counts down to zero while the others are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// An argument register.
    Argument,
    /// A callee-saved register.
    Preserved,
}
