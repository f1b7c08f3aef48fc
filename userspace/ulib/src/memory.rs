//! Memory as the kernel gives it: the heap, between the program and its break, and mappings.

use crate::abi::fs::O_RDONLY;
use crate::abi::memory::{MAP_ANONYMOUS, MAP_PRIVATE};
use crate::abi::syscall as number;
use crate::io::{self, Fd};
use crate::options::number as decimal;
use crate::{Errno, Result, call, fs};

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

/// New zeroed memory at an address of the kernel's choice; `protection` is `PROT_*`.
///
/// # Errors
/// As the kernel says.
pub fn map(bytes: usize, protection: u32) -> Result<usize> {
    let flags = (MAP_PRIVATE | MAP_ANONYMOUS).into();
    // SAFETY: new memory, which nothing of the program knows of.
    unsafe { call(number::MMAP, [0, bytes as u64, protection.into(), flags, u64::MAX, 0]) }
        .map(|address| address as usize)
}

/// Gives the pages of that many bytes back.
///
/// # Errors
/// As the kernel says.
///
/// # Safety
/// Nothing refers to this memory any more, or whoever uses it means to be killed.
pub unsafe fn unmap(address: usize, bytes: usize) -> Result<()> {
    // SAFETY: the caller's promise.
    unsafe { call(number::MUNMAP, [address as u64, bytes as u64]) }.map(drop)
}

/// Bytes of memory that nobody uses, by `/proc/meminfo`.
///
/// # Errors
/// As the kernel says; `EIO` if the file does not say it.
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
