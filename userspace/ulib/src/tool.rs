//! Common parts of the coreutils: buffered standard output, error messages, and iteration over the operands.

use core::ffi::CStr;
use core::fmt::{self, Display, Write};

use crate::abi::fs::{O_RDONLY, STDIN, STDOUT};
use crate::io::{self, Fd};
use crate::{Args, Errno, Result, eprintln, fs, process};

/// Exit code of a tool that failed in part.
pub const EXIT_TROUBLE: i32 = 1;

/// An open file operand: a file, or standard input for `-` and without operands.
#[derive(Clone, Copy, Debug)]
pub struct Input {
    /// The operand's text; empty for standard input without an operand.
    pub name: &'static [u8],
    pub fd: Fd,
}

/// A running tool.
#[derive(Debug)]
pub struct Tool {
    name: &'static [u8],
    failed: bool,
    bytes: [u8; 4096],
    len: usize,
}

impl Tool {
    /// The tool's name is its first argument without the folder.
    #[must_use]
    pub fn new(args: &Args) -> Self {
        let path = args.get(0).unwrap_or_default();
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        Self { name, failed: false, bytes: [0; 4096], len: 0 }
    }

    /// Prints to standard output, with buffering. Exits if the output fails.
    pub fn print(&mut self, bytes: &[u8]) {
        if bytes.len() > self.bytes.len() - self.len {
            self.flush();
        }
        if bytes.len() > self.bytes.len() {
            self.write(bytes);
        } else {
            self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
            self.len += bytes.len();
        }
    }

    /// Writes the buffered output.
    pub fn flush(&mut self) {
        let (bytes, len) = (self.bytes, core::mem::take(&mut self.len));
        self.write(&bytes[..len]);
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Err(errno) = io::write_all(STDOUT, bytes) {
            self.complain(b"standard output", errno);
            process::exit(EXIT_TROUBLE);
        }
    }

    /// Prints an error message on standard error; the tool continues, but will exit with [`EXIT_TROUBLE`].
    pub fn complain(&mut self, what: &[u8], why: impl Display) {
        // Keeps the order if both go to the same file.
        if self.len > 0 {
            self.flush();
        }
        self.failed = true;
        eprintln!("{}: {}: {why}", self.name.escape_ascii(), what.escape_ascii());
    }

    /// Prints an error message about the arguments and exits.
    pub fn refuse(&mut self, what: &[u8], why: impl Display) -> ! {
        self.complain(what, why);
        process::exit(EXIT_TROUBLE)
    }

    /// Rejects an unknown option.
    pub fn refuse_option(&mut self, letter: u8) -> ! {
        self.refuse(&[b'-', letter], "no such option")
    }

    /// Calls `body` with every operand, opened. If an operand cannot be opened or `body` fails, it prints an
    /// error message and continues with the next.
    pub fn inputs(
        &mut self,
        operands: impl ExactSizeIterator<Item = &'static CStr>,
        mut body: impl FnMut(&mut Self, Input) -> Result<()>,
    ) {
        if operands.len() == 0 {
            self.input(Ok(Input { name: b"", fd: STDIN }), b"standard input", &mut body);
        }
        for path in operands {
            let name = path.to_bytes();
            let fd = if name == b"-" { Ok(STDIN) } else { fs::open(path, O_RDONLY, 0) };
            self.input(fd.map(|fd| Input { name, fd }), name, &mut body);
        }
    }

    fn input(
        &mut self,
        input: Result<Input>,
        name: &[u8],
        body: &mut impl FnMut(&mut Self, Input) -> Result<()>,
    ) {
        let opened = input.and_then(|input| body(self, input).map(|()| input.fd));
        let closed = opened.and_then(|fd| if fd == STDIN { Ok(()) } else { io::close(fd) });
        if let Err(errno) = closed {
            self.complain(name, errno);
        }
    }

    /// The exit code.
    #[must_use]
    pub fn finish(mut self) -> i32 {
        self.flush();
        if self.failed { EXIT_TROUBLE } else { 0 }
    }
}

impl Write for Tool {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.print(text.as_bytes());
        Ok(())
    }
}

/// Reads to the end and calls `part` with the data, as long as it returns that it needs more.
///
/// # Errors
/// As the kernel says.
pub fn read_parts(fd: Fd, mut part: impl FnMut(&[u8]) -> bool) -> Result<()> {
    let mut buffer = [0; 4096];
    loop {
        match io::read(fd, &mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) if part(&buffer[..count]) => {}
            Ok(_) => return Ok(()),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}
