//! `dup` and `dup2` create further descriptors of an open file.
//!
//! Checks: the lowest free number is used; both share one offset, also across `fork`; the copy outlives the
//! original, which then gives EBADF; `dup2` uses the requested number, closes the file that was there, and
//! changes nothing if both numbers are equal or the old one is bad; bad numbers give EBADF; a full table
//! gives EMFILE and works again afterwards; `dup2` closes the replaced file. Flags: close-on-exec belongs to
//! one descriptor, is not copied by dup, and is inherited by children; access mode and status flags belong to
//! the open file, its descriptors share them, and F_SETFL changes only O_NONBLOCK and O_APPEND, which take
//! effect.
#![no_std]
#![no_main]

mod flags;

use ulib::abi::fs::O_RDONLY;
use ulib::abi::limits::OPEN_MAX;
use ulib::child::Child;
use ulib::io::Fd;
use ulib::{Args, Errno, check, fs, io};

ulib::test!(main);

/// The first number after standard input, output and error.
const LOWEST: Fd = 3;

fn main(_: &Args) {
    lowest_number();
    shared_offset();
    copy_outlives();
    number_of_choice();
    replaces();
    same_number();
    bad_numbers();
    across_fork();
    full_table();
    replaced_is_closed();
    flags::checks();
    lowest_number();
}

#[track_caller]
fn open() -> Fd {
    check::ok("open", fs::open(c"/hello.txt", O_RDONLY, 0))
}

#[track_caller]
fn close(fd: Fd) {
    check::ok("close", io::close(fd));
}

/// Checks the next bytes of the file.
#[track_caller]
fn reads(fd: Fd, expected: &[u8]) {
    let mut buffer = [0; 32];
    let count = check::ok("read", io::read(fd, &mut buffer[..expected.len()]));
    check::bytes("bytes read", &buffer[..count], expected);
}

fn lowest_number() {
    check::equal("first number", open(), LOWEST);
    check::equal("first copy", io::dup(LOWEST), Ok(LOWEST + 1));
    check::equal("second copy", io::dup(LOWEST), Ok(LOWEST + 2));
    close(LOWEST);
    check::equal("copy into the gap", io::dup(LOWEST + 2), Ok(LOWEST));
    for fd in [LOWEST, LOWEST + 1, LOWEST + 2] {
        close(fd);
    }
}

fn shared_offset() {
    let file = open();
    let copy = check::ok("dup", io::dup(file));
    let third = check::ok("dup of a copy", io::dup(copy));
    reads(file, b"Hello");
    reads(copy, b" from");
    reads(third, b" ext2");
    reads(file, b"!\n");
    check::equal("end seen by the copy", io::read(copy, &mut [0]), Ok(0));
    for fd in [file, copy, third] {
        close(fd);
    }
}

fn copy_outlives() {
    let file = open();
    let copy = check::ok("dup", io::dup(file));
    reads(file, b"Hello ");
    close(file);
    check::error("read of the closed original", io::read(file, &mut [0]), Errno::EBADF);
    check::error("dup of the closed original", io::dup(file), Errno::EBADF);
    check::error("close of the closed original", io::close(file), Errno::EBADF);
    reads(copy, b"from");
    close(copy);
}

fn number_of_choice() {
    let file = open();
    check::equal("dup2 to a free number", io::dup2(file, 17), Ok(17));
    reads(file, b"Hello");
    reads(17, b" from");
    close(file);
    reads(17, b" ext2");
    close(17);
    check::error("read of the closed copy", io::read(17, &mut [0]), Errno::EBADF);
}

fn replaces() {
    let file = open();
    let other = check::ok("open", fs::open(c"/lines.txt", O_RDONLY, 0));
    let other_copy = check::ok("dup", io::dup(other));
    check::equal("dup2 to a used number", io::dup2(file, other), Ok(other));
    reads(other, b"Hello");
    reads(file, b" from");
    reads(other_copy, b"Line 1\n");
    for fd in [file, other, other_copy] {
        close(fd);
    }
}

/// dup2 replaces the last write end, and the reader sees the end of file.
fn replaced_is_closed() {
    let (pipe, file) = (check::ok("pipe", io::pipe()), open());
    check::equal("dup2 over the last writing end", io::dup2(file, pipe.write), Ok(pipe.write));
    check::equal("end of the pipe", io::read(pipe.read, &mut [0]), Ok(0));
    for fd in [pipe.read, pipe.write, file] {
        close(fd);
    }
}

fn same_number() {
    let file = open();
    reads(file, b"Hello");
    check::equal("dup2 to itself", io::dup2(file, file), Ok(file));
    reads(file, b" from");
    close(file);
    check::error("dup2 of a closed one to itself", io::dup2(file, file), Errno::EBADF);
}

fn bad_numbers() {
    for fd in [-1, Fd::MIN, Fd::MAX, 9999, LOWEST] {
        check::error(format_args!("dup of {fd}"), io::dup(fd), Errno::EBADF);
    }
    let file = open();
    for fd in [-1, Fd::MIN, Fd::MAX, OPEN_MAX as Fd] {
        check::error(format_args!("dup2 to {fd}"), io::dup2(file, fd), Errno::EBADF);
        check::error(format_args!("dup2 from {fd}"), io::dup2(fd, file), Errno::EBADF);
    }
    reads(file, b"Hello");
    close(file);
}

fn across_fork() {
    let file = open();
    let copy = check::ok("dup", io::dup(file));
    let child = Child::start(|| {
        reads(copy, b"Hello");
        close(file);
        close(copy);
        0
    });
    child.exits("child that reads and closes", 0);
    reads(file, b" from");
    reads(copy, b" ext2");
    close(file);
    close(copy);
}

fn full_table() {
    let file = open();
    let mut highest = file;
    let error = loop {
        match io::dup(file) {
            Ok(fd) => check::equal("next copy", fd, highest + 1),
            Err(errno) => break errno,
        }
        highest += 1;
    };
    check::equal("dup with a full table", error, Errno::EMFILE);
    check::equal("descriptors of a process", highest, OPEN_MAX as Fd - 1);
    check::error("open with a full table", fs::open(c"/hello.txt", O_RDONLY, 0), Errno::EMFILE);
    check::error("pipe with a full table", io::pipe(), Errno::EMFILE);
    close(highest);
    check::error("pipe with one free number", io::pipe(), Errno::EMFILE);
    check::equal("dup after one was closed", io::dup(file), Ok(highest));
    for fd in file..=highest {
        close(fd);
    }
}
