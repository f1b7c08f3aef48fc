//! Processes.

use core::ffi::{CStr, c_char};
use core::ptr;

use crate::abi::syscall as number;
use crate::io::argument;
use crate::{Errno, Result, call};

/// A process's number.
pub type Pid = i32;

/// Most arguments that [`exec`] takes: more than the kernel does, so that its limit can be tried.
pub const EXEC_ARGUMENTS_MAX: usize = 128;

/// Ends the process.
pub fn exit(code: i32) -> ! {
    loop {
        // SAFETY: nothing of the program is used afterwards.
        let _ = unsafe { call(number::EXIT, [argument(code)]) };
    }
}

/// This process.
#[must_use]
pub fn pid() -> Pid {
    // SAFETY: no memory is involved.
    let answer = unsafe { call(number::GETPID, []) };
    answer.ok().and_then(|pid| Pid::try_from(pid).ok()).expect("getpid does not fail")
}

/// Lets others run.
pub fn yield_now() {
    // SAFETY: no memory is involved. The answer says nothing.
    let _ = unsafe { call(number::YIELD, []) };
}

/// Who came back from [`fork`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fork {
    Parent { child: Pid },
    Child,
}

/// Makes a second process, equal but for what is returned.
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

/// Replaces the program; returns only if that fails.
///
/// # Panics
/// With [`EXEC_ARGUMENTS_MAX`] arguments or more.
#[must_use]
pub fn exec(path: &CStr, arguments: &[&CStr]) -> Errno {
    let mut pointers: [*const c_char; EXEC_ARGUMENTS_MAX] = [ptr::null(); EXEC_ARGUMENTS_MAX];
    assert!(arguments.len() < EXEC_ARGUMENTS_MAX);
    for (pointer, argument) in pointers.iter_mut().zip(arguments) {
        *pointer = argument.as_ptr();
        // The kernel follows the pointer, which the compiler cannot see.
        let _ = pointer.expose_provenance();
    }
    exec_raw(path.as_ptr().expose_provenance(), (&raw const pointers).expose_provenance())
}

/// As [`exec`] with any addresses, wrong ones as well; a vector at 0 stands for the program's name alone.
#[must_use]
pub fn exec_raw(path: usize, vector: usize) -> Errno {
    // SAFETY: the kernel only reads; on success nothing of the program remains.
    match unsafe { call(number::EXEC, [path as u64, vector as u64]) } {
        Ok(value) => panic!("exec came back with {value}"),
        Err(errno) => errno,
    }
}

/// A child's end: who, and the wait status.
pub type Ended = (Pid, i32);

/// Waits for a child: `pid`, or -1 for any. `None` if `options` has `WNOHANG` and none has ended.
///
/// # Errors
/// As the kernel says.
pub fn wait(pid: Pid, options: u32) -> Result<Option<Ended>> {
    // No child ends so: a kernel that leaves the status alone is found out.
    let mut status = i32::MIN;
    let arguments = [argument(pid), (&raw mut status).expose_provenance() as u64, options.into(), 0];
    // SAFETY: the kernel writes the status and nothing else.
    let ended = unsafe { call(number::WAIT4, arguments) }?;
    let ended = Pid::try_from(ended).expect("the kernel's pid fits into an i32");
    Ok((ended != 0).then_some((ended, status)))
}
