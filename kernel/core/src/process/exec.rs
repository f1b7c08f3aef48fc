//! Loading programs, and replacing the running one.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use parity_abi::Errno;
use parity_abi::fs::S_IXUSR;
use parity_abi::limits::{ARG_TOTAL_BYTES_MAX, USER_STACK_BYTES};
use parity_arch::mem::{USER_BASE, USER_STACK_TOP};
use parity_arch::{Perm, TrapFrame, VirtAddr};
use parity_elf::{HEAD_BYTES, Program, Segment};
use parity_ext2::FileType;

use super::{current, probes};
use crate::faults::{Fault, planted};
use crate::fs::File;
use crate::fs::disk::DiskFile;
use crate::fs::path::{self, Directory, Found};
use crate::mm::{AddressSpace, PAGE, user};
use crate::sync::SpinLock;
use crate::thread::scheduler;
use crate::trace;

/// Programs end below this, so that the heap has room below the stack: 64 TiB.
const PROGRAM_END: u64 = 1 << 46;
/// Bytes of a program that are copied at a time.
const COPY_BYTES: usize = 16 * 1024;
/// Size of a word on the stack.
const WORD: usize = 8;
/// What the stack pointer is a multiple of when a program begins.
const STACK_ALIGN: usize = 16;

/// For the planted fault that never lets go of it.
static FORGOTTEN: SpinLock<()> = SpinLock::new(());

/// For the canary that loads one program at a time.
#[cfg(feature = "canaries")]
static LOADING: crate::sync::Mutex<()> = crate::sync::Mutex::new(());

/// A program ready to run.
pub struct Image {
    /// Its path.
    pub program: String,
    pub memory: AddressSpace,
    /// Registers to begin with.
    pub frame: TrapFrame,
}

/// Replaces the program of the running process; on success `frame` leads into the new one.
///
/// # Errors
/// Those of [`load`]; the old program goes on then.
pub fn exec(path: &[u8], arguments: &[&[u8]], frame: &mut TrapFrame) -> Result<(), Errno> {
    let process = current();
    let image = load(process.working_directory(), path, arguments)?;
    if !planted(Fault::ExecKeepsDescriptors) {
        let closed = process.files.lock().remove_close_on_exec();
        if planted(Fault::ExecLeaksFiles) {
            core::mem::forget(closed);
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

/// Loads a program while nobody else does so, once it may, and drops it.
#[cfg(feature = "canaries")]
pub fn load_alone(path: &[u8], wait: impl FnOnce()) {
    let _alone = LOADING.lock();
    wait();
    drop(load(Directory::ROOT, path, &[]));
}

/// Whether somebody loads alone.
#[cfg(feature = "canaries")]
pub fn is_loading_alone() -> bool {
    LOADING.is_taken()
}

/// Loads the program `path`, seen from `start`; a name without a slash is looked up in `/bin`.
///
/// # Errors
/// ENOENT; ENOTDIR for a directory; EACCES without the owner's x bit or for what is no regular file; ENOEXEC
/// for what is no program; E2BIG; ENOMEM; EIO.
pub fn load(start: Directory, path: &[u8], arguments: &[&[u8]]) -> Result<Image, Errno> {
    let path = match path {
        [] => return Err(Errno::ENOENT),
        path if path.contains(&b'/') => path.to_vec(),
        name => [b"/bin/", name].concat(),
    };
    let file = match path::lookup(start, &path)? {
        Found::Disk(file) => file,
        Found::Proc(node) => return Err(if node.is_directory() { Errno::ENOTDIR } else { Errno::EACCES }),
    };
    match file.inode.kind {
        FileType::Directory => return Err(Errno::ENOTDIR),
        FileType::Regular if file.inode.mode & S_IXUSR != 0 || planted(Fault::ExecIgnoresXBit) => {}
        _ => return Err(Errno::EACCES),
    }
    let lost = usize::from(planted(Fault::ExecWrongArgv) && !arguments.is_empty());
    let stack = initial_stack(&arguments[..arguments.len() - lost])?;
    let head = read_range(&file, 0, file.inode.size.min(HEAD_BYTES as u64) as usize)?;
    let space = USER_BASE.as_u64()..PROGRAM_END;
    let program = Program::parse(&head, file.inode.size, parity_arch::ELF_MACHINE, space)
        .map_err(|_| Errno::ENOEXEC)?;
    let mut memory = AddressSpace::new()?;
    let mut end = USER_BASE.as_u64();
    for segment in program.segments() {
        load_segment(&file, &segment, &mut memory)?;
        end = segment.pages().end;
    }
    memory.publish_code();
    memory.place_heap(end);
    let missing = if planted(Fault::UserStackShort) { PAGE } else { 0 };
    let stack_bytes = (USER_STACK_BYTES - missing) as u64;
    memory.map(USER_STACK_TOP.as_u64() - stack_bytes, stack_bytes, Perm::READ_WRITE)?;
    let sp = USER_STACK_TOP.as_u64() - stack.len() as u64;
    user::load(&memory, sp, &stack)?;
    let frame = TrapFrame::new_user(VirtAddr(program.entry), VirtAddr(sp));
    Ok(Image { program: String::from_utf8_lossy(&path).into_owned(), memory, frame })
}

fn load_segment(file: &DiskFile, segment: &Segment, memory: &mut AddressSpace) -> Result<(), Errno> {
    let perm = Perm { read: true, write: segment.write, execute: segment.execute };
    memory.map(segment.address, segment.memory_bytes, perm)?;
    let mut done = 0;
    while done < segment.file_bytes {
        let count = (segment.file_bytes - done).min(COPY_BYTES as u64) as usize;
        let bytes = read_range(file, segment.offset + done, count)?;
        user::load(memory, segment.address + done, &bytes)?;
        done += count as u64;
    }
    Ok(())
}

/// `count` bytes of the file from `offset` on.
fn read_range(file: &DiskFile, offset: u64, count: usize) -> Result<Vec<u8>, Errno> {
    let mut bytes = vec![0; count];
    match file.read(offset, &mut bytes, false)? {
        read if read == count => Ok(bytes),
        _ => Err(Errno::EIO),
    }
}

/// The bytes at the upper end of a new program's stack: argc, pointers to the arguments, NULL, and above them
/// the arguments.
fn initial_stack(arguments: &[&[u8]]) -> Result<Vec<u8>, Errno> {
    let string_bytes: usize = arguments.iter().map(|argument| argument.len() + 1).sum();
    let vector_bytes = (arguments.len() + 2) * WORD;
    let total = (vector_bytes + string_bytes).next_multiple_of(STACK_ALIGN);
    if total > ARG_TOTAL_BYTES_MAX {
        return Err(Errno::E2BIG);
    }
    let mut stack = Vec::with_capacity(total);
    stack.extend((arguments.len() as u64).to_le_bytes());
    let mut address = USER_STACK_TOP.as_u64() - (total - vector_bytes) as u64;
    for argument in arguments {
        stack.extend(address.to_le_bytes());
        address += argument.len() as u64 + 1;
    }
    stack.extend(0_u64.to_le_bytes());
    for argument in arguments {
        stack.extend_from_slice(argument);
        stack.push(0);
    }
    stack.resize(total, 0);
    Ok(stack)
}
