//! Memory from the kernel: the heap, between the program and its break, and mappings.

use crate::abi::fs::O_RDONLY;
use crate::abi::memory::{MAP_ANONYMOUS, MAP_PRIVATE};
use crate::abi::syscall as number;
use crate::io::{self, Fd};
use crate::options::number as decimal;
use crate::{Errno, Result, call, fs};

/// Sets the end of the heap and returns the resulting end, which is the old one on failure. 0 only queries
/// it.
#[must_use]
pub fn brk(address: usize) -> usize {
    // SAFETY: the caller, which holds pointers into the heap, is responsible when it shrinks.
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

/// Zeroed memory that is never freed.
///
/// # Errors
/// `ENOMEM`.
pub fn leak(bytes: usize) -> Result<&'static mut [u8]> {
    let start = grow(bytes)?;
    // SAFETY: the memory is new, zeroed, exclusive, and the break never moves below it.
    Ok(unsafe { core::slice::from_raw_parts_mut(core::ptr::with_exposed_provenance_mut(start), bytes) })
}

/// Reads all remaining input into memory that is never freed.
///
/// # Errors
/// `ENOMEM`, and those of reading.
pub fn read_to_end(fd: Fd) -> Result<&'static [u8]> {
    /// Bytes per read; the parts are contiguous.
    const PART: usize = 16 * 1024;
    let start = brk(0);
    let mut len = 0;
    loop {
        let part = leak(PART)?;
        let count = io::read_full(fd, part)?;
        len += count;
        if count < PART {
            // SAFETY: the parts are contiguous, because nothing else moves the break meanwhile.
            return Ok(unsafe {
                core::slice::from_raw_parts(core::ptr::with_exposed_provenance(start), len)
            });
        }
    }
}

/// Maps zeroed memory at an address that the kernel selects; `protection` is `PROT_*`.
///
/// # Errors
/// As the kernel says.
pub fn map(bytes: usize, protection: u32) -> Result<usize> {
    let flags = (MAP_PRIVATE | MAP_ANONYMOUS).into();
    // SAFETY: new memory, to which no reference exists.
    unsafe { call(number::MMAP, [0, bytes as u64, protection.into(), flags, u64::MAX, 0]) }
        .map(|address| address as usize)
}

/// Unmaps the pages of that many bytes.
///
/// # Errors
/// As the kernel says.
///
/// # Safety
/// Nothing refers to this memory any more, or the process that uses it is meant to be killed.
pub unsafe fn unmap(address: usize, bytes: usize) -> Result<()> {
    // SAFETY: guaranteed by the caller.
    unsafe { call(number::MUNMAP, [address as u64, bytes as u64]) }.map(drop)
}

/// Free memory in bytes, from `/proc/meminfo`.
///
/// # Errors
/// As the kernel says; `EIO` if the file does not contain the value.
pub fn free() -> Result<usize> {
    let fd = fs::open(c"/proc/meminfo", O_RDONLY, 0)?;
    let mut text = [0; 256];
    let count = io::read_full(fd, &mut text)?;
    io::close(fd)?;
    let mut lines = text[..count].split(|byte| *byte == b'\n');
    let line = lines.find_map(|line| line.strip_prefix(b"MemFree:")?.strip_suffix(b" kB"));
    let kib = line.and_then(|digits| decimal(digits.trim_ascii())).ok_or(Errno::EIO)?;
    Ok(kib as usize * 1024)
}
