//! The console as a file: what PID 1 has as standard input, output and error.

use parity_abi::Errno;
use parity_abi::fs::{S_IFCHR, S_IRUSR, S_IWGRP, S_IWUSR, Stat};

use super::File;
use crate::drivers::{console, terminal};

/// Device number of a console, Linux's 5:1.
const DEVICE: u64 = 5 << 8 | 1;

/// The serial console. Where nobody types (drivers/terminal.rs), reading finds the end at once.
pub struct Console;

impl File for Console {
    fn read(&self, _offset: u64, buffer: &mut [u8], nonblocking: bool) -> Result<usize, Errno> {
        if nonblocking { terminal::read_now(buffer).ok_or(Errno::EAGAIN) } else { Ok(terminal::read(buffer)) }
    }

    fn write(&self, _offset: u64, bytes: &[u8], _nonblocking: bool) -> Result<usize, Errno> {
        console::write(bytes);
        Ok(bytes.len())
    }

    fn stat(&self) -> Stat {
        Stat {
            nlink: 1,
            mode: S_IFCHR | S_IRUSR | S_IWUSR | S_IWGRP,
            rdev: DEVICE,
            blksize: 1024,
            ..Stat::default()
        }
    }
}
