//! Calls about files and their content.

use alloc::sync::Arc;
use alloc::vec::Vec;

use parity_abi::fs::{DT_DIR, DT_REG, DirentHeader, O_CLOEXEC, R_OK, W_OK, X_OK, dirent_bytes};
use parity_abi::limits::PATH_MAX;
use parity_abi::{Errno, Plain};

use super::Result;
use crate::faults::{Fault, planted};
use crate::fs::OpenFile;
use crate::fs::file::DirectoryEntry;
use crate::fs::path::{self, Directory};
use crate::mm::{heap, user};
use crate::process::current;

/// Most bytes that one read or write moves, as on Linux: a page less than 2 GiB.
const MAX_TRANSFER: u64 = 0x7fff_f000;
/// Bytes that go through the kernel at a time. More than PIPE_BUF, so that a pipe sees what is one write of
/// PIPE_BUF as such.
const CHUNK: usize = 16 * 1024;
/// Most bytes of directory entries that one call gives.
const MAX_ENTRIES: u64 = 64 * 1024;

fn open_file(fd: i32) -> Result<Arc<OpenFile>> {
    current().files.lock().get(fd)
}

/// A buffer between user memory and a file.
fn chunk_buffer(length: u64) -> Result<Vec<u8>> {
    let length = length.min(CHUNK as u64) as usize;
    let mut buffer = Vec::new();
    buffer.try_reserve_exact(length).map_err(|_| Errno::ENOMEM)?;
    buffer.resize(length, 0);
    Ok(buffer)
}

/// What a transfer in pieces gives: an error only if nothing was moved before it.
fn partial(done: u64, errno: Errno) -> Result {
    if done > 0 { Ok(done) } else { Err(errno) }
}

pub fn read(fd: i32, address: u64, length: u64) -> Result {
    let file = open_file(fd)?;
    file.may_read()?;
    user::check_range(address, length)?;
    let length = length.min(MAX_TRANSFER);
    let mut buffer = chunk_buffer(length)?;
    let mut done = 0;
    loop {
        let count = (length - done).min(CHUNK as u64) as usize;
        match read_chunk(&file, address, done, &mut buffer[..count]) {
            Ok(got) => {
                done += got as u64;
                // A stream gives what it has; waiting for more is the caller's decision.
                if got < count || done == length || !file.is_seekable() {
                    return Ok(done);
                }
            }
            Err(errno) => return partial(done, errno),
        }
    }
}

fn read_chunk(file: &OpenFile, address: u64, done: u64, buffer: &mut [u8]) -> Result<usize> {
    let process = current();
    let to = address.checked_add(done).ok_or(Errno::EFAULT)?;
    // Asked before bytes leave a pipe for good: what the buffer cannot take stays where it is.
    let room = process.with_memory(|space| Ok(user::writable_start(space, to, buffer.len())))?;
    let room = if room < buffer.len() && planted(Fault::BufferCheckedWhole) { 0 } else { room };
    let got = file.read(&mut buffer[..room])?;
    if room == 0 && !buffer.is_empty() && !file.is_at_end() {
        return Err(Errno::EFAULT);
    }
    if planted(Fault::ReadZeros) {
        buffer[..got].fill(0);
    }
    process.with_memory(|space| user::write(space, to, &buffer[..got]))?;
    Ok(got)
}

pub fn write(fd: i32, address: u64, length: u64) -> Result {
    let file = open_file(fd)?;
    file.may_write()?;
    user::check_range(address, length)?;
    let length = length.min(MAX_TRANSFER);
    let mut buffer = chunk_buffer(length)?;
    let mut done = 0;
    loop {
        let count = (length - done).min(CHUNK as u64) as usize;
        match write_chunk(&file, address, done, &mut buffer[..count]) {
            Ok(put) => {
                done += put as u64;
                if done == length || put == 0 {
                    return Ok(done);
                }
            }
            Err(errno) => return partial(done, errno),
        }
    }
}

fn write_chunk(file: &OpenFile, address: u64, done: u64, buffer: &mut [u8]) -> Result<usize> {
    let from = address.checked_add(done).ok_or(Errno::EFAULT)?;
    let count = current().with_memory(|space| Ok(user::read_start(space, from, buffer)))?;
    if count == 0 && !buffer.is_empty() || count < buffer.len() && planted(Fault::BufferCheckedWhole) {
        return Err(Errno::EFAULT);
    }
    file.write(&buffer[..count])
}

