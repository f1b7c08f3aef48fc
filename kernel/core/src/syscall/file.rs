//! System calls for files.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use parity_abi::fs::{DT_DIR, DT_REG, DirentHeader, O_CLOEXEC, R_OK, W_OK, X_OK, dirent_bytes};
use parity_abi::limits::{NAME_MAX, PATH_MAX, PIPE_BUF};
use parity_abi::{Errno, Plain};

use super::Result;
use crate::faults::{Fault, planted};
use crate::fs::OpenFile;
use crate::fs::file::DirectoryEntry;
use crate::fs::path::{self, Directory};
use crate::mm::{admission, user};
use crate::process::current;

/// Maximum number of bytes of one read or write, as on Linux: a page less than 2 GiB.
const MAX_TRANSFER: u64 = 0x7fff_f000;
/// Size in bytes of the copy buffer. It is on the stack, so waiting needs no memory. It equals PIPE_BUF, so
/// that an atomic write of up to PIPE_BUF bytes reaches the pipe as one write.
const CHUNK: usize = PIPE_BUF;
/// Size in bytes of the largest directory record.
const RECORD_MAX: usize = dirent_bytes(NAME_MAX);

fn open_file(fd: i32) -> Result<Arc<OpenFile>> {
    current().files.lock().get(fd)
}

/// Result of a transfer in chunks: an error only if nothing was transferred before it.
fn partial(done: u64, errno: Errno) -> Result {
    if done > 0 { Ok(done) } else { Err(errno) }
}

pub fn read(fd: i32, address: u64, length: u64) -> Result {
    let file = open_file(fd)?;
    file.may_read()?;
    user::check_range(address, length)?;
    let length = length.min(MAX_TRANSFER);
    let mut buffer = [0; CHUNK];
    let mut done = 0;
    loop {
        let count = (length - done).min(CHUNK as u64) as usize;
        match read_chunk(&file, address, done, &mut buffer[..count]) {
            Ok(got) => {
                done += got as u64;
                // A stream returns the available bytes; the caller decides whether to wait for more.
                if got < count || done == length || !file.is_seekable() || planted(Fault::ReadOneChunk) {
                    return Ok(done);
                }
            }
            Err(errno) => return partial(done, errno),
        }
    }
}

fn read_chunk(file: &OpenFile, address: u64, done: u64, buffer: &mut [u8]) -> Result<usize> {
    let _kept = planted(Fault::CallsUnadmitted).then(|| vec![0_u8; 4 * CHUNK]);
    let process = current();
    let to = address.checked_add(done).ok_or(Errno::EFAULT)?;
    // Checked before bytes are removed from a pipe: bytes for which the buffer has no room stay in it.
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
    let mut buffer = [0; CHUNK];
    let mut done = 0;
    loop {
        let count = (length - done).min(CHUNK as u64) as usize;
        match write_chunk(&file, address, done, &mut buffer[..count]) {
            Ok(put) => {
                done += put as u64;
                if done == length || put == 0 || planted(Fault::WriteOneChunk) {
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

pub fn read_path(address: u64) -> Result<Vec<u8>> {
    current().with_memory(|space| user::read_string(space, address, PATH_MAX, Errno::ENAMETOOLONG))
}

pub fn open(name: u64, flags: u32) -> Result {
    admission::admit()?;
    let (process, name) = (current(), read_path(name)?);
    let file = Arc::new(path::open(process.working_directory(), &name, flags)?);
    let close_on_exec = flags & O_CLOEXEC != 0 && !planted(Fault::OpenForgetsCloexec);
    let fd = process.files.lock().add(file, close_on_exec, 0)?;
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

/// There is one user with all rights that the disk allows: it may read everything and execute files with any
/// x bit.
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

/// Writes the path of the working directory with its NUL; returns its length.
pub fn getcwd(answer: u64, length: u64) -> Result {
    let process = current();
    let known = if planted(Fault::GetcwdWrong) { Directory::ROOT } else { process.working_directory() };
    let mut path = known.path()?;
    path.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
    path.push(0);
    if length < path.len() as u64 {
        return Err(Errno::ERANGE);
    }
    process.with_memory(|space| user::write(space, answer, &path))?;
    Ok(path.len() as u64)
}

pub fn getdents64(fd: i32, answer: u64, length: u64) -> Result {
    let file = open_file(fd)?;
    let process = current();
    if planted(Fault::BufferCheckedWhole) {
        process.with_memory(|space| user::check_writable(space, answer, length as usize))?;
    }
    let mut done = 0;
    let mut refused = None;
    // One record at a time: the position moves past the records that were copied to the user.
    file.list(&mut |entry| {
        if entry.kind == DT_DIR && !entry.name.starts_with(b".") && planted(Fault::GetdentsSkipsEntry) {
            return true;
        }
        let mut record = [0; RECORD_MAX];
        let put = fill_record(&mut record, &entry).and_then(|record| {
            let room = (record.len() as u64) <= length - done;
            let to = answer.checked_add(done).filter(|_| room).ok_or(Errno::EINVAL)?;
            process.with_memory(|space| user::write(space, to, record))?;
            Ok(record.len() as u64)
        });
        done += put.unwrap_or(0);
        refused = put.err();
        refused.is_none()
    })?;
    refused.map_or(Ok(done), |errno| partial(done, errno))
}

/// Encodes a directory record for the user, with NUL and padding.
fn fill_record<'a>(record: &'a mut [u8; RECORD_MAX], entry: &DirectoryEntry) -> Result<&'a [u8]> {
    let length = dirent_bytes(entry.name.len());
    let header = DirentHeader {
        ino: entry.inode,
        off: entry.next.cast_signed(),
        reclen: length as u16,
        kind: if planted(Fault::GetdentsWrongType) { DT_REG } else { entry.kind },
    };
    let record = record.get_mut(..length).ok_or(Errno::EIO)?;
    let (head, name) = record.split_at_mut(header.as_bytes().len());
    head.copy_from_slice(header.as_bytes());
    name[..entry.name.len()].copy_from_slice(entry.name);
    Ok(record)
}
