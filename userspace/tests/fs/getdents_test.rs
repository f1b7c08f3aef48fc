//! `getdents64` lists directories.
//!
//! Checks: the names and types in `/`, `/test`, `/links` and `/large`, each exactly once; inode numbers as
//! from `fstat`, `..` included; records of the right length, aligned and padded with zeros, without a write
//! beyond them; the same entries through buffers of any size, also one entry at a time; continuing from a
//! position that a record gave; EINVAL for a buffer too small for an entry, which loses no entry; EBADF,
//! ENOTDIR, EFAULT.
#![no_std]
#![no_main]

use core::ffi::CStr;

use ulib::abi::fs::{DIRENT_ALIGN, DT_DIR, DT_LNK, DT_REG, O_DIRECTORY, O_RDONLY, SEEK_SET, dirent_bytes};
use ulib::abi::syscall::GETDENTS64;
use ulib::arch::KERNEL_ADDRESS;
use ulib::fs::{Entry, entries};
use ulib::io::Fd;
use ulib::{Args, Errno, check, fs, io, memory};

ulib::test!(main);

type Expected<'a> = (&'a [u8], u8);

const TEST: &[Expected<'_>] = &[(b".", DT_DIR), (b"..", DT_DIR), (b"nested.txt", DT_REG)];
const ROOT: &[Expected<'_>] = &[
    (b".", DT_DIR),
    (b"..", DT_DIR),
    (b"bin", DT_DIR),
    (b"deep", DT_DIR),
    (b"dev", DT_DIR),
    (b"empty.txt", DT_REG),
    (b"hello.txt", DT_REG),
    (b"large", DT_DIR),
    (b"lines.txt", DT_REG),
    (b"links", DT_DIR),
    (b"lost+found", DT_DIR),
    (b"numbers.txt", DT_REG),
    (b"proc", DT_DIR),
    (b"sbin", DT_DIR),
    (b"test", DT_DIR),
    (b"trunctest.txt", DT_REG),
];
const LINKS: &[Expected<'_>] = &[
    (b".", DT_DIR),
    (b"..", DT_DIR),
    (b"chain", DT_LNK),
    (b"folder", DT_LNK),
    (b"here", DT_LNK),
    (b"itself", DT_LNK),
    (b"long", DT_LNK),
    (b"loop_across", DT_LNK),
    (b"not_a_folder", DT_LNK),
    (b"nowhere", DT_LNK),
    (b"one", DT_LNK),
    (b"short", DT_LNK),
    (b"two", DT_LNK),
    (b"uptime", DT_LNK),
];
/// Number of files in `/large`, named `entry-000` and so on.
const FILES: usize = 700;
const UNTOUCHED: u8 = 0xaa;

fn main(_: &Args) {
    directory(c"/test", TEST);
    directory(c"/", ROOT);
    directory(c"/links", LINKS);
    large();
    programs();
    inodes();
    buffer_sizes();
    places();
    too_small();
    partial_buffer();
    errors();
}

#[track_caller]
fn open(path: &CStr) -> Fd {
    check::ok(format_args!("open {path:?}"), fs::open(path, O_RDONLY | O_DIRECTORY, 0))
}

#[track_caller]
fn close(fd: Fd) {
    check::ok("close", io::close(fd));
}

/// The records that one call returns, with their format checked.
fn read(fd: Fd, buffer: &mut [u8]) -> &[u8] {
    buffer.fill(UNTOUCHED);
    let len = check::ok("getdents64", fs::getdents(fd, buffer));
    let (records, rest) = buffer.split_at(len);
    check::equal("bytes behind the records", rest.iter().all(|byte| *byte == UNTOUCHED), true);
    let mut end = 0;
    for entry in entries(records) {
        check::equal("length of a record", entry.record, dirent_bytes(entry.name.len()));
        check::equal("alignment of a record", entry.record % DIRENT_ALIGN, 0);
        check::at_least("length of a name", entry.name.len(), 1);
        let padding = &records[end + 19 + entry.name.len()..end + entry.record];
        check::equal("padding", padding.iter().all(|byte| *byte == 0), true);
        check::differ("inode number", entry.inode, 0);
        end += entry.record;
    }
    check::equal("length of all records", end, records.len());
    records
}

fn directory(path: &CStr, expected: &[Expected<'_>]) {
    let fd = open(path);
    let mut buffer = [0; 4096];
    let records = read(fd, &mut buffer);
    for (name, kind) in expected {
        let mut found = entries(records).filter(|entry| entry.name == *name);
        let name = name.escape_ascii();
        check::equal(
            format_args!("type of {name} in {path:?}"),
            found.next().map(|entry| entry.kind),
            Some(*kind),
        );
        check::equal(format_args!("{name} again in {path:?}"), found.next(), None);
    }
    check::equal(format_args!("number of entries in {path:?}"), entries(records).count(), expected.len());
    for _ in 0..2 {
        check::equal("getdents64 at the end", fs::getdents(fd, &mut buffer), Ok(0));
    }
    close(fd);
}

/// A directory of many blocks: all entries, each once, with any buffer.
fn large() {
    for size in [200, 1024, 4096] {
        let fd = open(c"/large");
        let (mut seen, mut others) = ([0_u8; FILES], 0);
        let mut buffer = [0; 4096];
        loop {
            let records = read(fd, &mut buffer[..size]);
            if records.is_empty() {
                break;
            }
            for entry in entries(records) {
                let number = entry.name.strip_prefix(b"entry-").and_then(ulib::options::number);
                match number.and_then(|number| seen.get_mut(number as usize)) {
                    Some(times) if entry.kind == DT_REG => *times += 1,
                    _ => others += 1,
                }
            }
        }
        let wrong = seen.iter().position(|times| *times != 1);
        check::equal("number of a file that is not there once", wrong, None);
        check::equal("other entries: . and ..", others, 2);
        close(fd);
    }
}

/// A directory of several blocks: it contains this program once, and all names are distinct.
fn programs() {
    let fd = open(c"/bin");
    let (mut count, mut this) = (0, 0);
    let mut buffer = [0; 512];
    loop {
        let records = read(fd, &mut buffer);
        if records.is_empty() {
            break;
        }
        count += entries(records).count();
        this +=
            entries(records).filter(|entry| (entry.name, entry.kind) == (b"getdents_test", DT_REG)).count();
    }
    check::equal("entries called getdents_test", this, 1);
    check::at_least("entries in /bin", count, 20);
    close(fd);
}

fn inode_of(path: &CStr) -> u64 {
    let fd = check::ok(format_args!("open {path:?}"), fs::open(path, O_RDONLY, 0));
    let stat = check::ok("fstat", fs::fstat(fd));
    close(fd);
    stat.ino
}

fn inodes() {
    let cases: [(&CStr, &[u8], &CStr); 8] = [
        (c"/", b".", c"/"),
        (c"/", b"..", c"/"),
        (c"/", b"test", c"/test"),
        (c"/", b"hello.txt", c"/hello.txt"),
        (c"/test", b".", c"/test"),
        (c"/test", b"..", c"/"),
        (c"/test", b"nested.txt", c"/test/nested.txt"),
        (c"/deep/path/to", b"..", c"/deep/path"),
    ];
    for (directory, name, path) in cases {
        let fd = open(directory);
        let mut buffer = [0; 4096];
        let found = entries(read(fd, &mut buffer)).find(|entry| entry.name == name).map(|entry| entry.inode);
        close(fd);
        let name = name.escape_ascii();
        check::equal(format_args!("inode of {name} in {directory:?}"), found, Some(inode_of(path)));
    }
}

/// All records of the root directory in one piece.
fn whole(buffer: &mut [u8; 4096]) -> &[u8] {
    let fd = open(c"/");
    let records = read(fd, buffer);
    close(fd);
    records
}

fn buffer_sizes() {
    let mut buffer = [0; 4096];
    let all = whole(&mut buffer);
    // From the size of the largest record up to several records.
    for size in [40, 41, 47, 64, 100, 200, 1000] {
        let fd = open(c"/");
        let (mut parts, mut end) = ([0; 4096], 0);
        loop {
            let mut part = [0; 1000];
            let records = read(fd, &mut part[..size]);
            if records.is_empty() {
                break;
            }
            parts[end..end + records.len()].copy_from_slice(records);
            end += records.len();
        }
        check::bytes(format_args!("records through {size} bytes"), &parts[..end], all);
        close(fd);
    }
}

/// A record's position leads to the record after it.
fn places() {
    let mut buffer = [0; 4096];
    let all = whole(&mut buffer);
    let fd = open(c"/");
    let mut end = 0;
    for Entry { next, record, .. } in entries(all) {
        end += record;
        check::equal("lseek to a place", fs::lseek(fd, next, SEEK_SET), Ok(next as u64));
        check::bytes("records from there on", read(fd, &mut [0; 4096]), &all[end..]);
    }
    close(fd);
}

fn too_small() {
    let fd = open(c"/");
    for size in [0, 1, 19, 23] {
        let mut buffer = [UNTOUCHED; 32];
        let answer = fs::getdents(fd, &mut buffer[..size]);
        check::error(format_args!("getdents64 into {size} bytes"), answer, Errno::EINVAL);
        check::bytes("buffer after an error", &buffer, &[UNTOUCHED; 32]);
    }
    let mut buffer = [0; 4096];
    check::equal("entries after errors", entries(read(fd, &mut buffer)).count(), ROOT.len());
    close(fd);
}

/// A buffer at the end of the heap receives the records that fit.
fn partial_buffer() {
    let start = check::ok("heap", memory::grow(8192));
    let end = (start + 8192) / 4096 * 4096;
    check::equal("break", memory::brk(end), end);
    let mut buffer = [0; 4096];
    let all = whole(&mut buffer);
    let fd = open(c"/");
    let first = entries(all).next().expect("an entry").record;
    for room in [0, 1, first - 1] {
        let answer = getdents_to(fd, end - room, 4096);
        check::error(format_args!("getdents64, {room} bytes there"), answer, Errno::EFAULT);
    }
    let mut done = 0;
    for room in [first, 64, 100, 4096] {
        let count = check::ok("getdents64", getdents_to(fd, end - room, 8192)) as usize;
        check::at_least(format_args!("bytes of records where {room} fit"), count, 1);
        // SAFETY: heap memory that only the kernel writes to, during a call.
        let records =
            unsafe { core::slice::from_raw_parts(core::ptr::with_exposed_provenance(end - room), count) };
        check::bytes("records before the end", records, &all[done..done + count]);
        done += count;
    }
    check::equal("bytes of all records", done, all.len());
    check::equal("getdents64 at the end", getdents_to(fd, end, 4096), Ok(0));
    close(fd);
}

fn getdents_to(fd: Fd, address: usize, length: u64) -> ulib::Result<u64> {
    // SAFETY: the kernel writes only to the mapped part of the buffer, which is unused memory.
    unsafe { ulib::call(GETDENTS64, [fd as u64, address as u64, length]) }
}

fn errors() {
    let file = check::ok("open", fs::open(c"/hello.txt", O_RDONLY, 0));
    let pipe = check::ok("pipe", io::pipe());
    let mut buffer = [0; 256];
    for fd in [file, pipe.read, 1] {
        check::error(format_args!("getdents64 of {fd}"), fs::getdents(fd, &mut buffer), Errno::ENOTDIR);
    }
    for fd in [file, pipe.read, pipe.write] {
        close(fd);
    }
    for fd in [file, -1, 9999, Fd::MAX, Fd::MIN] {
        check::error(format_args!("getdents64 of {fd}"), fs::getdents(fd, &mut buffer), Errno::EBADF);
    }
    let fd = open(c"/");
    for address in [0, 8, KERNEL_ADDRESS, main as fn(&Args) as usize] {
        // SAFETY: the kernel must refuse the address.
        let answer = unsafe { ulib::call(GETDENTS64, [fd as u64, address as u64, 256]) };
        check::error(format_args!("getdents64 to {address:#x}"), answer, Errno::EFAULT);
    }
    check::equal("entries after errors", entries(read(fd, &mut [0; 4096])).count(), ROOT.len());
    close(fd);
}
