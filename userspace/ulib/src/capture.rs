//! Runs of programs by tests: what a program gets, and all that must come of it.

use core::ffi::CStr;
use core::fmt::Display;

use crate::abi::fs::{STDERR, STDIN, STDOUT};
use crate::abi::limits::PIPE_BYTES;
use crate::child::Child;
use crate::io::{self, Fd};
use crate::{check, eprintln, process};

/// Exit code of a child that could not run the program.
const EXIT_NOT_RUN: i32 = 127;

/// One run. Output goes through pipes and is compared byte for byte, as is the exit code.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// For messages.
    pub name: &'a str,
    pub program: &'a CStr,
    /// The first is the program's name.
    pub arguments: &'a [&'a CStr],
    /// What standard input gives, at most what a pipe holds.
    pub stdin: &'a [u8],
    pub stdout: &'a [u8],
    pub stderr: &'a [u8],
    pub code: u8,
}

impl<'a> Run<'a> {
    /// A run of `/bin/NAME`, where NAME is the first argument, that prints this, complains about nothing and
    /// ends with 0.
    #[must_use]
    pub const fn new(name: &'a str, arguments: &'a [&'a CStr], stdout: &'a [u8]) -> Self {
        Self { name, program: arguments[0], arguments, stdin: b"", stdout, stderr: b"", code: 0 }
    }

    /// The same with this on standard input.
    #[must_use]
    pub const fn reads(self, stdin: &'a [u8]) -> Self {
        Self { stdin, ..self }
    }

    /// The same with these complaints and 1 as the exit code.
    #[must_use]
    pub const fn complains(self, stderr: &'a [u8]) -> Self {
        Self { stderr, code: 1, ..self }
    }

    /// Runs the program and checks everything.
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

/// Starts a child that runs the program. Before that it makes the first number of each pair known under the
/// second as well, and closes `inherited`. A child that cannot do all that ends with 127.
#[track_caller]
pub fn start(program: &CStr, arguments: &[&CStr], standard: &[(Fd, Fd)], inherited: &[Fd]) -> Child {
    Child::start(|| {
        let connected = standard.iter().try_for_each(|(from, to)| io::dup2(*from, *to).map(drop));
        let connected = connected.and_then(|()| inherited.iter().try_for_each(|fd| io::close(*fd)));
        // Not by a check: its exit code could be the one that the program should end with.
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

/// The rest of the stream is this.
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
