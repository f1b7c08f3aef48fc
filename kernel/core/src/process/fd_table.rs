//! File descriptors of a process.

use alloc::sync::Arc;
use alloc::vec::Vec;

use parity_abi::Errno;
use parity_abi::limits::OPEN_MAX;

use crate::fs::OpenFile;
use crate::vitals::Descriptors;

#[derive(Clone)]
struct Slot {
    file: Arc<OpenFile>,
    close_on_exec: bool,
}

/// Open files by descriptor. A clone, as fork makes it, shares the open files.
///
/// Whatever leaves the table is handed back, so that the last reference to a file is dropped outside the lock.
#[derive(Clone, Default)]
pub struct FdTable {
    slots: Vec<Option<Slot>>,
    /// Which pipes they are, for others to know.
    noted: Descriptors,
}

impl FdTable {
    /// Says whose they are.
    pub fn set_pid(&mut self, pid: u32) {
        self.noted.set_pid(pid);
    }

    /// # Errors
    /// EBADF.
    pub fn get(&self, fd: i32) -> Result<Arc<OpenFile>, Errno> {
        self.slot(fd).map(|slot| slot.file.clone())
    }

    /// Puts the file at the lowest free descriptor from `from` on.
    ///
    /// # Errors
    /// EMFILE.
    pub fn add(&mut self, file: Arc<OpenFile>, close_on_exec: bool, from: usize) -> Result<i32, Errno> {
        let free =
            (from..OPEN_MAX).find(|fd| !matches!(self.slots.get(*fd), Some(Some(_)))).ok_or(Errno::EMFILE)?;
        self.put(free, Slot { file, close_on_exec });
        Ok(free as i32)
    }

    /// Puts the file at `fd`, closing what was there.
    ///
    /// # Errors
    /// EBADF if no descriptor can have this number.
    pub fn replace(&mut self, fd: i32, file: Arc<OpenFile>) -> Result<Option<Arc<OpenFile>>, Errno> {
        let index = usize::try_from(fd).ok().filter(|index| *index < OPEN_MAX).ok_or(Errno::EBADF)?;
        Ok(self.put(index, Slot { file, close_on_exec: false }).map(|slot| slot.file))
    }

    fn put(&mut self, index: usize, slot: Slot) -> Option<Slot> {
        if self.slots.len() <= index {
            self.slots.resize(index + 1, None);
        }
        self.noted.set(index, slot.file.ends_waits_at());
        self.slots[index].replace(slot)
    }

    /// Frees a descriptor.
    ///
    /// # Errors
    /// EBADF.
    pub fn remove(&mut self, fd: i32) -> Result<Arc<OpenFile>, Errno> {
        let index = usize::try_from(fd).map_err(|_| Errno::EBADF)?;
        let slot = self.slots.get_mut(index).and_then(Option::take).ok_or(Errno::EBADF)?;
        self.noted.set(index, 0);
        Ok(slot.file)
    }

    /// Frees the descriptors that do not survive exec.
    pub fn remove_close_on_exec(&mut self) -> Vec<Arc<OpenFile>> {
        let noted = &mut self.noted;
        let slots = self.slots.iter_mut().enumerate();
        let closing = slots.filter_map(|(fd, slot)| Some((fd, slot.take_if(|slot| slot.close_on_exec)?)));
        closing.inspect(|(fd, _)| noted.set(*fd, 0)).map(|(_, slot)| slot.file).collect()
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
