//! Pipes.

use alloc::collections::VecDeque;
use alloc::sync::Arc;

use parity_abi::Errno;
use parity_abi::fs::{S_IFIFO, S_IRUSR, S_IWUSR, Stat};
use parity_abi::limits::{PIPE_BUF, PIPE_BYTES};

use super::File;
use crate::faults::{Fault, planted};
use crate::mm::{PAGE, Page};
use crate::sync::{SpinLock, Wait, WaitQueue};
use crate::thread::scheduler;

/// Bytes that a writer writes at a time under a planted fault.
const TORN_BYTES: usize = 16;

/// Maximum number of pages of a pipe: its content may start inside a page.
const PAGES: usize = PIPE_BYTES / PAGE + 1;

/// State that both ends share.
struct Pipe {
    content: SpinLock<Content>,
    /// Readers that wait for bytes or for the last writer to close.
    readers: WaitQueue,
    /// Writers that wait for room or for the last reader to close.
    writers: WaitQueue,
}

/// The pipe's content in whole pages, allocated only while needed.
struct Content {
    pages: VecDeque<Page>,
    /// Offset of the content in the first page.
    start: usize,
    /// Number of bytes in the pipe.
    length: usize,
    reader_open: bool,
    writer_open: bool,
}

/// The read end. Descriptors duplicated by dup and fork share the open file around it, so it exists once.
pub struct ReadEnd(Arc<Pipe>);

/// The write end.
pub struct WriteEnd(Arc<Pipe>);

/// Creates a pipe.
pub fn new() -> (ReadEnd, WriteEnd) {
    let content = Content {
        pages: VecDeque::with_capacity(PAGES),
        start: 0,
        length: 0,
        reader_open: true,
        writer_open: true,
    };
    let pipe = Arc::new(Pipe {
        content: SpinLock::new(content),
        readers: WaitQueue::new(Wait::Pipe),
        writers: WaitQueue::new(Wait::Pipe),
    });
    (ReadEnd(pipe.clone()), WriteEnd(pipe))
}

impl Content {
    /// Result of a read now; `None` means that the reader must wait.
    fn read(&mut self, buffer: &mut [u8]) -> Option<usize> {
        if self.length == 0 {
            let ended = !self.writer_open && !planted(Fault::PipeNoEof);
            return (ended || planted(Fault::PipeEofEarly)).then_some(0);
        }
        let count = buffer.len().min(self.length);
        let mut done = 0;
        while done < count {
            let piece = (PAGE - self.start).min(count - done);
            buffer[done..done + piece].copy_from_slice(&self.pages[0][self.start..self.start + piece]);
            done += piece;
            self.start += piece;
            if self.start == PAGE {
                self.pages.pop_front();
                self.start = 0;
            }
        }
        self.length -= count;
        if count > 1 && planted(Fault::PipeLosesByte) {
            return Some(count - 1);
        }
        Some(count)
    }

    /// Result of a write now; `None` means that the writer must wait. Writes of up to PIPE_BUF bytes are
    /// atomic.
    fn write(&mut self, bytes: &[u8]) -> Option<Result<usize, Errno>> {
        if !self.reader_open {
            return Some(Err(Errno::EPIPE));
        }
        let room = PIPE_BYTES - self.length;
        let count = bytes.len().min(room);
        if count == 0 || (bytes.len() <= PIPE_BUF && count < bytes.len()) {
            return None;
        }
        Some(self.append(&bytes[..count]))
    }

    fn append(&mut self, bytes: &[u8]) -> Result<usize, Errno> {
        let mut end = self.start + self.length;
        while self.pages.len() * PAGE < end + bytes.len() {
            self.pages.push_back(Page::new()?);
        }
        let mut done = 0;
        while done < bytes.len() {
            let within = end % PAGE;
            let piece = (PAGE - within).min(bytes.len() - done);
            self.pages[end / PAGE][within..within + piece].copy_from_slice(&bytes[done..done + piece]);
            done += piece;
            end += piece;
        }
        self.length += done;
        Ok(done)
    }
}

impl Pipe {
    fn stat(&self) -> Stat {
        let size = self.content.lock().length as i64;
        Stat {
            nlink: 1,
            mode: S_IFIFO | S_IRUSR | S_IWUSR,
            size,
            blksize: PIPE_BUF as i64,
            ..Stat::default()
        }
    }
}

impl File for ReadEnd {
    fn read(&self, _offset: u64, buffer: &mut [u8], nonblocking: bool) -> Result<usize, Errno> {
        let pipe = &self.0;
        if buffer.is_empty() {
            return Ok(0);
        }
        let count = if nonblocking {
            pipe.content.lock().read(buffer).ok_or(Errno::EAGAIN)?
        } else {
            pipe.readers.wait_until(|| pipe.content.lock().read(buffer))
        };
        pipe.writers.wake_all();
        Ok(count)
    }

    fn write(&self, _offset: u64, _bytes: &[u8], _nonblocking: bool) -> Result<usize, Errno> {
        Err(Errno::EBADF)
    }

    fn stat(&self) -> Stat {
        self.0.stat()
    }

    fn wakes_queue_at(&self) -> u64 {
        self.0.writers.address()
    }
}

impl File for WriteEnd {
    fn read(&self, _offset: u64, _buffer: &mut [u8], _nonblocking: bool) -> Result<usize, Errno> {
        Err(Errno::EBADF)
    }

    fn write(&self, _offset: u64, bytes: &[u8], nonblocking: bool) -> Result<usize, Errno> {
        let pipe = &self.0;
        if bytes.is_empty() {
            return Ok(0);
        }
        if bytes.len() > TORN_BYTES && planted(Fault::PipeNotAtomic) {
            for piece in bytes.chunks(TORN_BYTES) {
                self.write(0, piece, nonblocking)?;
                scheduler::yield_now();
            }
            return Ok(bytes.len());
        }
        let count = if nonblocking {
            pipe.content.lock().write(bytes).ok_or(Errno::EAGAIN)??
        } else {
            pipe.writers.wait_until(|| pipe.content.lock().write(bytes))?
        };
        if planted(Fault::PipeWakesOne) {
            pipe.readers.wake_one();
        } else {
            pipe.readers.wake_all();
        }
        Ok(count)
    }

    fn stat(&self) -> Stat {
        self.0.stat()
    }

    fn wakes_queue_at(&self) -> u64 {
        self.0.readers.address()
    }
}

impl Drop for ReadEnd {
    fn drop(&mut self) {
        self.0.content.lock().reader_open = false;
        self.0.writers.wake_all();
    }
}

impl Drop for WriteEnd {
    fn drop(&mut self) {
        self.0.content.lock().writer_open = false;
        self.0.readers.wake_all();
    }
}
