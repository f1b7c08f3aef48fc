//! System calls for descriptors.

use alloc::boxed::Box;
use alloc::sync::Arc;

use parity_abi::fs::{
    F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_GETFL, F_SETFD, F_SETFL, FD_CLOEXEC, O_CLOEXEC, O_NONBLOCK,
    O_RDONLY, O_WRONLY,
};
use parity_abi::limits::OPEN_MAX;
use parity_abi::{Errno, Plain};

use super::Result;
use crate::faults::{Fault, planted};
use crate::fs::{OpenFile, pipe};
use crate::mm::{admission, user};
use crate::process::current;

pub fn close(fd: i32) -> Result {
    if planted(Fault::CloseIgnored) {
        return current().files.lock().get(fd).map(|_| 0);
    }
    let file = current().files.lock().remove(fd)?;
    drop(file);
    Ok(0)
}

pub fn dup(fd: i32) -> Result {
    duplicate(fd, 0, false)
}

pub fn dup2(old: i32, new: i32) -> Result {
    let process = current();
    let file = process.files.lock().get(old)?;
    if old != new && !planted(Fault::Dup2Ignored) {
        let closed = process.files.lock().replace(new, file)?;
        if planted(Fault::Dup2LeaksOld) {
            core::mem::forget(closed);
        }
    }
    Ok(descriptor(new))
}

pub fn fcntl(fd: i32, command: u32, argument: u64) -> Result {
    let process = current();
    match command {
        F_DUPFD | F_DUPFD_CLOEXEC => {
            let from = usize::try_from(argument).ok().filter(|from| *from < OPEN_MAX);
            let file = process.files.lock().get(fd);
            file.and(from.ok_or(Errno::EINVAL))
                .and_then(|from| duplicate(fd, from, command == F_DUPFD_CLOEXEC))
        }
        F_GETFD => process.files.lock().close_on_exec(fd).map(|set| if set { FD_CLOEXEC.into() } else { 0 }),
        F_SETFD => {
            process.files.lock().set_close_on_exec(fd, argument as u32 & FD_CLOEXEC != 0)?;
            Ok(0)
        }
        F_GETFL => Ok(process.files.lock().get(fd)?.flags().into()),
        F_SETFL => {
            process.files.lock().get(fd)?.set_flags(argument as u32);
            Ok(0)
        }
        _ => process.files.lock().get(fd).and(Err(Errno::EINVAL)),
    }
}

fn duplicate(fd: i32, from: usize, close_on_exec: bool) -> Result {
    let process = current();
    let mut files = process.files.lock();
    let file = files.get(if planted(Fault::DupAliasesZero) { 0 } else { fd })?;
    let close_on_exec = close_on_exec || planted(Fault::DupCopiesCloexec) && files.close_on_exec(fd)?;
    if planted(Fault::DupClearsCloexec) {
        files.set_close_on_exec(fd, false)?;
    }
    files.add(file, close_on_exec, from).map(descriptor)
}

/// pipe2(fds, flags): writes the two descriptors to `fds`, read end first.
pub fn pipe2(fds: u64, flags: u32) -> Result {
    if flags & !(O_CLOEXEC | O_NONBLOCK) != 0 {
        return Err(Errno::EINVAL);
    }
    admission::admit()?;
    let process = current();
    process.with_memory(|space| user::check_writable(space, fds, size_of::<[i32; 2]>()))?;
    let (reader, writer) = pipe::new();
    let reader = Arc::new(OpenFile::new(Box::new(reader), O_RDONLY | flags));
    let writer = Arc::new(OpenFile::new(Box::new(writer), O_WRONLY | flags));
    let close_on_exec = flags & O_CLOEXEC != 0;
    let pair = {
        let mut files = process.files.lock();
        let first = files.add(reader, close_on_exec, 0)?;
        match files.add(writer, close_on_exec && !planted(Fault::PipeForgetsCloexec), 0) {
            Ok(second) => [first, second],
            Err(errno) => {
                let closed = files.remove(first);
                drop(files);
                drop(closed);
                return Err(errno);
            }
        }
    };
    process.with_memory(|space| user::write(space, fds, pair.as_bytes()))?;
    Ok(0)
}

/// A descriptor as a call's result: never negative.
fn descriptor(fd: i32) -> u64 {
    fd.unsigned_abs().into()
}
