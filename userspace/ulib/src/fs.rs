//! Files.

use core::ffi::CStr;

use crate::abi::Plain;
use crate::abi::fs::{DirentHeader, Stat};
use crate::abi::syscall as number;
use crate::io::{Fd, argument};
use crate::{Result, call};

/// Opens a file; `flags` are `O_*`, `mode` the permissions of a new one.
///
/// # Errors
/// As the kernel says.
pub fn open(path: &CStr, flags: u32, mode: u32) -> Result<Fd> {
    let arguments = [path.as_ptr().expose_provenance() as u64, flags.into(), mode.into()];
    // SAFETY: the kernel only reads the path.
    let fd = unsafe { call(number::OPEN, arguments) }?;
    Ok(Fd::try_from(fd).expect("the kernel's descriptor fits into an i32"))
}

/// Metadata of an open file.
///
/// # Errors
/// As the kernel says.
pub fn fstat(fd: Fd) -> Result<Stat> {
    let mut stat = Stat::zeroed();
    // SAFETY: the kernel writes the structure and nothing else.
    unsafe { call(number::FSTAT, [argument(fd), (&raw mut stat).expose_provenance() as u64]) }?;
    Ok(stat)
}

/// Moves the file position; `whence` is `SEEK_*`.
///
/// # Errors
/// As the kernel says.
pub fn lseek(fd: Fd, offset: i64, whence: u32) -> Result<u64> {
    // SAFETY: no memory is involved.
    unsafe { call(number::LSEEK, [argument(fd), offset.cast_unsigned(), whence.into()]) }
}

/// Checks that the file exists and permits `mode`: `F_OK`, or a combination of `R_OK`, `W_OK`, `X_OK`.
///
/// # Errors
/// As the kernel says.
pub fn access(path: &CStr, mode: u32) -> Result<()> {
    // SAFETY: the kernel only reads the path.
    unsafe { call(number::ACCESS, [path.as_ptr().expose_provenance() as u64, mode.into()]) }.map(drop)
}

/// Changes the working directory.
///
/// # Errors
/// As the kernel says.
pub fn chdir(path: &CStr) -> Result<()> {
    // SAFETY: the kernel only reads the path.
    unsafe { call(number::CHDIR, [path.as_ptr().expose_provenance() as u64]) }.map(drop)
}

/// Writes the working directory's path and a NUL into the buffer and returns their length.
///
/// # Errors
/// As the kernel says.
pub fn getcwd(buffer: &mut [u8]) -> Result<usize> {
    let arguments = [buffer.as_mut_ptr().expose_provenance() as u64, buffer.len() as u64];
    // SAFETY: the kernel writes into the buffer and nowhere else.
    let len = unsafe { call(number::GETCWD, arguments) }? as usize;
    assert!(len <= buffer.len(), "getcwd gave {len} bytes for a buffer of {}", buffer.len());
    Ok(len)
}

/// Fills the buffer with the directory's next records and returns their length; 0 at the end.
///
/// # Errors
/// As the kernel says.
pub fn getdents(fd: Fd, buffer: &mut [u8]) -> Result<usize> {
    let arguments = [argument(fd), buffer.as_mut_ptr().expose_provenance() as u64, buffer.len() as u64];
    // SAFETY: the kernel writes into the buffer and nowhere else.
    let len = unsafe { call(number::GETDENTS64, arguments) }? as usize;
    assert!(len <= buffer.len(), "getdents64 gave {len} bytes for a buffer of {}", buffer.len());
    Ok(len)
}

/// A directory's entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    pub inode: u64,
    /// Position of the next entry, for [`lseek`].
    pub next: i64,
    /// Length of the whole record in bytes.
    pub record: usize,
    /// `DT_*`.
    pub kind: u8,
    pub name: &'a [u8],
}

/// Iterates over the records that [`getdents`] returned. Ends at the first malformed record; a test compares
/// the lengths.
pub fn entries(mut records: &[u8]) -> impl Iterator<Item = Entry<'_>> + Clone {
    core::iter::from_fn(move || {
        let mut header = DirentHeader::zeroed();
        header.as_bytes_mut().copy_from_slice(records.get(..size_of::<DirentHeader>())?);
        let record = usize::from(header.reclen);
        let name = CStr::from_bytes_until_nul(records.get(size_of::<DirentHeader>()..record)?).ok()?;
        records = &records[record..];
        let (inode, next) = (header.ino, header.off);
        Some(Entry { inode, next, record, kind: header.kind, name: name.to_bytes() })
    })
}
