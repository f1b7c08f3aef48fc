//! The console as a file: standard input, output and error of PID 1.

use parity_abi::Errno;
use parity_abi::fs::{S_IFCHR, S_IRUSR, S_IWGRP, S_IWUSR, Stat};

use super::File;
use crate::drivers::{console, terminal};

/// Device number of the console: 5:1, as on Linux.
const DEVICE: u64 = 5 << 8 | 1;

/// The serial console. A read returns end of file at once if there is no input (drivers/terminal.rs).
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
