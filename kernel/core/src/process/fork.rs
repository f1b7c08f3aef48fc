//! Process creation: PID 1 from a program, all others by fork.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;

use parity_abi::Errno;
use parity_abi::fs::O_RDWR;
use parity_arch::{FpState, TrapFrame};
use parity_record::Record;

use super::arguments::Argument;
use super::exec::{self, Image};
use super::fd_table::FdTable;
use super::{Process, current, probes, table};
use crate::drivers::channel;
use crate::faults::{Fault, planted};
use crate::fs::path::Directory;
use crate::fs::tty::Console;
use crate::fs::{OpenFile, disk, proc};
use crate::mm::admission;
use crate::sync::spin_lock::assert_none_held;
use crate::thread::{Thread, scheduler};
use crate::trace;

/// Starts PID 1 with the console as standard input, output and error. `loaded` is called before PID 1 can
/// run: afterwards it may end before the caller continues.
///
/// # Errors
/// Why the program could not be loaded.
pub fn start_init(path: &str, arguments: &[&str], loaded: impl FnOnce()) -> Result<(), Errno> {
    trace::register(&probes::PROVIDER, &[]);
    proc::register_processes(&table::Table);
    let console = Arc::new(OpenFile::new(Box::new(Console), O_RDWR));
    let mut files = FdTable::default();
    for _ in 0..3 {
        files.add(console.clone(), false, 0)?;
    }
    start(path, arguments, files, 0, loaded).map(|_| ())
}

/// Starts a program as a new process, a child of `parent` with these descriptors, in the root directory;
/// returns its number. `loaded` is called before it can run.
///
/// # Errors
/// Why the program could not be loaded.
pub fn start(
    path: &str,
    arguments: &[&str],
    files: FdTable,
    parent: u32,
    loaded: impl FnOnce(),
) -> Result<u32, Errno> {
    let arguments: Box<[Argument]> =
        arguments.iter().map(|argument| Argument::Kernel(argument.as_bytes())).collect();
    let Image { program, memory, frame } = exec::load(Directory::ROOT, path.as_bytes(), &arguments)?;
    let process = Process::new(table::next_pid(), program.clone(), memory, files, Directory::ROOT);
    let pid = process.pid;
    loaded();
    spawn(Arc::new(process), program, parent, frame, FpState::new())?;
    Ok(pid)
}

/// Creates a copy of the running process that continues with `frame` and gets 0 as the call's result; returns
/// its number.
///
/// # Errors
/// ENOMEM.
pub fn fork(frame: &TrapFrame) -> Result<u32, Errno> {
    admission::admit()?;
    let parent = current();
    let memory = parent.with_memory(|memory| memory.duplicate())?;
    let drops = planted(Fault::ForkDropsFiles);
    let mut files = if drops { FdTable::default() } else { parent.files.lock().duplicate()? };
    if planted(Fault::ForkClearsCloexec) {
        files.keep_all_on_exec();
    }
    let program = parent.program();
    let inherits = !planted(Fault::ForkForgetsCwd);
    let directory = if inherits { parent.working_directory() } else { Directory::ROOT };
    let child = Process::new(table::next_pid(), program.clone(), memory, files, directory);
    let pid = child.pid;
    let fp = scheduler::current().copy_fp();
    let mut frame = frame.clone();
    frame.set_return(0);
    spawn(Arc::new(child), program, parent.pid, frame, fp)?;
    Ok(if planted(Fault::ForkSamePid) { parent.pid } else { pid })
}

fn spawn(
    process: Arc<Process>,
    program: Arc<String>,
    parent: u32,
    frame: TrapFrame,
    fp: FpState,
) -> Result<(), Errno> {
    let frame = Box::into_raw(Box::new(frame));
    let owner = Some(process.clone() as _);
    let thread = match Thread::new(program.clone(), owner, fp, enter_user, frame.expose_provenance()) {
        Ok(thread) => thread,
        Err(errno) => {
            // SAFETY: `into_raw` above made it; the thread that would own it does not exist.
            drop(unsafe { Box::from_raw(frame) });
            return Err(errno);
        }
    };
    let pid = process.pid;
    table::insert(process, parent, &thread);
    trace::fire(&probes::START, pid);
    channel::send(Record::ProcStart { pid, ppid: parent, program: program.as_bytes() });
    scheduler::start(thread);
    Ok(())
}

/// Entry function of a process's thread.
extern "C" fn enter_user(frame: usize) -> ! {
    scheduler::enter_new_thread();
    // SAFETY: `spawn` made it by `into_raw` and passed it only to this thread.
    let frame = *unsafe { Box::from_raw(core::ptr::with_exposed_provenance_mut::<TrapFrame>(frame)) };
    let stack_top = scheduler::current().stack_top();
    // A spin lock that is held here would never be released, and every other thread that takes it would hang.
    assert_none_held("entering user space");
    if planted(Fault::UserKeepsDiskLock) && current().pid == table::INIT {
        disk::keep_lock();
    }
    // SAFETY: `frame` is a user frame; the stack is the running thread's; the scheduler activated its address
    // space and loaded its registers; no lock is held and no value on the stack must be dropped.
    unsafe { parity_arch::resume_user(&frame, stack_top) }
}
