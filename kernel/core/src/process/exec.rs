//! Loading programs, and exec.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use parity_abi::Errno;
use parity_abi::fs::S_IXUSR;
use parity_abi::limits::USER_STACK_BYTES;
use parity_arch::mem::{USER_BASE, USER_STACK_TOP};
use parity_arch::{Perm, TrapFrame, VirtAddr};
use parity_elf::{HEAD_BYTES, Program, Segment};
use parity_ext2::FileType;

use super::arguments::{self, Argument};
use super::{Process, current, probes};
use crate::faults::{Fault, planted};
use crate::fs::disk::DiskFile;
use crate::fs::path::{self, Directory, Found};
use crate::fs::{File, OpenFile};
use crate::mm::{AddressSpace, PAGE, Page, user};
use crate::sync::SpinLock;
use crate::thread::scheduler;
use crate::trace;

/// Upper limit of programs, so that the heap has room below the stack: 64 TiB.
const PROGRAM_END: u64 = 1 << 46;

/// Locked for ever by a planted fault.
static FORGOTTEN: SpinLock<()> = SpinLock::new(());

/// For a canary: the lock of exclusive loading.
#[cfg(feature = "canaries")]
static LOADING: crate::sync::Mutex<()> = crate::sync::Mutex::new(());

/// A loaded program, ready to run.
pub struct Image {
    /// Its path.
    pub program: Arc<String>,
    pub memory: AddressSpace,
    /// Initial registers.
    pub frame: TrapFrame,
}

/// Replaces the program of the running process; on success `frame` enters the new program.
///
/// # Errors
/// Those of [`load`]; the old program then continues.
pub fn exec(path: &[u8], arguments: &[Argument], frame: &mut TrapFrame) -> Result<(), Errno> {
    let process = current();
    let image = load(process.working_directory(), path, arguments)?;
    if !planted(Fault::ExecKeepsDescriptors) {
        while let Some(closed) = remove_close_on_exec(&process) {
            if planted(Fault::ExecLeaksFiles) {
                core::mem::forget(closed);
            }
        }
    }
    process.replace_image(image.program, image.memory);
    trace::fire(&probes::EXEC, process.pid);
    if !planted(Fault::ExecLeaksFp) {
        scheduler::current().reset_fp();
    }
    if planted(Fault::ExecKeepsLock) {
        core::mem::forget(FORGOTTEN.lock());
    }
    *frame = image.frame;
    Ok(())
}

/// A separate function, so that the lock is released before the file is dropped.
fn remove_close_on_exec(process: &Process) -> Option<Arc<OpenFile>> {
    process.files.lock().remove_close_on_exec()
}

/// Loads and drops a program with the loading lock held, after `wait` has returned.
#[cfg(feature = "canaries")]
pub fn load_alone(path: &[u8], wait: impl FnOnce()) {
    let _alone = LOADING.lock();
    wait();
    drop(load(Directory::ROOT, path, &[]));
}

/// Whether a thread holds the loading lock.
#[cfg(feature = "canaries")]
pub fn is_loading_alone() -> bool {
    LOADING.is_locked()
}

/// Loads the program `path` relative to `start`; a name without a slash is looked up in `/bin`.
///
/// # Errors
/// ENOENT; ENOTDIR for a directory; EACCES without execute permission or for other non-regular files; ENOEXEC
/// if the file is not a valid program; E2BIG; ENOMEM; EIO.
pub fn load(start: Directory, path: &[u8], arguments: &[Argument]) -> Result<Image, Errno> {
    let lost = usize::from(planted(Fault::ExecWrongArgv) && !arguments.is_empty());
    let arguments = &arguments[..arguments.len() - lost];
    arguments::size(arguments)?;
    let path = full_path(path)?;
    let file = match path::lookup(start, &path)? {
        Found::Disk(file) => file,
        Found::Proc(node) => return Err(if node.is_directory() { Errno::ENOTDIR } else { Errno::EACCES }),
    };
    match file.inode.kind {
        FileType::Directory => return Err(Errno::ENOTDIR),
        FileType::Regular if file.inode.mode & S_IXUSR != 0 || planted(Fault::ExecIgnoresXBit) => {}
        _ => return Err(Errno::EACCES),
    }
    let mut head = Page::new()?;
    let head = &mut head[..file.inode.size.min(HEAD_BYTES as u64) as usize];
    read_whole(&file, 0, head)?;
    let space = USER_BASE.as_u64()..PROGRAM_END;
    let program =
        Program::parse(head, file.inode.size, parity_arch::ELF_MACHINE, space).map_err(|_| Errno::ENOEXEC)?;
    let (mut memory, mut part) = (AddressSpace::new()?, Page::new()?);
    let mut end = USER_BASE.as_u64();
    for segment in program.segments() {
        load_segment(&file, &segment, &mut memory, &mut part)?;
        end = segment.pages().end;
    }
    memory.publish_code();
    memory.place_heap(end);
    let missing = if planted(Fault::UserStackShort) { PAGE } else { 0 };
    let stack_bytes = (USER_STACK_BYTES - missing) as u64;
    memory.map(USER_STACK_TOP.as_u64() - stack_bytes, stack_bytes, Perm::READ_WRITE)?;
    let sp = arguments::put(&memory, arguments)?;
    let frame = TrapFrame::new_user(VirtAddr(program.entry), VirtAddr(sp));
    Ok(Image { program: Arc::new(name_of(path)), memory, frame })
}

fn load_segment(
    file: &DiskFile,
    segment: &Segment,
    memory: &mut AddressSpace,
    part: &mut Page,
) -> Result<(), Errno> {
    let perm = Perm { read: true, write: segment.write, execute: segment.execute };
    memory.map(segment.address, segment.memory_bytes, perm)?;
    let mut done = 0;
    while done < segment.file_bytes {
        let count = (segment.file_bytes - done).min(PAGE as u64) as usize;
        read_whole(file, segment.offset + done, &mut part[..count])?;
        user::load(memory, segment.address + done, &part[..count])?;
        done += count as u64;
    }
    Ok(())
}

/// Fills `bytes` from the file, from `offset` on.
fn read_whole(file: &DiskFile, offset: u64, bytes: &mut [u8]) -> Result<(), Errno> {
    if file.read(offset, bytes, false)? == bytes.len() { Ok(()) } else { Err(Errno::EIO) }
}

/// The path of a program: unchanged, or in `/bin`.
fn full_path(path: &[u8]) -> Result<Vec<u8>, Errno> {
    let before: &[u8] = match path {
        [] => return Err(Errno::ENOENT),
        path if path.contains(&b'/') => b"",
        _ => b"/bin/",
    };
    let mut full = Vec::new();
    full.try_reserve_exact(before.len() + path.len()).map_err(|_| Errno::ENOMEM)?;
    full.extend_from_slice(before);
    full.extend_from_slice(path);
    Ok(full)
}

/// A path as a printable name: if it is not UTF-8, each byte outside ASCII becomes a question mark.
fn name_of(mut path: Vec<u8>) -> String {
    if core::str::from_utf8(&path).is_err() {
        path.iter_mut().filter(|byte| !byte.is_ascii()).for_each(|byte| *byte = b'?');
    }
    String::from_utf8(path).unwrap_or_default()
}
