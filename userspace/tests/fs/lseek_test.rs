//! `lseek` moves the file position.
//!
//! Checks, with a read at each position: relative to the start, the position and the end, forwards and
//! backwards; to and beyond the end, where reads return nothing; a position before the start, an overflow and
//! an unknown origin give EINVAL and move nothing; random positions far into large files; directories
//! restart; pipes and the console give ESPIPE, bad descriptors EBADF; descriptors from dup and fork share the
//! position, one from open has its own.
#![no_std]
#![no_main]

use core::ffi::CStr;

use ulib::abi::fs::{O_RDONLY, SEEK_CUR, SEEK_END, SEEK_SET, STDOUT};
use ulib::child::Child;
use ulib::io::Fd;
use ulib::{Args, Errno, check, fs, io, memory};

ulib::test!(main);

const HELLO: &CStr = c"/hello.txt";
const BYTES: &[u8] = b"Hello from ext2!\n";
const SIZE: u64 = BYTES.len() as u64;
const FAR: i64 = i64::MAX;

fn main(_: &Args) {
    every_origin();
    end_of_the_file();
    errors();
    large_file();
    directory();
    no_places();
    shared_place();
}

#[track_caller]
fn open(path: &CStr) -> Fd {
    check::ok(format_args!("open {path:?}"), fs::open(path, O_RDONLY, 0))
}

#[track_caller]
fn close(fd: Fd) {
    check::ok("close", io::close(fd));
}

/// Checks that the call returns this position, and that the next read continues from there.
#[track_caller]
fn moves(fd: Fd, offset: i64, whence: u32, place: u64) {
    let name = format_args!("lseek {offset} from {whence}");
    check::equal(name, fs::lseek(fd, offset, whence), Ok(place));
    check::equal("place asked for", fs::lseek(fd, 0, SEEK_CUR), Ok(place));
    let mut buffer = [0; 4];
    let count = check::ok("read there", io::read(fd, &mut buffer));
    let rest = &BYTES[(place.min(SIZE)) as usize..];
    check::bytes("bytes there", &buffer[..count], &rest[..rest.len().min(4)]);
    check::equal("place after the read", fs::lseek(fd, 0, SEEK_CUR), Ok(place + count as u64));
}

fn every_origin() {
    let fd = open(HELLO);
    check::equal("place of a new descriptor", fs::lseek(fd, 0, SEEK_CUR), Ok(0));
    moves(fd, 6, SEEK_SET, 6);
    moves(fd, 1, SEEK_CUR, 11);
    moves(fd, -15, SEEK_CUR, 0);
    moves(fd, -4, SEEK_CUR, 0);
    moves(fd, -6, SEEK_END, 11);
    moves(fd, -(SIZE as i64), SEEK_END, 0);
    moves(fd, 0, SEEK_SET, 0);
    moves(fd, 0, SEEK_CUR, 4);
    close(fd);
}

fn end_of_the_file() {
    let fd = open(HELLO);
    moves(fd, 0, SEEK_END, SIZE);
    moves(fd, -1, SEEK_END, SIZE - 1);
    moves(fd, SIZE as i64, SEEK_SET, SIZE);
    moves(fd, 1000, SEEK_SET, 1000);
    moves(fd, 5, SEEK_END, SIZE + 5);
    moves(fd, -5, SEEK_CUR, SIZE);
    moves(fd, 1 << 40, SEEK_SET, 1 << 40);
    let stat = check::ok("fstat", fs::fstat(fd));
    check::equal("size after all that", stat.size, SIZE as i64);
    moves(fd, 0, SEEK_SET, 0);
    close(fd);
}

