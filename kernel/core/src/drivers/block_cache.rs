//! A cache over the disk: whole lines, so that neither offset nor length of a read need be aligned. It gives lines
//! back when memory is short.

use alloc::boxed::Box;

use parity_abi::Errno;

use super::block::Disk;
use crate::faults::{Fault, planted};
use crate::mm::shrinker::Shrinker;
use crate::mm::{PAGE, Page};
use crate::sync::{Mutex, SpinLock};

/// Bytes of a line: what one request brings.
const LINE: usize = PAGE;
/// Lines kept: 4 MiB. Line number n of the disk has place n modulo this.
const LINES: usize = 1024;

/// The disk with some of its lines.
pub struct BlockCache {
    disk: &'static Disk,
    /// Held across a read, so that no line is brought twice.
    turn: Mutex<()>,
    /// Held for a moment only, so that lines can be given back at any time.
    lines: SpinLock<Lines>,
}

struct Lines {
    /// Each with its number; never grows.
    places: Box<[Option<(u64, Page)>]>,
    /// The place from which the next line is given back.
    hand: usize,
}

impl BlockCache {
    pub fn new(disk: &'static Disk) -> Self {
        let places = core::iter::repeat_with(|| None).take(LINES).collect();
        Self { disk, turn: Mutex::new(()), lines: SpinLock::new(Lines { places, hand: 0 }) }
    }

    /// Takes the lock for good: a planted fault.
    pub fn keep_lock(&self) {
        core::mem::forget(self.turn.lock());
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
        let _turn = self.turn.lock();
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

    /// Fills `buffer` from line `number`, from its byte `within` on.
    fn read_line(&self, number: u64, within: usize, buffer: &mut [u8]) -> Result<(), Errno> {
        if self.lines.lock().copy(number, within, buffer) {
            return Ok(());
        }
        if planted(Fault::CacheStaysFull) && self.lines.lock().place(number).is_some() {
            return Err(Errno::EIO);
        }
        let mut line = Page::new()?;
        let start = number * LINE as u64;
        // The last line of a disk may be a part of one.
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

    /// Fills `buffer` if the line is there; whether it is.
    fn copy(&mut self, number: u64, within: usize, buffer: &mut [u8]) -> bool {
        let Some((_, line)) = self.place(number).as_ref().filter(|(there, _)| *there == number) else {
            return false;
        };
        buffer.copy_from_slice(&line[within..within + buffer.len()]);
        true
    }

    /// Takes out the next line in turn.
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
