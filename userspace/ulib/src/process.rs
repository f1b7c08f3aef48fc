//! Processes.

use core::ffi::{CStr, c_char};
use core::ptr;

use crate::abi::syscall as number;
use crate::io::argument;
use crate::{Errno, Result, call};

/// A process's number.
pub type Pid = i32;

/// Maximum number of arguments of [`exec`]: more than the kernel's limit, so that tests can exceed it.
pub const EXEC_ARGUMENTS_MAX: usize = 128;

/// Ends the process.
pub fn exit(code: i32) -> ! {
    loop {
        // SAFETY: nothing of the program is used afterwards.
        let _ = unsafe { call(number::EXIT, [argument(code)]) };
    }
}

/// The number of this process.
#[must_use]
pub fn pid() -> Pid {
    // SAFETY: no memory is involved.
    let answer = unsafe { call(number::GETPID, []) };
    answer.ok().and_then(|pid| Pid::try_from(pid).ok()).expect("getpid does not fail")
}

/// Yields the processor.
pub fn yield_now() {
    // SAFETY: no memory is involved. The result is meaningless.
    let _ = unsafe { call(number::YIELD, []) };
}

/// The side on which [`fork`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fork {
    Parent { child: Pid },
    Child,
}

/// Creates a child process.
///
/// # Errors
/// As the kernel says.
pub fn fork() -> Result<Fork> {
    // SAFETY: the child has memory of its own.
    let answer = unsafe { call(number::FORK, []) }?;
    Ok(match Pid::try_from(answer).expect("the kernel's pid fits into an i32") {
        0 => Fork::Child,
        child => Fork::Parent { child },
    })
}

/// Executes a program in this process; returns only on failure.
///
/// # Panics
/// With [`EXEC_ARGUMENTS_MAX`] arguments or more.
#[must_use]
pub fn exec(path: &CStr, arguments: &[&CStr]) -> Errno {
    let mut pointers: [*const c_char; EXEC_ARGUMENTS_MAX] = [ptr::null(); EXEC_ARGUMENTS_MAX];
    assert!(arguments.len() < EXEC_ARGUMENTS_MAX);
    for (pointer, argument) in pointers.iter_mut().zip(arguments) {
        *pointer = argument.as_ptr();
        // The kernel reads through the pointer, which the compiler does not know.
        let _ = pointer.expose_provenance();
    }
    exec_raw(path.as_ptr().expose_provenance(), (&raw const pointers).expose_provenance())
}

/// As [`exec`] with any addresses, also bad ones; a null vector means the program's name alone.
#[must_use]
pub fn exec_raw(path: usize, vector: usize) -> Errno {
    // SAFETY: the kernel only reads; on success nothing of the program remains.
    match unsafe { call(number::EXEC, [path as u64, vector as u64]) } {
        Ok(value) => panic!("exec came back with {value}"),
        Err(errno) => errno,
    }
}

/// A child's number and wait status.
pub type Ended = (Pid, i32);

/// Waits for a child: `pid`, or -1 for any. `None` if `options` has `WNOHANG` and no child has ended.
///
/// # Errors
/// As the kernel says.
pub fn wait(pid: Pid, options: u32) -> Result<Option<Ended>> {
    // Not a valid status, so a kernel that does not write it is detected.
    let mut status = i32::MIN;
    let arguments = [argument(pid), (&raw mut status).expose_provenance() as u64, options.into(), 0];
    // SAFETY: the kernel writes the status and nothing else.
    let ended = unsafe { call(number::WAIT4, arguments) }?;
    let ended = Pid::try_from(ended).expect("the kernel's pid fits into an i32");
    Ok((ended != 0).then_some((ended, status)))
}
