//! Files on the disk can be opened, examined and read.
//!
//! Checks: the fixture files byte for byte, by several paths; size, type, permissions and space from `fstat`;
//! short reads, reads at the end, reads of zero bytes, independent offsets of two descriptors, `lseek`;
//! buffers anywhere in a page and across its boundary; a large file (this program) in parts of different
//! sizes, and compared with the memory that the kernel loaded it to; symbolic links stored in an inode and in
//! a block, chains of them, up to the permitted number, also through /proc, O_NOFOLLOW; a buffer whose end is
//! unmapped receives what fits; ENOENT, ENOTDIR, EISDIR, EBADF, EINVAL, ELOOP, EEXIST where required; bad and
//! read-only addresses give EFAULT; unknown calls give ENOSYS. A file with double indirect blocks, in one
//! read and in parts; files with inodes in many groups, in a directory of many blocks.
#![no_std]
#![no_main]

mod crossings;
mod ends;
mod far_blocks;
mod links;
mod new_names;

use core::ffi::CStr;

use ulib::abi::fs::{
    O_CREAT, O_DIRECTORY, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY, S_IFCHR, S_IFDIR, S_IFIFO, S_IFMT, S_IFREG,
    SEEK_CUR, SEEK_END, SEEK_SET, STDOUT,
};
use ulib::abi::syscall as number;
use ulib::arch::KERNEL_ADDRESS;
use ulib::io::Fd;
use ulib::{Args, Errno, check, fs, io, memory};

ulib::test!(main);

const HELLO: &CStr = c"/hello.txt";
const HELLO_BYTES: &[u8] = b"Hello from ext2!\n";
const LINES: &[u8] = b"Line 1\nLine 2\nLine 3\nLine 4\nLine 5\nLine 6\nLine 7\nLine 8\nLine 9\nLine 10\n\
    Line 11\nLine 12\nLine 13\nLine 14\nLine 15\n";

fn main(_: &Args) {
    contents();
    metadata();
    parts();
    seeking();
    buffers();
    large_file();
    far_blocks::checks();
    links::checks(HELLO_BYTES, LINES);
    crossings::checks();
    ends::checks();
    new_names::checks();
    wrong_names();
    wrong_descriptors();
    wrong_addresses();
    unknown_calls();
}

#[track_caller]
fn open(path: &CStr) -> Fd {
    check::ok(format_args!("open {path:?}"), fs::open(path, O_RDONLY, 0))
}

#[track_caller]
fn close(fd: Fd) {
    check::ok("close", io::close(fd));
}

fn contents() {
    let files: [(&CStr, &[u8]); 9] = [
        (HELLO, HELLO_BYTES),
        (c"hello.txt", HELLO_BYTES),
        (c"//test/.././hello.txt", HELLO_BYTES),
        (c"/deep/path/../../hello.txt", HELLO_BYTES),
        (c"/test/nested.txt", b"Nested file content\n"),
        (c"/deep/path/to/file/data.txt", b"Deep nested content\n"),
        (c"/trunctest.txt", b"Truncate test file\n"),
        (c"/lines.txt", LINES),
        (c"/empty.txt", b""),
    ];
    for (path, expected) in files {
        let fd = open(path);
        let mut buffer = [0xaa; 512];
        let count = check::ok(format_args!("read {path:?}"), io::read(fd, &mut buffer));
        check::bytes(format_args!("content of {path:?}"), &buffer[..count], expected);
        check::equal("bytes behind the content", buffer[count..].iter().all(|byte| *byte == 0xaa), true);
        check::equal("read at the end", io::read(fd, &mut buffer), Ok(0));
        check::equal("second read at the end", io::read(fd, &mut buffer), Ok(0));
        close(fd);
    }
}

