//! Open files: the kind-independent half of read, write and seek.

use alloc::boxed::Box;
use core::sync::atomic::{AtomicU32, Ordering};

use parity_abi::Errno;
use parity_abi::fs::{
    O_ACCMODE, O_APPEND, O_NONBLOCK, O_RDONLY, O_WRONLY, SEEK_CUR, SEEK_END, SEEK_SET, Stat,
};

use crate::faults::{Fault, planted};
use crate::sync::Mutex;

/// One entry of a directory, as getdents64 tells it.
#[derive(Clone, Copy, Debug)]
pub struct DirectoryEntry<'a> {
    pub inode: u64,
    /// `DT_*`.
    pub kind: u8,
    pub name: &'a [u8],
    /// Position of the entry after this one.
    pub next: u64,
}

/// A kind of file.
pub trait File: Send + Sync {
    /// Fills `buffer` from byte `offset` (which streams ignore) and says how far; 0 is the end. May sleep,
    /// unless `nonblocking`.
    ///
    /// # Errors
    /// EISDIR, EIO; EAGAIN where it would sleep.
    fn read(&self, offset: u64, buffer: &mut [u8], nonblocking: bool) -> Result<usize, Errno>;

    /// Writes at byte `offset` (which streams ignore) and says how much; less than all only if something
    /// prevents the rest. May sleep, unless `nonblocking`.
    ///
    /// # Errors
    /// EPIPE, EROFS; EAGAIN where it would sleep.
    fn write(&self, offset: u64, bytes: &[u8], nonblocking: bool) -> Result<usize, Errno>;

    fn stat(&self) -> Stat;

    /// Size in bytes if the file has positions; a stream has none.
    fn size(&self) -> Option<u64> {
        None
    }

    /// Address of the queue of those who wait for what only users of this file do; 0 if there is none.
    fn ends_waits_at(&self) -> u64 {
        0
    }

    /// Calls `visit` with the directory's entries from position `from` on, until it says false.
    ///
    /// # Errors
    /// ENOTDIR, EIO.
    fn list(&self, _from: u64, _visit: &mut dyn FnMut(DirectoryEntry) -> bool) -> Result<(), Errno> {
        Err(Errno::ENOTDIR)
    }
}

/// A file as `open` or `pipe` made it: descriptors that came from each other by dup or fork share one.
pub struct OpenFile {
    file: Box<dyn File>,
    /// Bytes from the start. Held while the file is read, so that two readers do not get the same bytes.
    position: Mutex<u64>,
    /// How it was opened, and the status flags.
    flags: AtomicU32,
}

/// The flags that F_SETFL may change.
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

    /// F_SETFL: flags that cannot be changed are ignored, as everywhere.
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

    /// Whether reading gives nothing any more; never so for a stream.
    pub fn is_at_end(&self) -> bool {
        self.file.size().is_some_and(|size| *self.position.lock() >= size)
    }

    /// See [`File::ends_waits_at`].
    pub fn ends_waits_at(&self) -> u64 {
        self.file.ends_waits_at()
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

    /// Moves the position and gives the new one, in bytes.
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

    /// Calls `visit` with the directory's entries from the position on. The position moves behind the last
    /// entry that it said true to.
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
