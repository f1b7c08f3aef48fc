//! File descriptor table of a process.

use alloc::sync::Arc;
use alloc::vec::Vec;

use parity_abi::Errno;
use parity_abi::limits::OPEN_MAX;

use crate::fs::OpenFile;
use crate::mm::admission;
use crate::vitals::Descriptors;

#[derive(Clone)]
struct Slot {
    file: Arc<OpenFile>,
    close_on_exec: bool,
}

/// Open files by descriptor.
///
/// Removed files are returned, so that the last reference to a file is dropped outside the lock.
#[derive(Default)]
pub struct FdTable {
    slots: Vec<Option<Slot>>,
    /// Pipes in this table, for the autopsy.
    vitals: Descriptors,
}

impl FdTable {
    /// A copy for a child process; both tables share the open files.
    ///
    /// # Errors
    /// ENOMEM.
    pub fn duplicate(&self) -> Result<Self, Errno> {
        let mut slots = Vec::new();
        slots.try_reserve_exact(self.slots.len()).map_err(|_| Errno::ENOMEM)?;
        slots.extend_from_slice(&self.slots);
        Ok(Self { slots, vitals: self.vitals.clone() })
    }

    /// Sets the process that owns the table.
    pub fn set_pid(&mut self, pid: u32) {
        self.vitals.set_pid(pid);
    }

    /// # Errors
    /// EBADF.
    pub fn get(&self, fd: i32) -> Result<Arc<OpenFile>, Errno> {
        self.slot(fd).map(|slot| slot.file.clone())
    }

    /// Adds the file at the lowest free descriptor from `from` on.
    ///
    /// # Errors
    /// EMFILE, ENOMEM.
    pub fn add(&mut self, file: Arc<OpenFile>, close_on_exec: bool, from: usize) -> Result<i32, Errno> {
        let free =
            (from..OPEN_MAX).find(|fd| !matches!(self.slots.get(*fd), Some(Some(_)))).ok_or(Errno::EMFILE)?;
        self.put(free, Slot { file, close_on_exec })?;
        Ok(free as i32)
    }

    /// Sets the file at `fd` and returns the replaced one.
    ///
    /// # Errors
    /// EBADF if `fd` is out of range; ENOMEM.
    pub fn replace(&mut self, fd: i32, file: Arc<OpenFile>) -> Result<Option<Arc<OpenFile>>, Errno> {
        let index = usize::try_from(fd).ok().filter(|index| *index < OPEN_MAX).ok_or(Errno::EBADF)?;
        Ok(self.put(index, Slot { file, close_on_exec: false })?.map(|slot| slot.file))
    }

    fn put(&mut self, index: usize, slot: Slot) -> Result<Option<Slot>, Errno> {
        let missing = (index + 1).saturating_sub(self.slots.len());
        if self.slots.capacity() <= index {
            admission::admit()?;
            self.slots.try_reserve(missing).map_err(|_| Errno::ENOMEM)?;
        }
        self.slots.extend(core::iter::repeat_n(None, missing));
        self.vitals.set(index, slot.file.wakes_queue_at());
        Ok(self.slots[index].replace(slot))
    }

    /// Frees a descriptor.
    ///
    /// # Errors
    /// EBADF.
    pub fn remove(&mut self, fd: i32) -> Result<Arc<OpenFile>, Errno> {
        let index = usize::try_from(fd).map_err(|_| Errno::EBADF)?;
        let slot = self.slots.get_mut(index).and_then(Option::take).ok_or(Errno::EBADF)?;
        self.vitals.set(index, 0);
        Ok(slot.file)
    }

    /// Frees a descriptor that is closed on exec, if there is one.
    pub fn remove_close_on_exec(&mut self) -> Option<Arc<OpenFile>> {
        let mut slots = self.slots.iter_mut().enumerate();
        let (fd, slot) = slots.find_map(|(fd, slot)| Some((fd, slot.take_if(|slot| slot.close_on_exec)?)))?;
        self.vitals.set(fd, 0);
        Some(slot.file)
    }

    /// Clears close-on-exec of all descriptors: a planted fault.
    pub fn keep_all_on_exec(&mut self) {
        self.slots.iter_mut().flatten().for_each(|slot| slot.close_on_exec = false);
    }

    /// # Errors
    /// EBADF.
    pub fn close_on_exec(&self, fd: i32) -> Result<bool, Errno> {
        self.slot(fd).map(|slot| slot.close_on_exec)
    }

    /// # Errors
    /// EBADF.
    pub fn set_close_on_exec(&mut self, fd: i32, close_on_exec: bool) -> Result<(), Errno> {
        let index = usize::try_from(fd).map_err(|_| Errno::EBADF)?;
        let slot = self.slots.get_mut(index).and_then(Option::as_mut).ok_or(Errno::EBADF)?;
        slot.close_on_exec = close_on_exec;
        Ok(())
    }

    fn slot(&self, fd: i32) -> Result<&Slot, Errno> {
        let index = usize::try_from(fd).map_err(|_| Errno::EBADF)?;
        self.slots.get(index).and_then(Option::as_ref).ok_or(Errno::EBADF)
    }
}
