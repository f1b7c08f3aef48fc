//! Structures beyond the first of their kind: double indirect blocks, inodes of later groups, further blocks
//! of a directory.

use core::ffi::CStr;

use ulib::abi::fs::{O_RDONLY, S_IFREG, SEEK_SET};
use ulib::{check, fs, io, memory};

/// Number of lines in `/numbers.txt`, each with its number in seven digits.
const LINES: usize = 600_000;
const LINE: usize = 8;
const SIZE: usize = LINES * LINE;
const BLOCK: usize = 1024;
const PIECE: usize = 64 * BLOCK;
/// Bytes that one indirect block covers.
const REACH: usize = BLOCK / 4 * BLOCK;
/// First byte that needs the double indirect block.
const DOUBLE: usize = 12 * BLOCK + REACH;
/// Number of empty files in `/large`.
const FILES: usize = 700;

pub fn checks() {
    in_one_piece();
    in_parts();
    every_file();
}

/// The file's byte at this position.
fn byte(place: usize) -> u8 {
    let (mut line, column) = (place / LINE, place % LINE);
    if column == LINE - 1 {
        return b'\n';
    }
    for _ in column..LINE - 2 {
        line /= 10;
    }
    b'0' + (line % 10) as u8
}

#[track_caller]
fn is(start: usize, found: &[u8]) {
    let wrong = found.iter().enumerate().position(|(at, found)| *found != byte(start + at));
    check::equal(format_args!("place of a wrong byte after {start}"), wrong, None);
}

/// One call reads everything, however much.
fn in_one_piece() {
    let fd = check::ok("open", fs::open(c"/numbers.txt", O_RDONLY, 0));
    let stat = check::ok("fstat", fs::fstat(fd));
    check::equal("size", stat.size, SIZE as i64);
    // Data, an indirect block, and a double indirect block with indirect blocks below it.
    let tables = 2 + (SIZE - DOUBLE).div_ceil(REACH);
    check::at_least("tables below a table", tables, 4);
    check::equal("space", stat.blocks, (SIZE.div_ceil(BLOCK) + tables) as i64 * 2);
    let buffer = check::ok("memory", memory::leak(SIZE + 100));
    check::equal("read of everything", io::read(fd, buffer), Ok(SIZE));
    is(0, &buffer[..SIZE]);
    // The kernel's cache no longer holds the start of the file.
    check::less("bytes that the kernel keeps", 4 * 1024 * 1024, SIZE);
    check::equal("lseek", fs::lseek(fd, 0, SEEK_SET), Ok(0));
    buffer[..PIECE].fill(0);
    check::equal("read of the start", io::read(fd, &mut buffer[..PIECE]), Ok(PIECE));
    is(0, &buffer[..PIECE]);
    check::equal("lseek to the end", fs::lseek(fd, SIZE as i64, SEEK_SET), Ok(SIZE as u64));
    check::equal("bytes behind it", buffer[SIZE..].iter().all(|byte| *byte == 0), true);
    check::equal("read at the end", io::read(fd, buffer), Ok(0));
    check::ok("close", io::close(fd));
}

/// Across every boundary between kinds of blocks.
fn in_parts() {
    let fd = check::ok("open", fs::open(c"/numbers.txt", O_RDONLY, 0));
    let mut buffer = [0; 3000];
    for border in [12 * BLOCK, 13 * BLOCK, DOUBLE, DOUBLE + BLOCK, DOUBLE + REACH, SIZE - 1000] {
        for before in [0, 1, BLOCK, 1500] {
            let start = border - before;
            check::equal("lseek", fs::lseek(fd, start as i64, SEEK_SET), Ok(start as u64));
            let count = check::ok("read", io::read(fd, &mut buffer));
            check::equal("bytes read", count, buffer.len().min(SIZE - start));
            is(start, &buffer[..count]);
        }
    }
    check::ok("close", io::close(fd));
}

/// A file in every block of a directory, and with an inode in every group: all exist, with distinct inode
/// numbers.
fn every_file() {
    let mut path = *b"/large/entry-000\0";
    let mut last = 0;
    for number in (0..FILES).filter(|number| number % 7 == 0 || *number + 1 == FILES) {
        for (place, unit) in [(13, 100), (14, 10), (15, 1)] {
            path[place] = b'0' + (number / unit % 10) as u8;
        }
        let name = CStr::from_bytes_with_nul(&path).expect("ends in NUL");
        let fd = check::ok(format_args!("open {name:?}"), fs::open(name, O_RDONLY, 0));
        let stat = check::ok("fstat", fs::fstat(fd));
        let found = (stat.mode, stat.size, stat.blocks, stat.nlink);
        check::equal(format_args!("mode, size, space, links of {name:?}"), found, (S_IFREG | 0o644, 0, 0, 1));
        check::less(format_args!("inode before that of {name:?}"), last, stat.ino);
        last = stat.ino;
        check::equal("read of an empty file", io::read(fd, &mut [0]), Ok(0));
        check::ok("close", io::close(fd));
    }
}
