//! Buffers that extend beyond the end of the heap.

use core::ffi::CStr;

use ulib::abi::fs::{O_RDONLY, SEEK_CUR, SEEK_SET};
use ulib::abi::syscall::READ;
use ulib::io::Fd;
use ulib::{Errno, Result, call, check, fs, io, memory};

/// A read returns what fits, and the position moves by as much.
pub fn checks() {
    let end = heap_end(64 * 1024);
    let fd = open(c"/hello.txt");
    let parts: [(usize, u64, &[u8]); 3] =
        [(10, 4096, b"Hello from"), (4096, 8192, b" ext2!\n"), (0, 4096, b"")];
    for (room, length, expected) in parts {
        check::equal("read into what is there", read_to(fd, end - room, length), Ok(expected.len() as u64));
        check::bytes("bytes read", memory_at(end - room, expected.len()), expected);
    }
    check::equal("lseek to the start", fs::lseek(fd, 0, SEEK_SET), Ok(0));
    check::error("read into nothing", read_to(fd, end, 1), Errno::EFAULT);
    check::error("read of more than users have", read_to(fd, end - 10, u64::MAX / 2), Errno::EFAULT);
    check::equal("place after errors", fs::lseek(fd, 0, SEEK_CUR), Ok(0));
    check::ok("close", io::close(fd));
    in_pieces(end);
    let fd = open(c"/test");
    check::error("read of a directory into nothing", read_to(fd, end, 1), Errno::EISDIR);
    check::ok("close", io::close(fd));
}

/// More than one chunk of the kernel.
fn in_pieces(end: usize) {
    const ROOM: usize = 40_000;
    let fd = open(c"/bin/file_read_test");
    check::equal("read of much", read_to(fd, end - ROOM, 100_000), Ok(ROOM as u64));
    check::equal("place after it", fs::lseek(fd, 0, SEEK_CUR), Ok(ROOM as u64));
    check::equal("lseek to the start", fs::lseek(fd, 0, SEEK_SET), Ok(0));
    let mut part = [0; 4096];
    for place in (0..ROOM).step_by(part.len()) {
        let count = check::ok("read", io::read_full(fd, &mut part)).min(ROOM - place);
        check::bytes("bytes of much", memory_at(end - ROOM + place, count), &part[..count]);
    }
    check::ok("close", io::close(fd));
}

/// The end of the heap, `bytes` to `bytes` + a page after its old end: nothing is mapped above it.
fn heap_end(bytes: usize) -> usize {
    let start = check::ok("heap", memory::grow(bytes));
    let end = (start + bytes) / 4096 * 4096;
    check::equal("break", memory::brk(end), end);
    end
}

fn open(path: &CStr) -> Fd {
    check::ok(format_args!("open {path:?}"), fs::open(path, O_RDONLY, 0))
}

fn read_to(fd: Fd, address: usize, length: u64) -> Result<u64> {
    // SAFETY: the kernel writes only to the mapped part of the buffer, which is unused memory.
    unsafe { call(READ, [fd as u64, address as u64, length]) }
}

fn memory_at(address: usize, len: usize) -> &'static [u8] {
    // SAFETY: heap memory that only the kernel writes to, during a call.
    unsafe { core::slice::from_raw_parts(core::ptr::with_exposed_provenance(address), len) }
}
