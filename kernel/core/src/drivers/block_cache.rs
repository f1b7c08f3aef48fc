//! A cache over the disk: whole lines, so that neither offset nor length of a read need be aligned.

use alloc::collections::{BTreeMap, VecDeque};

use parity_abi::Errno;

use super::block::Disk;
use crate::faults::{Fault, planted};
use crate::mm::{PAGE, Page};
use crate::sync::Mutex;

/// Bytes of a line: what one request brings.
const LINE: usize = PAGE;
/// Lines kept: 4 MiB.
const MAX_LINES: usize = 1024;

/// The disk with the lines that were read last.
pub struct BlockCache {
    disk: &'static Disk,
    lines: Mutex<Lines>,
}

/// Lines by their number, and the order in which they came: the oldest goes first.
struct Lines {
    by_number: BTreeMap<u64, Page>,
    by_age: VecDeque<u64>,
}

impl BlockCache {
    pub const fn new(disk: &'static Disk) -> Self {
        Self { disk, lines: Mutex::new(Lines { by_number: BTreeMap::new(), by_age: VecDeque::new() }) }
    }

    /// Takes the lock for good: a planted fault.
    pub fn keep_lock(&self) {
        core::mem::forget(self.lines.lock());
    }

    /// Fills `buffer` from byte `offset`.
    ///
    /// # Errors
    /// EIO if the disk fails or ends before; ENOMEM.
    pub fn read_bytes(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Errno> {
        let end = offset.checked_add(buffer.len() as u64).ok_or(Errno::EIO)?;
        if end > self.disk.bytes {
            return Err(Errno::EIO);
        }
        let mut lines = self.lines.lock();
        let mut done = 0;
        while done < buffer.len() {
            let at = offset + done as u64;
            let (number, within) = (at / LINE as u64, at as usize % LINE);
            let line = lines.get(number, self.disk)?;
            let count = (LINE - within).min(buffer.len() - done);
            buffer[done..done + count].copy_from_slice(&line[within..within + count]);
            done += count;
        }
        Ok(())
    }
}

impl Lines {
    fn get(&mut self, number: u64, disk: &Disk) -> Result<&Page, Errno> {
        if !self.by_number.contains_key(&number) {
            if self.by_age.len() >= MAX_LINES && planted(Fault::CacheStaysFull) {
                return Err(Errno::EIO);
            }
            let mut line = Page::new()?;
            let start = number * LINE as u64;
            // The last line of a disk may be a part of one.
            let length = (disk.bytes - start).min(LINE as u64) as usize;
            disk.read(start, &mut line[..length])?;
            if self.by_age.len() >= MAX_LINES
                && let Some(oldest) = self.by_age.pop_front()
            {
                self.by_number.remove(&oldest);
            }
            self.by_age.push_back(number);
            self.by_number.insert(number, line);
        }
        self.by_number.get(&number).ok_or(Errno::EIO)
    }
}