fn metadata() {
    let mut numbers = [0; 3];
    // Space in units of 512 bytes: one block of 1 KiB, none for an empty file.
    for (i, (path, size, blocks)) in
        [(HELLO, 17, 2), (c"/lines.txt", 111, 2), (c"/empty.txt", 0, 0)].iter().enumerate()
    {
        let fd = open(path);
        let stat = check::ok("fstat", fs::fstat(fd));
        check::equal(format_args!("size of {path:?}"), stat.size, *size);
        check::equal(format_args!("mode of {path:?}"), stat.mode, S_IFREG | 0o644);
        check::equal(format_args!("links of {path:?}"), stat.nlink, 1);
        check::equal(format_args!("space of {path:?}"), stat.blocks, *blocks);
        check::equal(format_args!("block size of {path:?}"), stat.blksize, 1024);
        check::equal(format_args!("owner of {path:?}"), (stat.uid, stat.gid), (0, 0));
        check::equal(format_args!("time of {path:?}"), stat.mtime.seconds, 0);
        check::equal("inode number used twice", numbers.contains(&stat.ino), false);
        numbers[i] = stat.ino;
        close(fd);
    }
    let fd = check::ok("open a directory", fs::open(c"/deep", O_RDONLY | O_DIRECTORY, 0));
    let stat = check::ok("fstat of a directory", fs::fstat(fd));
    check::equal("mode of a directory", stat.mode, S_IFDIR | 0o755);
    check::equal("links of a directory: itself, its name, its child", stat.nlink, 3);
    check::error("read of a directory", io::read(fd, &mut [0; 16]), Errno::EISDIR);
    close(fd);
    let pipe = check::ok("pipe", io::pipe());
    for (name, fd, kind) in
        [("pipe", pipe.read, S_IFIFO), ("pipe", pipe.write, S_IFIFO), ("console", STDOUT, S_IFCHR)]
    {
        let stat = check::ok("fstat", fs::fstat(fd));
        check::equal(format_args!("type of a {name}"), stat.mode & S_IFMT, kind);
    }
    close(pipe.read);
    close(pipe.write);
}

fn parts() {
    let (first, second) = (open(HELLO), open(HELLO));
    let mut buffer = [0; 32];
    check::equal("read of 5 bytes", io::read(first, &mut buffer[..5]), Ok(5));
    check::bytes("first part", &buffer[..5], b"Hello");
    check::equal("read of nothing", io::read(first, &mut []), Ok(0));
    check::equal("first read of another descriptor", io::read(second, &mut buffer[..6]), Ok(6));
    check::bytes("part of its own", &buffer[..6], b"Hello ");
    check::equal("read of more than is left", io::read(first, &mut buffer), Ok(12));
    check::bytes("last part", &buffer[..12], b" from ext2!\n");
    for expected in &HELLO_BYTES[6..] {
        let mut byte = [0];
        check::equal("read of one byte", io::read(second, &mut byte), Ok(1));
        check::equal("byte", byte[0], *expected);
    }
    check::equal("read at the end", io::read(second, &mut buffer), Ok(0));
    close(first);
    close(second);
}

fn seeking() {
    let fd = open(HELLO);
    let mut buffer = [0; 4];
    for (offset, whence, place) in
        [(6, SEEK_SET, 6), (-1, SEEK_CUR, 9), (-11, SEEK_END, 6), (0, SEEK_CUR, 10)]
    {
        check::equal(format_args!("lseek {offset}, {whence}"), fs::lseek(fd, offset, whence), Ok(place));
        check::equal("read there", io::read(fd, &mut buffer), Ok(4));
        let place = place as usize;
        check::bytes("bytes there", &buffer, &HELLO_BYTES[place..place + 4]);
    }
    check::equal("lseek to the end", fs::lseek(fd, 0, SEEK_END), Ok(17));
    check::equal("read at the end", io::read(fd, &mut buffer), Ok(0));
    check::equal("lseek behind the end", fs::lseek(fd, 1000, SEEK_SET), Ok(1000));
    check::equal("read behind the end", io::read(fd, &mut buffer), Ok(0));
    check::error("lseek before the start", fs::lseek(fd, -1, SEEK_SET), Errno::EINVAL);
    check::error("lseek from nowhere", fs::lseek(fd, 0, 9), Errno::EINVAL);
    check::equal("place after errors", fs::lseek(fd, 0, SEEK_CUR), Ok(1000));
    close(fd);
}

