//! A process.

use alloc::string::String;
use alloc::sync::Arc;
use core::any::Any;
use core::sync::atomic::{AtomicBool, Ordering};

use parity_abi::Errno;

use super::fd_table::FdTable;
use crate::faults::{Fault, planted};
use crate::fs::path::Directory;
use crate::mm::AddressSpace;
use crate::mm::address_space::SpaceRoot;
use crate::sync::{IrqGuard, Mutex, SpinLock, Wait, WaitQueue};
use crate::thread::{Owner, scheduler};

/// Set by the planted fault that leaks address spaces after an exec.
static EXEC_SEEN: AtomicBool = AtomicBool::new(false);

/// A process with its one thread. Its parent and whether it has ended are in the process table.
pub struct Process {
    pub pid: u32,
    /// Path of its program.
    program: SpinLock<Arc<String>>,
    /// `None` after the end. Copying or filling it may take long, so it needs a mutex.
    memory: Mutex<Option<AddressSpace>>,
    /// The root of `memory`, for context switches, which cannot wait for the mutex.
    root: SpinLock<Option<SpaceRoot>>,
    pub files: SpinLock<FdTable>,
    working_directory: SpinLock<Directory>,
    /// Wait queue for the end of a child.
    pub children: WaitQueue,
}

impl Process {
    pub fn new(
        pid: u32,
        program: Arc<String>,
        memory: AddressSpace,
        mut files: FdTable,
        working_directory: Directory,
    ) -> Self {
        files.set_pid(pid);
        Self {
            pid,
            program: SpinLock::new(program),
            root: SpinLock::new(Some(memory.root())),
            memory: Mutex::new(Some(memory)),
            files: SpinLock::new(files),
            working_directory: SpinLock::new(working_directory),
            children: WaitQueue::new(Wait::Child),
        }
    }

    /// Path of its program.
    pub fn program(&self) -> Arc<String> {
        self.program.lock().clone()
    }

    /// Start of its relative paths.
    pub fn working_directory(&self) -> Directory {
        *self.working_directory.lock()
    }

    pub fn set_working_directory(&self, directory: Directory) {
        *self.working_directory.lock() = directory;
    }

    /// Calls `use_it` with the process's memory locked; no spin lock may be held.
    ///
    /// # Errors
    /// EFAULT if the process has ended and has no memory, and the errors of `use_it`.
    pub fn with_memory<R>(
        &self,
        use_it: impl FnOnce(&mut AddressSpace) -> Result<R, Errno>,
    ) -> Result<R, Errno> {
        let _masked = planted(Fault::MemoryUsedMasked).then(IrqGuard::new);
        use_it(self.memory.lock().as_mut().ok_or(Errno::EFAULT)?)
    }

    /// Replaces program and memory of this process, which must be the running one.
    pub fn replace_image(&self, program: Arc<String>, memory: AddressSpace) {
        if planted(Fault::ExecKeepsSpace) {
            EXEC_SEEN.store(true, Ordering::Relaxed);
        }
        {
            let mut root = self.root.lock();
            let new = memory.root();
            // SAFETY: `memory` exists until another root replaces it.
            unsafe { new.activate() };
            *root = Some(new);
        }
        let old = self.memory.lock().replace(memory);
        drop(old);
        scheduler::current().rename(&program);
        let old = core::mem::replace(&mut *self.program.lock(), program);
        drop(old);
    }

    /// Frees the memory of this process, which must be the running one, for good.
    pub fn drop_memory(&self) {
        {
            let mut root = self.root.lock();
            AddressSpace::deactivate();
            *root = None;
        }
        let old = self.memory.lock().take();
        drop(old);
    }
}

impl Owner for Process {
    fn pid(&self) -> u32 {
        self.pid
    }

    fn activate(&self) {
        if planted(Fault::ExecKeepsSpace) && EXEC_SEEN.load(Ordering::Relaxed) {
            return;
        }
        match *self.root.lock() {
            // SAFETY: the root is cleared before the address space is dropped.
            Some(root) => unsafe { root.activate() },
            None => AddressSpace::deactivate(),
        }
    }
}

/// The running process.
///
/// # Panics
/// In a kernel thread.
pub fn current() -> Arc<Process> {
    let owner: Option<Arc<dyn Any + Send + Sync>> =
        scheduler::current().owner.clone().map(|owner| owner as _);
    match owner.map(Arc::downcast) {
        Some(Ok(process)) => process,
        _ => panic!("this thread belongs to no process"),
    }
}
