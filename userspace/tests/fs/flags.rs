//! Flags: those of a descriptor, which copies do not share, and those of an open file, which all its
//! descriptors share.

use ulib::abi::fs::{
    F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_GETFL, F_SETFD, F_SETFL, FD_CLOEXEC, O_APPEND, O_CLOEXEC,
    O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY, STDOUT,
};
use ulib::abi::limits::OPEN_MAX;
use ulib::abi::syscall::PIPE2;
use ulib::child::Child;
use ulib::io::{Fd, Pipe};
use ulib::{Errno, check, fs, io};

pub fn checks() {
    close_on_exec();
    close_on_exec_in_a_child();
    second_pipe_end();
    numbers_from();
    status_flags();
    status_flags_are_shared();
    without_waiting();
    unknown();
}

#[track_caller]
fn open(flags: u32) -> Fd {
    check::ok("open", fs::open(c"/hello.txt", flags, 0))
}

#[track_caller]
fn pipe2(flags: u32) -> Pipe {
    let mut ends: [Fd; 2] = [-1; 2];
    // SAFETY: the kernel writes the two numbers.
    let answer = unsafe { ulib::call(PIPE2, [(&raw mut ends).expose_provenance() as u64, flags.into()]) };
    check::equal("pipe2", answer, Ok(0));
    Pipe { read: ends[0], write: ends[1] }
}

fn close(fds: &[Fd]) {
    ulib::capture::close(fds);
}

#[track_caller]
fn flag_is(name: &str, fd: Fd, set: bool) {
    let expected = if set { FD_CLOEXEC.into() } else { 0 };
    check::equal(format_args!("F_GETFD of {name}"), io::fcntl(fd, F_GETFD, 0), Ok(expected));
}

#[track_caller]
fn set_flag(fd: Fd, set: bool) {
    let value = if set { FD_CLOEXEC.into() } else { 0 };
    check::equal("F_SETFD", io::fcntl(fd, F_SETFD, value), Ok(0));
}

fn close_on_exec() {
    let (plain, marked) = (open(O_RDONLY), open(O_RDONLY | O_CLOEXEC));
    flag_is("a file", plain, false);
    flag_is("a file opened with O_CLOEXEC", marked, true);
    let copy = check::ok("dup", io::dup(marked));
    flag_is("a copy", copy, false);
    flag_is("the copied one", marked, true);
    let number = check::ok("F_DUPFD", io::fcntl(marked, F_DUPFD, 0)) as Fd;
    flag_is("a copy by F_DUPFD", number, false);
    let marked_copy = check::ok("F_DUPFD_CLOEXEC", io::fcntl(plain, F_DUPFD_CLOEXEC, 0)) as Fd;
    flag_is("a copy by F_DUPFD_CLOEXEC", marked_copy, true);
    flag_is("the one copied by F_DUPFD_CLOEXEC", plain, false);
    check::equal("dup2 over a marked one", io::dup2(plain, marked_copy), Ok(marked_copy));
    flag_is("a copy by dup2 in a marked one's place", marked_copy, false);
    check::equal("dup2 of a marked one", io::dup2(marked, plain), Ok(plain));
    flag_is("a copy of a marked one by dup2", plain, false);
    flag_is("the one copied by dup2", marked, true);
    check::equal("dup2 to itself", io::dup2(marked, marked), Ok(marked));
    flag_is("what dup2 left as it was", marked, true);
    set_flag(marked, false);
    flag_is("what F_SETFD cleared", marked, false);
    flag_is("a copy of what F_SETFD cleared", copy, false);
    set_flag(copy, true);
    flag_is("a copy that F_SETFD marked", copy, true);
    flag_is("the original of what F_SETFD marked", marked, false);
    close(&[copy]);
    check::equal("the number that is free", io::dup(marked), Ok(copy));
    flag_is("what took a marked one's number", copy, false);
    close(&[plain, marked, copy, number, marked_copy]);
}

/// A child inherits its parent's flags, and later changes are independent.
fn close_on_exec_in_a_child() {
    let (plain, marked) = (open(O_RDONLY), open(O_RDONLY | O_CLOEXEC));
    let child = Child::start(|| {
        flag_is("a child's plain one", plain, false);
        flag_is("a child's marked one", marked, true);
        set_flag(plain, true);
        set_flag(marked, false);
        let grandchild = Child::start(|| {
            flag_is("a grandchild's marked one", plain, true);
            flag_is("a grandchild's plain one", marked, false);
            0
        });
        grandchild.exits("grandchild with flags", 0);
        0
    });
    child.exits("child with flags", 0);
    flag_is("the parent's plain one", plain, false);
    flag_is("the parent's marked one", marked, true);
    close(&[plain, marked]);
}

fn second_pipe_end() {
    for (flags, set) in [(0, false), (O_CLOEXEC, true), (O_CLOEXEC | O_NONBLOCK, true), (O_NONBLOCK, false)] {
        let pipe = pipe2(flags);
        flag_is("a pipe's reading end", pipe.read, set);
        flag_is("a pipe's writing end", pipe.write, set);
        let status = u64::from(flags & O_NONBLOCK);
        check::equal("F_GETFL of the reading end", io::fcntl(pipe.read, F_GETFL, 0), Ok(status));
        let writing = u64::from(O_WRONLY) | status;
        check::equal("F_GETFL of the writing end", io::fcntl(pipe.write, F_GETFL, 0), Ok(writing));
        close(&[pipe.read, pipe.write]);
    }
    let mut ends: [Fd; 2] = [-1; 2];
    for flags in [1, O_APPEND, 1 << 31] {
        // SAFETY: the kernel writes the two numbers or nothing.
        let answer = unsafe { ulib::call(PIPE2, [(&raw mut ends).expose_provenance() as u64, flags.into()]) };
        check::error(format_args!("pipe2 with {flags:#x}"), answer, Errno::EINVAL);
    }
    check::equal("numbers after errors", ends, [-1; 2]);
}

