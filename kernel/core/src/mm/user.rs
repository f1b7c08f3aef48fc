//! Access to user memory: the only code that dereferences user pointers.
//!
//! It accesses every byte through the page table of the user's address space and the linear map, never
//! through the user's own address, so no user pointer can cause a fault in the kernel.

use alloc::vec::Vec;

use parity_abi::{Errno, Plain};
use parity_arch::mem::{USER_END, phys_to_virt};

use super::{AddressSpace, PAGE};
use crate::faults::{Fault, planted};

/// Access of the kernel to user memory.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

/// Reads user memory at `address` into `buffer`.
///
/// # Errors
/// EFAULT if the user may not read all of it.
pub fn read(space: &AddressSpace, address: u64, buffer: &mut [u8]) -> Result<(), Errno> {
    if read_start(space, address, buffer) == buffer.len() { Ok(()) } else { Err(Errno::EFAULT) }
}

/// As [`read`], but stops at the first byte that the user may not read; returns the number of bytes.
pub fn read_start(space: &AddressSpace, address: u64, buffer: &mut [u8]) -> usize {
    let mut done = 0;
    let whole = for_each_piece(space, address, buffer.len(), Access::Read, |piece, length| {
        // SAFETY: `piece` is `length` mapped bytes of the user's frame, to which no reference exists.
        unsafe { piece.copy_to_nonoverlapping(buffer[done..done + length].as_mut_ptr(), length) };
        done += length;
    });
    if whole.is_ok() { buffer.len() } else { done }
}

/// Writes `bytes` to user memory at `address`.
///
/// # Errors
/// EFAULT if the user may not write all of it; then nothing is written.
pub fn write(space: &AddressSpace, address: u64, bytes: &[u8]) -> Result<(), Errno> {
    check_writable(space, address, bytes.len())?;
    write_anyway(space, address, bytes, Access::Write)
}

/// As [`write`], for the loader: it also fills pages that the user may not write.
///
/// # Errors
/// EFAULT if a page is not mapped.
pub fn load(space: &AddressSpace, address: u64, bytes: &[u8]) -> Result<(), Errno> {
    write_anyway(space, address, bytes, Access::Read)
}

fn write_anyway(space: &AddressSpace, address: u64, bytes: &[u8], access: Access) -> Result<(), Errno> {
    let mut done = 0;
    for_each_piece(space, address, bytes.len(), access, |piece, length| {
        // SAFETY: `piece` is `length` mapped bytes of the user's frame, to which no reference exists.
        unsafe { piece.copy_from_nonoverlapping(bytes[done..done + length].as_ptr(), length) };
        done += length;
    })
}

/// Checks that the user may write `length` bytes at `address`, before data is removed from its source.
///
/// # Errors
/// EFAULT if it may not.
pub fn check_writable(space: &AddressSpace, address: u64, length: usize) -> Result<(), Errno> {
    for_each_piece(space, address, length, Access::Write, |_, _| ())
}

/// Number of the `length` bytes at `address` before the first one that the user may not write.
pub fn writable_start(space: &AddressSpace, address: u64, length: usize) -> usize {
    let mut reached = 0;
    let whole = for_each_piece(space, address, length, Access::Write, |_, piece| reached += piece);
    if whole.is_ok() { length } else { reached }
}

/// End of the `length` bytes at `address`; all of them must be in the user address range.
///
/// # Errors
/// EFAULT.
pub fn check_range(address: u64, length: u64) -> Result<u64, Errno> {
    address.checked_add(length).filter(|end| *end <= USER_END.0).ok_or(Errno::EFAULT)
}

/// Reads a structure from user memory.
///
/// # Errors
/// EFAULT.
pub fn read_value<T: Plain>(space: &AddressSpace, address: u64) -> Result<T, Errno> {
    let mut value = T::zeroed();
    read(space, address, value.as_bytes_mut())?;
    Ok(value)
}

/// Writes a structure to user memory.
///
/// # Errors
/// EFAULT.
pub fn write_value<T: Plain>(space: &AddressSpace, address: u64, value: &T) -> Result<(), Errno> {
    write(space, address, value.as_bytes())
}

/// Length of a C string, without its NUL. `limit` is the maximum length, NUL included.
///
/// # Errors
/// EFAULT; `too_long` if the first `limit` bytes contain no NUL.
pub fn string_length(
    space: &AddressSpace,
    address: u64,
    limit: usize,
    too_long: Errno,
) -> Result<usize, Errno> {
    let mut length = 0;
    while length < limit {
        let from = address.checked_add(length as u64).ok_or(Errno::EFAULT)?;
        let count = (limit - length).min(PAGE - from as usize % PAGE);
        let mut end = None;
        for_each_piece(space, from, count, Access::Read, |piece, count| {
            // SAFETY: `piece` is `count` mapped bytes of the user's frame, which no code writes meanwhile.
            let bytes = unsafe { core::slice::from_raw_parts(piece, count) };
            end = bytes.iter().position(|byte| *byte == 0);
        })?;
        if let Some(end) = end {
            return Ok(length + end);
        }
        length += count;
    }
    Err(too_long)
}

/// Reads a C string, without its NUL. `limit` is the maximum length, NUL included.
///
/// # Errors
/// Those of [`string_length`]; ENOMEM.
pub fn read_string(
    space: &AddressSpace,
    address: u64,
    limit: usize,
    too_long: Errno,
) -> Result<Vec<u8>, Errno> {
    let length = string_length(space, address, limit, too_long)?;
    let mut string = Vec::new();
    string.try_reserve_exact(length).map_err(|_| Errno::ENOMEM)?;
    string.resize(length, 0);
    read(space, address, &mut string)?;
    Ok(string)
}

/// Calls `use_piece` with the kernel pointer to each part of the range inside one page.
fn for_each_piece(
    space: &AddressSpace,
    address: u64,
    length: usize,
    access: Access,
    mut use_piece: impl FnMut(*mut u8, usize),
) -> Result<(), Errno> {
    let end = check_range(address, length as u64)?;
    let mut at = address;
    while at < end {
        let Some((physical, perm)) = space.lookup(at) else {
            return if planted(Fault::BadPointerIgnored) { Ok(()) } else { Err(Errno::EFAULT) };
        };
        let allowed = if access == Access::Write { perm.write } else { perm.read };
        let unasked = at != address && planted(Fault::FirstPageAsked);
        if !allowed && !unasked && !planted(Fault::PermissionIgnored) {
            return Err(Errno::EFAULT);
        }
        let piece = (PAGE - at as usize % PAGE).min((end - at) as usize);
        use_piece(phys_to_virt(physical), piece);
        at += piece as u64;
    }
    Ok(())
}