fn errors() {
    let fd = open(HELLO);
    let cases = [
        (-1, SEEK_SET),
        (i64::MIN, SEEK_SET),
        (-8, SEEK_CUR),
        (FAR, SEEK_CUR),
        (-(SIZE as i64) - 1, SEEK_END),
        (FAR, SEEK_END),
        (0, 3),
        (0, 99),
        (0, u32::MAX),
    ];
    moves(fd, 3, SEEK_SET, 3);
    for (offset, whence) in cases {
        let name = format_args!("lseek {offset} from {whence}");
        check::error(name, fs::lseek(fd, offset, whence), Errno::EINVAL);
        check::equal("place after an error", fs::lseek(fd, 0, SEEK_CUR), Ok(7));
    }
    moves(fd, 0, SEEK_CUR, 7);
    close(fd);
    for bad in [fd, -1, 9999, Fd::MAX, Fd::MIN] {
        for whence in [SEEK_SET, SEEK_CUR, SEEK_END, 99] {
            let name = format_args!("lseek of descriptor {bad} from {whence}");
            check::error(name, fs::lseek(bad, 0, whence), Errno::EBADF);
        }
    }
}

/// This program, which needs indirect blocks: reads at any position return the same bytes as a sequential
/// read.
fn large_file() {
    somewhere(c"/bin/lseek_test");
    // Also with double indirect blocks.
    somewhere(c"/numbers.txt");
}

fn somewhere(path: &CStr) {
    let fd = open(path);
    let content = check::ok("content", memory::read_to_end(fd));
    check::at_least("size in bytes: more than 12 blocks of 1 KiB", content.len(), 12 * 1024 + 1);
    check::equal("lseek to the end", fs::lseek(fd, 0, SEEK_END), Ok(content.len() as u64));
    let mut place = 0;
    for _ in 0..200 {
        place = (place * 1_103_515_245 + 12_345) % content.len();
        check::equal("lseek somewhere", fs::lseek(fd, place as i64, SEEK_SET), Ok(place as u64));
        let mut buffer = [0; 700];
        let count = check::ok("read somewhere", io::read_full(fd, &mut buffer));
        let end = content.len().min(place + buffer.len());
        check::bytes(format_args!("bytes at {place}"), &buffer[..count], &content[place..end]);
    }
    close(fd);
}

fn directory() {
    let fd = open(c"/test");
    let (mut first, mut second) = ([0; 512], [0; 512]);
    let count = check::ok("getdents64", fs::getdents(fd, &mut first));
    check::at_least("bytes of entries", count, 1);
    check::equal("entries at the end", fs::getdents(fd, &mut second), Ok(0));
    check::equal("lseek of a directory", fs::lseek(fd, 0, SEEK_SET), Ok(0));
    check::equal("getdents64 from the start", fs::getdents(fd, &mut second), Ok(count));
    check::bytes("entries again", &second, &first);
    close(fd);
}

fn no_places() {
    let pipe = check::ok("pipe", io::pipe());
    check::ok("write", io::write_all(pipe.write, b"kept"));
    for fd in [pipe.read, pipe.write, STDOUT] {
        for whence in [SEEK_SET, SEEK_CUR, SEEK_END] {
            let name = format_args!("lseek of stream {fd} from {whence}");
            check::error(name, fs::lseek(fd, 0, whence), Errno::ESPIPE);
        }
    }
    let mut buffer = [0; 4];
    check::equal("read from the pipe", io::read(pipe.read, &mut buffer), Ok(4));
    check::bytes("bytes in the pipe", &buffer, b"kept");
    close(pipe.read);
    close(pipe.write);
}

fn shared_place() {
    let (fd, other) = (open(HELLO), open(HELLO));
    let copy = check::ok("dup", io::dup(fd));
    check::equal("lseek of the copy", fs::lseek(copy, 6, SEEK_SET), Ok(6));
    moves(fd, 0, SEEK_CUR, 6);
    let child = Child::start(|| {
        moves(copy, -5, SEEK_CUR, 5);
        0
    });
    child.exits("child that moves the place", 0);
    moves(fd, 0, SEEK_CUR, 9);
    moves(other, 0, SEEK_CUR, 0);
    for fd in [fd, other, copy] {
        close(fd);
    }
}
