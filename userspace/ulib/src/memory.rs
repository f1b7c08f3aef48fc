//! The heap as the kernel gives it: memory between the program and its break.

use crate::abi::syscall as number;
use crate::io::{self, Fd};
use crate::{Errno, Result, call};

/// Moves the end of the heap to this address and gives the end there is then: the old one if that cannot be.
/// 0 asks.
#[must_use]
pub fn brk(address: usize) -> usize {
    // SAFETY: taking memory away is the caller's business; it holds pointers to what it got from here.
    let end = unsafe { call(number::BRK, [address as u64]) };
    end.expect("brk never gives an error") as usize
}

/// Appends that many bytes to the heap and gives their address.
///
/// # Errors
/// `ENOMEM`.
pub fn grow(bytes: usize) -> Result<usize> {
    let start = brk(0);
    let end = start.checked_add(bytes).ok_or(Errno::ENOMEM)?;
    if brk(end) == end { Ok(start) } else { Err(Errno::ENOMEM) }
}

/// Memory of zeroes that is never given back.
///
/// # Errors
/// `ENOMEM`.
pub fn leak(bytes: usize) -> Result<&'static mut [u8]> {
    let start = grow(bytes)?;
    // SAFETY: the memory is new, zeroed, the program's own, and nobody moves the break below it.
    Ok(unsafe { core::slice::from_raw_parts_mut(core::ptr::with_exposed_provenance_mut(start), bytes) })
}

/// All that is left to read, in memory that is never given back.
///
/// # Errors
/// `ENOMEM`, and those of reading.
pub fn read_to_end(fd: Fd) -> Result<&'static [u8]> {
    /// Bytes; each part follows the one before.
    const PART: usize = 16 * 1024;
    let start = brk(0);
    let mut len = 0;
    loop {
        let part = leak(PART)?;
        let count = io::read_full(fd, part)?;
        len += count;
        if count < PART {
            // SAFETY: the parts follow each other, as nothing else moves the break meanwhile.
            return Ok(unsafe {
                core::slice::from_raw_parts(core::ptr::with_exposed_provenance(start), len)
            });
        }
    }
}