fn read_path(address: u64) -> Result<Vec<u8>> {
    current().with_memory(|space| user::read_string(space, address, PATH_MAX, Errno::ENAMETOOLONG))
}

pub fn open(name: u64, flags: u32) -> Result {
    heap::admit_user()?;
    let (process, name) = (current(), read_path(name)?);
    let file = Arc::new(path::open(process.working_directory(), &name, flags)?);
    let fd = process.files.lock().add(file, flags & O_CLOEXEC != 0, 0)?;
    Ok(fd.unsigned_abs().into())
}

pub fn lseek(fd: i32, offset: i64, whence: u32) -> Result {
    open_file(fd)?.seek(offset, whence)
}

pub fn fstat(fd: i32, answer: u64) -> Result {
    let stat = open_file(fd)?.stat();
    current().with_memory(|space| user::write_value(space, answer, &stat))?;
    Ok(0)
}

/// There is one user, who may do all that the disk allows: read everything, execute what anybody may.
pub fn access(name: u64, mode: u32) -> Result {
    if planted(Fault::AccessAlwaysOk) {
        return Ok(0);
    }
    if mode & !(R_OK | W_OK | X_OK) != 0 {
        return Err(Errno::EINVAL);
    }
    let found = path::lookup(current().working_directory(), &read_path(name)?)?;
    if planted(Fault::AccessIgnoresMode) {
        return Ok(0);
    }
    if mode & X_OK != 0 && !found.is_executable() {
        return Err(Errno::EACCES);
    }
    found.refuses_writing().filter(|_| mode & W_OK != 0).map_or(Ok(0), Err)
}

pub fn chdir(path: u64) -> Result {
    let process = current();
    let directory = Directory::open(process.working_directory(), &read_path(path)?)?;
    if !planted(Fault::ChdirIgnored) {
        process.set_working_directory(directory);
    }
    Ok(0)
}

/// The path of the working directory with its NUL; its length.
pub fn getcwd(answer: u64, length: u64) -> Result {
    let process = current();
    let known = if planted(Fault::GetcwdWrong) { Directory::ROOT } else { process.working_directory() };
    let mut path = known.path()?;
    path.push(0);
    if length < path.len() as u64 {
        return Err(Errno::ERANGE);
    }
    process.with_memory(|space| user::write(space, answer, &path))?;
    Ok(path.len() as u64)
}

pub fn getdents64(fd: i32, answer: u64, length: u64) -> Result {
    let file = open_file(fd)?;
    let room = length.min(MAX_ENTRIES) as usize;
    // Asked before the position moves.
    let writable = current().with_memory(|space| Ok(user::writable_start(space, answer, room)))?;
    let writable = if writable < room && planted(Fault::BufferCheckedWhole) { 0 } else { writable };
    let mut records = Vec::new();
    let mut refused = None;
    file.list(&mut |entry| {
        if entry.kind == DT_DIR && !entry.name.starts_with(b".") && planted(Fault::GetdentsSkipsEntry) {
            return true;
        }
        let end = records.len() + dirent_bytes(entry.name.len());
        refused = (end > room).then_some(Errno::EINVAL).or((end > writable).then_some(Errno::EFAULT));
        if refused.is_none() {
            push_record(&mut records, &entry);
        }
        refused.is_none()
    })?;
    if let Some(errno) = refused.filter(|_| records.is_empty()) {
        return Err(errno);
    }
    current().with_memory(|space| user::write(space, answer, &records))?;
    Ok(records.len() as u64)
}

fn push_record(records: &mut Vec<u8>, entry: &DirectoryEntry) {
    let length = dirent_bytes(entry.name.len());
    let header = DirentHeader {
        ino: entry.inode,
        off: entry.next.cast_signed(),
        reclen: length as u16,
        kind: if planted(Fault::GetdentsWrongType) { DT_REG } else { entry.kind },
    };
    let end = records.len() + length;
    records.extend_from_slice(header.as_bytes());
    records.extend_from_slice(entry.name);
    // The NUL and the padding.
    records.resize(end, 0);
}
