//! A cache of whole disk lines, so that reads need no alignment. Under memory pressure it frees lines.

use alloc::boxed::Box;

use parity_abi::Errno;

use super::block::Disk;
use crate::faults::{Fault, planted};
use crate::mm::shrinker::Shrinker;
use crate::mm::{PAGE, Page};
use crate::sync::{Mutex, SpinLock};

/// Size of a line in bytes; each miss reads one line.
const LINE: usize = PAGE;
/// Number of cached lines: 4 MiB. The cache is direct-mapped: line n of the disk has slot n modulo this.
const LINES: usize = 1024;

/// The disk and its cached lines.
pub struct BlockCache {
    disk: &'static Disk,
    /// Held during a read, so that no line is read twice.
    read_lock: Mutex<()>,
    /// Held only for short times, so that lines can be freed at any time.
    lines: SpinLock<Lines>,
}

struct Lines {
    /// Slots with the line's number; the length never changes.
    places: Box<[Option<(u64, Page)>]>,
    /// Slot of the last freed line.
    hand: usize,
}

impl BlockCache {
    pub fn new(disk: &'static Disk) -> Self {
        let places = core::iter::repeat_with(|| None).take(LINES).collect();
        Self { disk, read_lock: Mutex::new(()), lines: SpinLock::new(Lines { places, hand: 0 }) }
    }

    /// Takes the read lock and never releases it: for a planted fault.
    pub fn keep_read_lock(&self) {
        core::mem::forget(self.read_lock.lock());
    }

    /// Reads into `buffer` from byte `offset`.
    ///
    /// # Errors
    /// EIO on a disk error or beyond the disk's end; ENOMEM.
    pub fn read_bytes(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Errno> {
        let end = offset.checked_add(buffer.len() as u64).ok_or(Errno::EIO)?;
        if end > self.disk.bytes {
            return Err(Errno::EIO);
        }
        let _read = self.read_lock.lock();
        let mut done = 0;
        while done < buffer.len() {
            let at = offset + done as u64;
            let (number, within) = (at / LINE as u64, at as usize % LINE);
            let count = (LINE - within).min(buffer.len() - done);
            self.read_line(number, within, &mut buffer[done..done + count])?;
            done += count;
        }
        Ok(())
    }

    /// Reads into `buffer` from line `number`, starting at its byte `within`.
    fn read_line(&self, number: u64, within: usize, buffer: &mut [u8]) -> Result<(), Errno> {
        if self.lines.lock().copy(number, within, buffer) {
            return Ok(());
        }
        if planted(Fault::CacheStaysFull) && self.lines.lock().place(number).is_some() {
            return Err(Errno::EIO);
        }
        let mut line = Page::new()?;
        let start = number * LINE as u64;
        // The last line of a disk may be shorter.
        let length = (self.disk.bytes - start).min(LINE as u64) as usize;
        self.disk.read(start, &mut line[..length])?;
        buffer.copy_from_slice(&line[within..within + buffer.len()]);
        let old = self.lines.lock().place(number).replace((number, line));
        drop(old);
        Ok(())
    }
}

impl Lines {
    fn place(&mut self, number: u64) -> &mut Option<(u64, Page)> {
        &mut self.places[number as usize % LINES]
    }

    /// Copies the line into `buffer` if it is cached; returns whether it was.
    fn copy(&mut self, number: u64, within: usize, buffer: &mut [u8]) -> bool {
        let Some((_, line)) = self.place(number).as_ref().filter(|(there, _)| *there == number) else {
            return false;
        };
        buffer.copy_from_slice(&line[within..within + buffer.len()]);
        true
    }

    /// Removes the next cached line, in slot order.
    fn evict(&mut self) -> Option<Page> {
        for _ in 0..LINES {
            self.hand = (self.hand + 1) % LINES;
            if let Some((_, line)) = self.places[self.hand].take() {
                return Some(line);
            }
        }
        None
    }
}

impl Shrinker for BlockCache {
    fn shrink(&self, wanted: usize) -> usize {
        if planted(Fault::CacheNeverShrinks) {
            return 0;
        }
        let mut lines = self.lines.lock();
        (0..wanted).map_while(|_| lines.evict()).count()
    }
}
