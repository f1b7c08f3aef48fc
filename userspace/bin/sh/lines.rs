//! Input lines.

use ulib::io::{self, Fd};
use ulib::{Errno, Result};

/// Maximum length of a line in bytes; `E2BIG` above.
const LINE_MAX: usize = 1024;

/// Reads no further than the end of a line, so that the rest remains for the programs that the line starts.
pub struct Lines {
    fd: Fd,
    bytes: [u8; LINE_MAX],
}

impl Lines {
    pub const fn new(fd: Fd) -> Self {
        Self { fd, bytes: [0; LINE_MAX] }
    }

    /// The next line without its line feed; `None` at the end of the input.
    pub fn next(&mut self) -> Result<Option<&[u8]>> {
        let mut len = 0;
        loop {
            let mut byte = [0];
            match io::read(self.fd, &mut byte) {
                Ok(0) if len == 0 => return Ok(None),
                Ok(0) => break,
                Ok(_) if byte == *b"\n" => break,
                Ok(_) => *self.bytes.get_mut(len).ok_or(Errno::E2BIG)? = byte[0],
                Err(Errno::EINTR) => continue,
                Err(errno) => return Err(errno),
            }
            len += 1;
        }
        Ok(Some(&self.bytes[..len]))
    }
}
