//! Open files: the part of read, write and seek that is common to all kinds.

use alloc::boxed::Box;
use core::sync::atomic::{AtomicU32, Ordering};

use parity_abi::Errno;
use parity_abi::fs::{
    O_ACCMODE, O_APPEND, O_NONBLOCK, O_RDONLY, O_WRONLY, SEEK_CUR, SEEK_END, SEEK_SET, Stat,
};

use crate::faults::{Fault, planted};
use crate::sync::Mutex;

/// A directory entry for getdents64.
#[derive(Clone, Copy, Debug)]
pub struct DirectoryEntry<'a> {
    pub inode: u64,
    /// `DT_*`.
    pub kind: u8,
    pub name: &'a [u8],
    /// Position of the next entry.
    pub next: u64,
}

/// A kind of file.
pub trait File: Send + Sync {
    /// Reads into `buffer` from byte `offset` (streams ignore it) and returns the number of bytes; 0 is the
    /// end of file. May sleep, unless `nonblocking`.
    ///
    /// # Errors
    /// EISDIR, EIO; EAGAIN if it would sleep.
    fn read(&self, offset: u64, buffer: &mut [u8], nonblocking: bool) -> Result<usize, Errno>;

    /// Writes at byte `offset` (streams ignore it) and returns the number of bytes; a short count means that
    /// the rest failed. May sleep, unless `nonblocking`.
    ///
    /// # Errors
    /// EPIPE, EROFS; EAGAIN if it would sleep.
    fn write(&self, offset: u64, bytes: &[u8], nonblocking: bool) -> Result<usize, Errno>;

    fn stat(&self) -> Stat;

    /// Size in bytes; `None` for a stream, which has no positions.
    fn size(&self) -> Option<u64> {
        None
    }

    /// Address of the wait queue that only users of this file can wake; 0 if there is none.
    fn wakes_queue_at(&self) -> u64 {
        0
    }

    /// Calls `visit` with the directory's entries from position `from`, until it returns false.
    ///
    /// # Errors
    /// ENOTDIR, EIO.
    fn list(&self, _from: u64, _visit: &mut dyn FnMut(DirectoryEntry) -> bool) -> Result<(), Errno> {
        Err(Errno::ENOTDIR)
    }
}

/// An open file description: descriptors duplicated by dup or fork share it.
pub struct OpenFile {
    file: Box<dyn File>,
    /// Offset in bytes. The lock is held during a read, so that concurrent readers do not get the same bytes.
    position: Mutex<u64>,
    /// Access mode and status flags.
    flags: AtomicU32,
}

/// Flags that F_SETFL can change.
const STATUS_FLAGS: u32 = O_APPEND | O_NONBLOCK;

impl OpenFile {
    /// `flags` are those of `open`.
    pub fn new(file: Box<dyn File>, flags: u32) -> Self {
        Self { file, position: Mutex::new(0), flags: AtomicU32::new(flags & (O_ACCMODE | STATUS_FLAGS)) }
    }

    /// Access mode and status flags: F_GETFL.
    pub fn flags(&self) -> u32 {
        self.flags.load(Ordering::Relaxed)
    }

    /// F_SETFL; flags that cannot change are ignored, as on Linux.
    pub fn set_flags(&self, flags: u32) {
        let kept = if planted(Fault::SetflLosesMode) { 0 } else { self.flags() & !STATUS_FLAGS };
        if !planted(Fault::SetflIgnored) {
            self.flags.store(kept | flags & STATUS_FLAGS, Ordering::Relaxed);
        }
    }

    fn nonblocking(&self) -> bool {
        self.flags() & O_NONBLOCK != 0
    }

    /// Whether the file has positions; a stream has none.
    pub fn is_seekable(&self) -> bool {
        self.file.size().is_some()
    }

    /// Whether the position is at or after the end; never for a stream.
    pub fn is_at_end(&self) -> bool {
        self.file.size().is_some_and(|size| *self.position.lock() >= size)
    }

    /// See [`File::wakes_queue_at`].
    pub fn wakes_queue_at(&self) -> u64 {
        self.file.wakes_queue_at()
    }

    /// # Errors
    /// EBADF if it was not opened for reading.
    pub fn may_read(&self) -> Result<(), Errno> {
        if self.flags() & O_ACCMODE == O_WRONLY { Err(Errno::EBADF) } else { Ok(()) }
    }

    /// # Errors
    /// EBADF if it was not opened for writing.
    pub fn may_write(&self) -> Result<(), Errno> {
        if self.flags() & O_ACCMODE == O_RDONLY { Err(Errno::EBADF) } else { Ok(()) }
    }

    /// # Errors
    /// Those of [`Self::may_read`] and of the file.
    pub fn read(&self, buffer: &mut [u8]) -> Result<usize, Errno> {
        self.may_read()?;
        if !self.is_seekable() {
            return self.file.read(0, buffer, self.nonblocking());
        }
        let mut position = self.position.lock();
        let count = self.file.read(*position, buffer, self.nonblocking())?;
        *position += count as u64;
        Ok(count)
    }

    /// # Errors
    /// Those of [`Self::may_write`] and of the file.
    pub fn write(&self, bytes: &[u8]) -> Result<usize, Errno> {
        self.may_write()?;
        if !self.is_seekable() {
            return self.file.write(0, bytes, self.nonblocking());
        }
        let mut position = self.position.lock();
        let count = self.file.write(*position, bytes, self.nonblocking())?;
        *position += count as u64;
        Ok(count)
    }

    /// Moves the position and returns the new one, in bytes.
    ///
    /// # Errors
    /// ESPIPE for a stream; EINVAL for an unknown `whence` or a negative position.
    pub fn seek(&self, offset: i64, whence: u32) -> Result<u64, Errno> {
        let size = self.file.size().ok_or(Errno::ESPIPE)?;
        let mut position = self.position.lock();
        let base = match whence {
            SEEK_SET => 0,
            SEEK_CUR => *position,
            SEEK_END if planted(Fault::LseekEndIsStart) => 0,
            SEEK_END => size,
            _ => return Err(Errno::EINVAL),
        };
        let new =
            base.checked_add_signed(offset).filter(|new| *new <= i64::MAX as u64).ok_or(Errno::EINVAL)?;
        if !planted(Fault::LseekIgnored) {
            *position = new;
        }
        Ok(new)
    }

    pub fn stat(&self) -> Stat {
        self.file.stat()
    }

    /// Calls `visit` with the directory's entries from the current position. The position moves to after the
    /// last entry for which `visit` returned true.
    ///
    /// # Errors
    /// ENOTDIR, EIO.
    pub fn list(&self, visit: &mut dyn FnMut(DirectoryEntry) -> bool) -> Result<(), Errno> {
        let mut position = self.position.lock();
        let mut reached = *position;
        self.file.list(reached, &mut |entry| {
            let taken = visit(entry);
            if taken {
                reached = entry.next;
            }
            taken
        })?;
        *position = reached;
        Ok(())
    }
}
