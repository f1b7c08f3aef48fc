//! Runs a program in a test, with given input and expected output.

use core::ffi::CStr;
use core::fmt::Display;

use crate::abi::fs::{STDERR, STDIN, STDOUT};
use crate::abi::limits::PIPE_BYTES;
use crate::child::Child;
use crate::io::{self, Fd};
use crate::{check, eprintln, process};

/// Exit code of a child that could not run the program.
const EXIT_NOT_RUN: i32 = 127;

/// One run. Output is captured by pipes and compared byte for byte, as is the exit code.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// For messages.
    pub name: &'a str,
    pub program: &'a CStr,
    /// The first one is the program's name.
    pub arguments: &'a [&'a CStr],
    /// Content of standard input, at most the capacity of a pipe.
    pub stdin: &'a [u8],
    pub stdout: &'a [u8],
    pub stderr: &'a [u8],
    pub code: u8,
}

impl<'a> Run<'a> {
    /// A run of `/bin/NAME`, where NAME is the first argument, that prints `stdout`, prints nothing on
    /// standard error and exits with 0.
    #[must_use]
    pub const fn new(name: &'a str, arguments: &'a [&'a CStr], stdout: &'a [u8]) -> Self {
        Self { name, program: arguments[0], arguments, stdin: b"", stdout, stderr: b"", code: 0 }
    }

    /// The same run with this standard input.
    #[must_use]
    pub const fn reads(self, stdin: &'a [u8]) -> Self {
        Self { stdin, ..self }
    }

    /// The same run with this standard error and exit code 1.
    #[must_use]
    pub const fn complains(self, stderr: &'a [u8]) -> Self {
        Self { stderr, code: 1, ..self }
    }

    /// Runs the program and checks all results.
    #[track_caller]
    pub fn check(&self) {
        let name = self.name;
        let [stdin, stdout, stderr] = [(); 3].map(|()| check::ok("pipe", io::pipe()));
        check::at_least("room in a pipe for standard input", PIPE_BYTES, self.stdin.len());
        check::ok("standard input", io::write_all(stdin.write, self.stdin));
        let ends = [stdin.read, stdin.write, stdout.read, stdout.write, stderr.read, stderr.write];
        let standard = [(stdin.read, STDIN), (stdout.write, STDOUT), (stderr.write, STDERR)];
        let child = start(self.program, self.arguments, &standard, &ends);
        close(&[stdin.read, stdin.write, stdout.write, stderr.write]);
        stream_is(format_args!("standard output of {name}"), stdout.read, self.stdout);
        stream_is(format_args!("standard error of {name}"), stderr.read, self.stderr);
        close(&[stdout.read, stderr.read]);
        child.exits(name, self.code);
    }
}

/// Starts a child that runs the program. First it duplicates the first descriptor of each pair to the second,
/// and closes `inherited`. A child that fails to do so exits with 127.
#[track_caller]
pub fn start(program: &CStr, arguments: &[&CStr], standard: &[(Fd, Fd)], inherited: &[Fd]) -> Child {
    Child::start(|| {
        let connected = standard.iter().try_for_each(|(from, to)| io::dup2(*from, *to).map(drop));
        let connected = connected.and_then(|()| inherited.iter().try_for_each(|fd| io::close(*fd)));
        // Not with a check, whose exit code could equal the expected one.
        let errno = connected.err().unwrap_or_else(|| process::exec(program, arguments));
        eprintln!("start of {program:?}: {errno}");
        EXIT_NOT_RUN
    })
}

/// Closes all of them.
#[track_caller]
pub fn close(fds: &[Fd]) {
    for fd in fds {
        check::ok("close", io::close(*fd));
    }
}

/// Checks that the rest of the stream equals `expected`.
#[track_caller]
pub fn stream_is(name: impl Display, fd: Fd, expected: &[u8]) {
    let mut place = 0;
    let mut buffer = [0; 4096];
    loop {
        let count = check::ok(format_args!("read of {name}"), io::read(fd, &mut buffer));
        if count == 0 {
            break;
        }
        let end = expected.len().min(place + count);
        check::bytes(format_args!("{name} at {place}"), &buffer[..count], &expected[place..end]);
        place += count;
    }
    check::equal(format_args!("bytes of {name}"), place, expected.len());
}
