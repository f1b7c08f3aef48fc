//! Descriptors.

use crate::abi::syscall as number;
use crate::{Errno, Result, call};

/// A descriptor's number. It is not closed on drop; tests rely on that.
pub type Fd = i32;

/// As a system call argument: sign-extended, so that -1 stays -1.
pub(crate) const fn argument(fd: i32) -> u64 {
    (fd as i64).cast_unsigned()
}

/// The descriptor in a call's result.
fn fd(answer: u64) -> Fd {
    Fd::try_from(answer).expect("the kernel's descriptor fits into an i32")
}

/// Reads up to a buffer; 0 at the end.
///
/// # Errors
/// As the kernel says.
pub fn read(fd: Fd, buffer: &mut [u8]) -> Result<usize> {
    let arguments = [argument(fd), buffer.as_mut_ptr().expose_provenance() as u64, buffer.len() as u64];
    // SAFETY: the kernel writes into the buffer and nowhere else.
    let count = unsafe { call(number::READ, arguments) }? as usize;
    assert!(count <= buffer.len(), "read gave {count} bytes for a buffer of {}", buffer.len());
    Ok(count)
}

/// Reads until the buffer is full or the end is reached; returns the number of bytes.
///
/// # Errors
/// As the kernel says.
pub fn read_full(fd: Fd, buffer: &mut [u8]) -> Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        match read(fd, &mut buffer[done..])? {
            0 => break,
            count => done += count,
        }
    }
    Ok(done)
}

/// Writes some of the bytes; returns how many.
///
/// # Errors
/// As the kernel says.
pub fn write(fd: Fd, bytes: &[u8]) -> Result<usize> {
    let arguments = [argument(fd), bytes.as_ptr().expose_provenance() as u64, bytes.len() as u64];
    // SAFETY: the kernel only reads the bytes.
    let count = unsafe { call(number::WRITE, arguments) }? as usize;
    assert!(count <= bytes.len(), "write took {count} of {} bytes", bytes.len());
    Ok(count)
}

/// Writes all bytes.
///
/// # Errors
/// As the kernel says; `EIO` if it writes nothing.
pub fn write_all(fd: Fd, mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        match write(fd, bytes)? {
            0 => return Err(Errno::EIO),
            count => bytes = &bytes[count..],
        }
    }
    Ok(())
}

/// Closes a descriptor.
///
/// # Errors
/// As the kernel says.
pub fn close(fd: Fd) -> Result<()> {
    // SAFETY: no memory is involved.
    unsafe { call(number::CLOSE, [argument(fd)]) }.map(drop)
}

/// Duplicates a descriptor to the lowest free number.
///
/// # Errors
/// As the kernel says.
pub fn dup(old: Fd) -> Result<Fd> {
    // SAFETY: no memory is involved.
    unsafe { call(number::DUP, [argument(old)]) }.map(fd)
}

/// As [`dup`], but to this number, which is closed first.
///
/// # Errors
/// As the kernel says.
pub fn dup2(old: Fd, new: Fd) -> Result<Fd> {
    // SAFETY: no memory is involved.
    unsafe { call(number::DUP2, [argument(old), argument(new)]) }.map(fd)
}

/// The ends of a pipe.
#[derive(Clone, Copy, Debug)]
pub struct Pipe {
    pub read: Fd,
    pub write: Fd,
}

/// Creates a pipe.
///
/// # Errors
/// As the kernel says.
pub fn pipe() -> Result<Pipe> {
    let mut ends: [Fd; 2] = [-1; 2];
    // SAFETY: the kernel writes the two numbers and nothing else.
    unsafe { call(number::PIPE, [(&raw mut ends).expose_provenance() as u64]) }?;
    Ok(Pipe { read: ends[0], write: ends[1] })
}

/// Queries or changes a descriptor: `F_*`, some with an argument.
///
/// # Errors
/// As the kernel says.
pub fn fcntl(fd: Fd, command: u32, value: u64) -> Result<u64> {
    // SAFETY: no memory is involved.
    unsafe { call(number::FCNTL, [argument(fd), command.into(), value]) }
}
