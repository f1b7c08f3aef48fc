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

/// For the planted fault that never gives an address space back after an exec.
static EXEC_SEEN: AtomicBool = AtomicBool::new(false);

/// A process with its one thread. Who its parent is and whether it lives stands in the process table.
pub struct Process {
    pub pid: u32,
    /// Path of the program it runs.
    program: SpinLock<Arc<String>>,
    /// `None` once it has ended. To copy it or fill it takes long.
    memory: Mutex<Option<AddressSpace>>,
    /// The root of what `memory` has, for switches, which cannot wait for it.
    root: SpinLock<Option<SpaceRoot>>,
    pub files: SpinLock<FdTable>,
    working_directory: SpinLock<Directory>,
    /// Where it waits for its children to end.
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

    /// Path of the program it runs.
    pub fn program(&self) -> Arc<String> {
        self.program.lock().clone()
    }

    /// Where its relative paths begin.
    pub fn working_directory(&self) -> Directory {
        *self.working_directory.lock()
    }

    pub fn set_working_directory(&self, directory: Directory) {
        *self.working_directory.lock() = directory;
    }

    /// Uses the process's memory, for as long as that takes; not with a spin lock held.
    ///
    /// # Errors
    /// EFAULT if the process has ended and has none, and whatever `use_it` gives.
    pub fn with_memory<R>(
        &self,
        use_it: impl FnOnce(&mut AddressSpace) -> Result<R, Errno>,
    ) -> Result<R, Errno> {
        let _masked = planted(Fault::MemoryUsedMasked).then(IrqGuard::new);
        use_it(self.memory.lock().as_mut().ok_or(Errno::EFAULT)?)
    }

    /// Replaces program and memory of this, the running process.
    pub fn replace_image(&self, program: Arc<String>, memory: AddressSpace) {
        if planted(Fault::ExecKeepsSpace) {
            EXEC_SEEN.store(true, Ordering::Relaxed);
        }
        {
            let mut root = self.root.lock();
            let new = memory.root();
            // SAFETY: `memory` stays until there is another root.
            unsafe { new.activate() };
            *root = Some(new);
        }
        let old = self.memory.lock().replace(memory);
        drop(old);
        scheduler::current().rename(&program);
        let old = core::mem::replace(&mut *self.program.lock(), program);
        drop(old);
    }

    /// Frees the memory of this, the running process, for good.
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
            // SAFETY: the root is forgotten before the address space is dropped.
            Some(root) => unsafe { root.activate() },
            None => AddressSpace::deactivate(),
        }
    }
}

/// The process whose thread is running.
///
/// # Panics
/// In a thread of the kernel's own.
pub fn current() -> Arc<Process> {
    let owner: Option<Arc<dyn Any + Send + Sync>> =
        scheduler::current().owner.clone().map(|owner| owner as _);
    match owner.map(Arc::downcast) {
        Some(Ok(process)) => process,
        _ => panic!("this thread belongs to no process"),
    }
}