/// Buffers at the start, in the middle and across the boundary of pages.
fn buffers() {
    #[repr(align(4096))]
    struct Pages([u8; 3 * 4096]);
    let mut pages = Pages([0; 3 * 4096]);
    for start in [0, 1, 7, 4000, 4095, 4096, 8190] {
        let fd = open(c"/lines.txt");
        pages.0.fill(0xaa);
        let buffer = &mut pages.0[start..start + LINES.len()];
        check::equal("read into pages", io::read(fd, buffer), Ok(LINES.len()));
        check::bytes(format_args!("buffer at {start}"), buffer, LINES);
        let rest = pages.0[..start].iter().chain(&pages.0[start + LINES.len()..]);
        check::equal("bytes around the buffer", rest.copied().all(|byte| byte == 0xaa), true);
        close(fd);
    }
}

/// This program's file needs indirect blocks. All ways of reading it give the same bytes.
fn large_file() {
    let fd = open(c"/bin/file_read_test");
    let stat = check::ok("fstat", fs::fstat(fd));
    check::equal("mode of a program", stat.mode, S_IFREG | 0o755);
    let size = stat.size as usize;
    check::at_least("size: more than 12 blocks of 1 KiB", size, 12 * 1024 + 1);
    let digests = [8192, 4096, 1000, 777].map(|part| {
        check::equal("lseek to the start", fs::lseek(fd, 0, SEEK_SET), Ok(0));
        read_digest(fd, part)
    });
    check::equal("bytes read", digests[0].0, size);
    check::equal("start of a program", digests[0].2, *b"\x7fELF");
    for digest in &digests[1..] {
        check::equal("bytes, digest and start of other parts", *digest, digests[0]);
    }
    check::equal("lseek to the start", fs::lseek(fd, 0, SEEK_SET), Ok(0));
    let content = check::ok("content", memory::read_to_end(fd));
    check::equal("bytes of the content", content.len(), size);
    is_this_program(content);
    close(fd);
}

/// The program's memory is known to be correct, since the program runs: the file's read-only segments must
/// equal it.
fn is_this_program(content: &[u8]) {
    const LOAD: u64 = 1;
    const WRITABLE: u64 = 2;
    let number = |place: usize, bytes: usize| {
        let mut number = [0; 8];
        number[..bytes].copy_from_slice(&content[place..place + bytes]);
        u64::from_le_bytes(number)
    };
    let (first, count) = (number(0x20, 8) as usize, number(0x38, 2) as usize);
    let mut compared = 0;
    for header in (0..count).map(|index| first + index * 56) {
        let [offset, address, len] = [8, 16, 32].map(|field| number(header + field, 8) as usize);
        if number(header, 4) != LOAD || number(header + 4, 4) & WRITABLE != 0 {
            continue;
        }
        // SAFETY: the segment is part of this program's memory, and is never written.
        let memory = unsafe { core::slice::from_raw_parts(core::ptr::with_exposed_provenance(address), len) };
        check::bytes(
            format_args!("segment at {offset:#x} of the file"),
            &content[offset..offset + len],
            memory,
        );
        compared += len;
    }
    check::at_least("bytes compared: more than 12 blocks of 1 KiB", compared, 12 * 1024 + 1);
}

/// Length, a digest that depends on every byte's position, and the first four bytes.
fn read_digest(fd: Fd, part: usize) -> (usize, u64, [u8; 4]) {
    let mut buffer = [0; 8192];
    let (mut len, mut digest, mut start) = (0, 0_u64, [0; 4]);
    loop {
        let count = check::ok("read of a part", io::read(fd, &mut buffer[..part]));
        if count == 0 {
            return (len, digest, start);
        }
        if len == 0 {
            start.copy_from_slice(&buffer[..4]);
        }
        for byte in &buffer[..count] {
            digest = digest.wrapping_mul(0x0000_0100_0000_01b3) ^ u64::from(*byte);
        }
        len += count;
    }
}