/// The lowest free number at or above a given one.
fn numbers_from() {
    let file = open(O_RDONLY);
    for (from, number) in [(0, file + 1), (10, 10), (10, 11), (3, file + 2), (12, 12)] {
        let answer = io::fcntl(file, F_DUPFD, from);
        check::equal(format_args!("F_DUPFD from {from}"), answer, Ok(number as u64));
    }
    for command in [F_DUPFD, F_DUPFD_CLOEXEC] {
        for from in [OPEN_MAX as u64, u64::MAX] {
            let answer = io::fcntl(file, command, from);
            check::error(format_args!("copy from {from}"), answer, Errno::EINVAL);
        }
        let last = OPEN_MAX as u64 - 1;
        check::equal("copy to the last number", io::fcntl(file, command, last), Ok(last));
        check::error("copy behind the last number", io::fcntl(file, command, last), Errno::EMFILE);
        close(&[last as Fd]);
    }
    close(&[file, file + 1, 10, 11, file + 2, 12]);
}

#[track_caller]
fn status_is(name: &str, fd: Fd, flags: u32) {
    check::equal(format_args!("F_GETFL of {name}"), io::fcntl(fd, F_GETFL, 0), Ok(flags.into()));
}

/// F_SETFL changes the flags that can change; the access mode stays.
fn status_flags() {
    let file = open(O_RDONLY | O_CLOEXEC);
    let pipe = check::ok("pipe", io::pipe());
    for flags in [0, O_NONBLOCK, O_NONBLOCK | O_APPEND, O_WRONLY, O_RDWR | O_NONBLOCK, 0] {
        let changed = flags & (O_NONBLOCK | O_APPEND);
        for (name, fd, mode) in [("a file", file, O_RDONLY), ("a writing end", pipe.write, O_WRONLY)] {
            check::equal("F_SETFL", io::fcntl(fd, F_SETFL, flags.into()), Ok(0));
            status_is(name, fd, mode | changed);
        }
        check::error("write to a file for reading", io::write(file, b"x"), Errno::EBADF);
        check::error("read from a writing end", io::read(pipe.write, &mut [0]), Errno::EBADF);
        check::equal("read from a file", io::read(file, &mut [0]), Ok(1));
        check::equal("write to a writing end", io::write(pipe.write, b"x"), Ok(1));
        check::equal("read from the other end", io::read(pipe.read, &mut [0]), Ok(1));
        flag_is("a file with other flags", file, true);
    }
    status_is("standard output", STDOUT, O_RDWR);
    close(&[file, pipe.read, pipe.write]);
}

fn status_flags_are_shared() {
    let (file, other) = (open(O_RDONLY), open(O_RDONLY));
    let copy = check::ok("dup", io::dup(file));
    check::equal("F_SETFL", io::fcntl(copy, F_SETFL, O_NONBLOCK.into()), Ok(0));
    status_is("the original", file, O_NONBLOCK);
    status_is("another open file", other, 0);
    let child = Child::start(|| {
        status_is("a child's", file, O_NONBLOCK);
        check::equal("F_SETFL", io::fcntl(file, F_SETFL, O_APPEND.into()), Ok(0));
        0
    });
    child.exits("child that changes flags", 0);
    status_is("the parent's, after the child", copy, O_APPEND);
    close(&[file, other, copy]);
}

/// O_NONBLOCK gives EAGAIN where a call would wait, at the end that has the flag, as long as it is set.
fn without_waiting() {
    let pipe = pipe2(O_NONBLOCK);
    check::error("read from an empty pipe", io::read(pipe.read, &mut [0]), Errno::EAGAIN);
    let mut written = 0;
    let error = loop {
        match io::write(pipe.write, &[0x11; 4096]) {
            Ok(count) => written += count,
            Err(errno) => break errno,
        }
    };
    check::equal("write to a full pipe", error, Errno::EAGAIN);
    check::equal("bytes in a full pipe", written, ulib::abi::limits::PIPE_BYTES);
    check::equal("F_SETFL", io::fcntl(pipe.write, F_SETFL, 0), Ok(0));
    let child = Child::start(|| {
        // Without the flag it waits until the parent has read.
        check::equal("write that waits", io::write(pipe.write, &[0x22; 4096]), Ok(4096));
        0
    });
    let mut buffer = [0; 4096];
    let mut left = written + 4096;
    while left > 0 {
        match io::read(pipe.read, &mut buffer) {
            Ok(count) => left -= count,
            Err(errno) => check::equal("read that does not wait", errno, Errno::EAGAIN),
        }
    }
    child.exits("child that writes to a full pipe", 0);
    close(&[pipe.write]);
    check::equal("read at the end", io::read(pipe.read, &mut [0]), Ok(0));
    close(&[pipe.read]);
}

fn unknown() {
    let file = open(O_RDONLY);
    for command in [99, 1000, u32::MAX] {
        check::error(format_args!("fcntl {command}"), io::fcntl(file, command, 0), Errno::EINVAL);
    }
    close(&[file]);
    for command in [F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL, 99] {
        for fd in [file, -1, OPEN_MAX as Fd, Fd::MAX, Fd::MIN] {
            check::error(format_args!("fcntl {command} of {fd}"), io::fcntl(fd, command, 0), Errno::EBADF);
        }
    }
}