fn wrong_names() {
    let cases: [(&CStr, u32, Errno); 13] = [
        (HELLO, O_WRONLY, Errno::EROFS),
        (HELLO, O_RDWR, Errno::EROFS),
        (HELLO, O_RDONLY | O_TRUNC, Errno::EROFS),
        (c"/no_such_file", O_RDONLY | O_CREAT, Errno::EROFS),
        (c"/test", O_RDONLY | O_CREAT, Errno::EISDIR),
        (c"/no_such_file", O_RDONLY, Errno::ENOENT),
        (c"/no_such_folder/file", O_RDONLY, Errno::ENOENT),
        (c"/test/no_such_file", O_RDONLY, Errno::ENOENT),
        (c"", O_RDONLY, Errno::ENOENT),
        (c"/hello.txt/x", O_RDONLY, Errno::ENOTDIR),
        (HELLO, O_RDONLY | O_DIRECTORY, Errno::ENOTDIR),
        (c"/test", O_WRONLY, Errno::EISDIR),
        (c"/test", O_RDWR, Errno::EISDIR),
    ];
    for (path, flags, errno) in cases {
        check::error(format_args!("open {path:?}, {flags:#x}"), fs::open(path, flags, 0), errno);
    }
}

fn wrong_descriptors() {
    let closed = open(HELLO);
    close(closed);
    for fd in [closed, -1, 9999, Fd::MAX, Fd::MIN] {
        check::error("read", io::read(fd, &mut [0]), Errno::EBADF);
        check::error("write", io::write(fd, &[0]), Errno::EBADF);
        check::error("fstat", fs::fstat(fd), Errno::EBADF);
        check::error("lseek", fs::lseek(fd, 0, SEEK_SET), Errno::EBADF);
        check::error("close", io::close(fd), Errno::EBADF);
    }
    let fd = open(HELLO);
    check::error("write to a file opened for reading", io::write(fd, b"x"), Errno::EBADF);
    close(fd);
}

fn wrong_addresses() {
    let fd = open(HELLO);
    let text = main as fn(&Args) as usize;
    let calls = [("read", number::READ, fd as u64, text), ("fstat", number::FSTAT, fd as u64, text)];
    for (name, call, fd, read_only) in calls {
        for address in [0, 8, KERNEL_ADDRESS, usize::MAX - 7, read_only] {
            // SAFETY: the kernel must refuse the address.
            let answer = unsafe { ulib::call(call, [fd, address as u64, 16]) };
            check::error(format_args!("{name} to {address:#x}"), answer, Errno::EFAULT);
        }
    }
    for address in [0, 8, KERNEL_ADDRESS, usize::MAX - 7] {
        // SAFETY: as above.
        let answer = unsafe { ulib::call(number::OPEN, [address as u64, O_RDONLY.into(), 0]) };
        check::error(format_args!("open of a path at {address:#x}"), answer, Errno::EFAULT);
        // SAFETY: as above.
        let answer = unsafe { ulib::call(number::WRITE, [1, address as u64, 16]) };
        check::error(format_args!("write from {address:#x}"), answer, Errno::EFAULT);
    }
    check::equal("place after errors", fs::lseek(fd, 0, SEEK_CUR), Ok(0));
    close(fd);
}

fn unknown_calls() {
    for number in [8, 999, 9999, 1 << 32, u64::MAX] {
        // SAFETY: there is no such call.
        let answer = unsafe { ulib::call(number, [1, 2, 3, 4, 5, 6]) };
        check::error(format_args!("call {number}"), answer, Errno::ENOSYS);
    }
}
