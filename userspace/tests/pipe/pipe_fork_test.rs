//! Pipes transfer bytes between processes.
//!
//! Checks: bytes both ways between parent and child; reads of parts of a write, in pieces of every odd
//! length; writes of up to PIPE_BUF bytes are atomic, also when less room is left; a reader that came first
//! blocks and is woken, also two of them; more than a pipe holds arrives unchanged while the writer blocks,
//! also as one write; two pipes are independent; unread bytes are freed with the pipe; end of file after the
//! last writer closed or exited, and not before; EPIPE without readers, also for a blocked writer; each end
//! only permits its own direction (EBADF); a bad address gives EFAULT and allocates no descriptor.
#![no_std]
#![no_main]

use ulib::abi::limits::PIPE_BYTES;
use ulib::abi::syscall::PIPE;
use ulib::arch::KERNEL_ADDRESS;
use ulib::child::Child;
use ulib::io::{Fd, Pipe};
use ulib::{Args, Errno, check, io, process, time};

ulib::test!(main);

fn main(_: &Args) {
    one_process();
    both_ways();
    blocked_reader();
    more_than_it_holds();
    one_large_write();
    two_blocked_readers();
    two_at_a_time();
    forgotten_bytes();
    odd_pieces();
    whole_or_nothing();
    last_writer();
    without_readers();
    blocked_writer_without_readers();
    bad_address();
}

#[track_caller]
fn pipe() -> Pipe {
    check::ok("pipe", io::pipe())
}

#[track_caller]
fn close(fd: Fd) {
    check::ok("close", io::close(fd));
}

#[track_caller]
fn writes(fd: Fd, bytes: &[u8]) {
    check::equal("bytes written", io::write(fd, bytes), Ok(bytes.len()));
}

/// Checks the next bytes, with as many reads as necessary.
#[track_caller]
fn reads(fd: Fd, expected: &[u8]) {
    let mut buffer = [0; 64];
    let count = check::ok("read", io::read_full(fd, &mut buffer[..expected.len()]));
    check::bytes("bytes read", &buffer[..count], expected);
}

#[track_caller]
fn ends(fd: Fd) {
    check::equal("read at the end", io::read(fd, &mut [0; 8]), Ok(0));
}

fn one_process() {
    let pipe = pipe();
    check::differ("numbers of the ends", pipe.read, pipe.write);
    writes(pipe.write, b"0123456789");
    let mut buffer = [0; 4];
    for expected in [&b"0123"[..], b"4567", b"89"] {
        let count = check::ok("read of a part", io::read(pipe.read, &mut buffer));
        check::bytes("part", &buffer[..count], expected);
    }
    check::equal("write of nothing", io::write(pipe.write, &[]), Ok(0));
    check::error("read from the end for writing", io::read(pipe.write, &mut buffer), Errno::EBADF);
    check::error("write to the end for reading", io::write(pipe.read, b"x"), Errno::EBADF);
    writes(pipe.write, b"left over");
    close(pipe.write);
    reads(pipe.read, b"left over");
    ends(pipe.read);
    ends(pipe.read);
    close(pipe.read);
}

/// One call writes everything, however much, as long as there is a reader.
fn one_large_write() {
    let pipe = pipe();
    let child = Child::start(|| {
        close(pipe.read);
        let all = check::ok("memory", ulib::memory::leak(STREAM_BYTES));
        stream(0, all);
        check::equal("one large write", io::write(pipe.write, all), Ok(STREAM_BYTES));
        0
    });
    close(pipe.write);
    reads_the_stream(pipe.read);
    close(pipe.read);
    child.exits("child that writes at once", 0);
}

/// Both readers wait when two bytes arrive at once, one for each. Then both wait for the end of file.
fn two_blocked_readers() {
    let (bytes, ready, go) = (pipe(), pipe(), pipe());
    let children = [(); 2].map(|()| {
        Child::start(|| {
            close(bytes.write);
            writes(ready.write, b"r");
            reads(bytes.read, b"b");
            writes(ready.write, b"r");
            // It must not take the other one's byte.
            reads(go.read, b"g");
            writes(ready.write, b"r");
            ends(bytes.read);
            0
        })
    });
    let asleep = || {
        reads(ready.read, b"rr");
        for _ in 0..50 {
            process::yield_now();
        }
    };
    asleep();
    writes(bytes.write, b"bb");
    asleep();
    writes(go.write, b"gg");
    asleep();
    close(bytes.write);
    for child in children {
        child.exits("one of two readers", 0);
    }
    for fd in [bytes.read, ready.read, ready.write, go.read, go.write] {
        close(fd);
    }
}

/// Two pipes at a time: bytes written to one do not come out of the other.
fn two_at_a_time() {
    let (first, second) = (pipe(), pipe());
    writes(first.write, b"first");
    writes(second.write, b"second, longer");
    reads(second.read, b"second, longer");
    reads(first.read, b"first");
    close(first.write);
    ends(first.read);
    writes(second.write, b"still open");
    reads(second.read, b"still open");
    for fd in [first.read, second.read, second.write] {
        close(fd);
    }
}

/// Unread bytes of a closed pipe take no memory.
fn forgotten_bytes() {
    ulib::probe::gives_back("pipes with bytes in them", 100, || {
        let pipe = pipe();
        writes(pipe.write, &[0x42; PIPE_BYTES / 2]);
        close(pipe.write);
        close(pipe.read);
    });
}

fn both_ways() {
    let (down, up) = (pipe(), pipe());
    let child = Child::start(|| {
        close(down.write);
        close(up.read);
        reads(down.read, b"from the parent");
        writes(up.write, b"from the child");
        ends(down.read);
        0
    });
    close(down.read);
    close(up.write);
    writes(down.write, b"from the parent");
    reads(up.read, b"from the child");
    close(down.write);
    // The child never closed its end: its exit did.
    ends(up.read);
    close(up.read);
    child.exits("child that answers", 0);
}

/// The child is about to read when the parent is notified; the byte comes later.
fn blocked_reader() {
    const DELAY_MS: u64 = 30;
    let (ready, bytes) = (pipe(), pipe());
    let child = Child::start(|| {
        let start = time::milliseconds();
        writes(ready.write, b"r");
        reads(bytes.read, b"x");
        check::at_least("milliseconds of waiting", time::milliseconds() - start, DELAY_MS);
        0
    });
    reads(ready.read, b"r");
    let start = time::milliseconds();
    while time::milliseconds() - start < DELAY_MS {
        process::yield_now();
    }
    writes(bytes.write, b"x");
    child.exits("child that waits for a byte", 0);
    for fd in [ready.read, ready.write, bytes.read, bytes.write] {
        close(fd);
    }
}

/// Several times a pipe's capacity, and not a multiple of any buffer size.
const STREAM_BYTES: usize = 5 * PIPE_BYTES + 4321;

/// The stream's bytes from `place` on; their period differs from every buffer size.
fn stream(place: usize, buffer: &mut [u8]) {
    for (i, byte) in buffer.iter_mut().enumerate() {
        *byte = ((place + i) % 251) as u8 ^ ((place + i) / 65_521) as u8;
    }
}

fn more_than_it_holds() {
    let pipe = pipe();
    let child = Child::start(|| {
        close(pipe.read);
        let (mut place, mut buffer) = (0, [0; 7001]);
        while place < STREAM_BYTES {
            let len = buffer.len().min(STREAM_BYTES - place);
            stream(place, &mut buffer[..len]);
            // A blocking write transfers everything.
            writes(pipe.write, &buffer[..len]);
            place += len;
        }
        0
    });
    close(pipe.write);
    reads_the_stream(pipe.read);
    close(pipe.read);
    child.exits("child that writes the stream", 0);
}

/// Reads all of it, up to the end of file.
fn reads_the_stream(fd: Fd) {
    let (mut place, mut buffer, mut expected) = (0, [0; 5003], [0; 5003]);
    loop {
        let count = check::ok("read of the stream", io::read(fd, &mut buffer));
        if count == 0 {
            break;
        }
        stream(place, &mut expected[..count]);
        check::bytes(format_args!("stream at {place}"), &buffer[..count], &expected[..count]);
        place += count;
    }
    check::equal("bytes of the stream", place, STREAM_BYTES);
}

/// Reads that end just before, at and after every likely boundary of the kernel's buffer.
fn odd_pieces() {
    let pipe = pipe();
    let (mut written, mut read) = (0, 0);
    let mut buffer = [0; 4097];
    for piece in [1, 4095, 1, 4096, 4097, 4094, 2, 511, 513, 4095, 4095, 3] {
        stream(written, &mut buffer[..piece]);
        writes(pipe.write, &buffer[..piece]);
        written += piece;
    }
    for piece in [4095, 1, 4096, 2, 4094, 4097, 4095, 3, 512, 4000] {
        let count = check::ok("read", io::read_full(pipe.read, &mut buffer[..piece]));
        check::equal("bytes of a piece", count, piece);
        let mut expected = [0; 4097];
        stream(read, &mut expected[..piece]);
        check::bytes("a piece", &buffer[..count], &expected[..piece]);
        read += piece;
    }
    close(pipe.read);
    close(pipe.write);
}

/// 1000 bytes of room are left, and the child writes 3000 atomically, so it must wait. The room is still free
/// for 1000 bytes of the parent, which come first.
fn whole_or_nothing() {
    let pipe = pipe();
    let fill = [0x11; 1024];
    for _ in 0..PIPE_BYTES / 1024 - 1 {
        writes(pipe.write, &fill);
    }
    writes(pipe.write, &fill[..24]);
    let child = Child::start(|| {
        writes(pipe.write, &[0x33; 3000]);
        0
    });
    let start = time::milliseconds();
    while time::milliseconds() - start < 30 {
        process::yield_now();
    }
    writes(pipe.write, &[0x22; 1000]);
    let filled = PIPE_BYTES - 1000;
    let (mut kinds, mut buffer) = ([0; 3], [0; 500]);
    let mut place = 0;
    while place < filled + 1000 + 3000 {
        let count = check::ok("read", io::read(pipe.read, &mut buffer));
        for &byte in &buffer[..count] {
            let expected = if place < filled { 0x11 } else { 0x22 + 0x11 * u8::from(place >= filled + 1000) };
            check::equal("byte", byte, expected);
            kinds[usize::from(byte / 0x11 - 1)] += 1;
            place += 1;
        }
    }
    check::equal("bytes of each writer", kinds, [filled, 1000, 3000]);
    child.exits("child that writes as a whole", 0);
    close(pipe.read);
    close(pipe.write);
}

/// One of two write ends is closed while the child reads: no end of file yet.
fn last_writer() {
    let (pipe, ready) = (pipe(), pipe());
    let copy = check::ok("dup", io::dup(pipe.write));
    let child = Child::start(|| {
        close(pipe.write);
        close(copy);
        writes(ready.write, b"r");
        reads(pipe.read, b"not the end");
        ends(pipe.read);
        0
    });
    reads(ready.read, b"r");
    close(pipe.write);
    for _ in 0..20 {
        process::yield_now();
    }
    writes(copy, b"not the end");
    close(copy);
    child.exits("child that reads to the end", 0);
    for fd in [pipe.read, ready.read, ready.write] {
        close(fd);
    }
}

/// There are no signals yet; EPIPE is the only notification.
fn without_readers() {
    let pipe = pipe();
    let copy = check::ok("dup", io::dup(pipe.read));
    close(pipe.read);
    writes(pipe.write, b"a reader is left");
    close(copy);
    check::error("write without readers", io::write(pipe.write, b"x"), Errno::EPIPE);
    check::error("second write without readers", io::write(pipe.write, b"x"), Errno::EPIPE);
    close(pipe.write);
}

/// The child fills the pipe and blocks; when the parent closes the only read end, its write must return.
fn blocked_writer_without_readers() {
    let pipe = pipe();
    let child = Child::start(|| {
        close(pipe.read);
        let error = loop {
            if let Err(errno) = io::write(pipe.write, &[0x42; 4096]) {
                break errno;
            }
        };
        check::equal("write when the reader left", error, Errno::EPIPE);
        0
    });
    close(pipe.write);
    reads(pipe.read, &[0x42; 64]);
    let start = time::milliseconds();
    while time::milliseconds() - start < 30 {
        process::yield_now();
    }
    close(pipe.read);
    child.exits("child that fills the pipe", 0);
}

fn bad_address() {
    let before = pipe();
    for address in [0, 8, KERNEL_ADDRESS, main as fn(&Args) as usize] {
        // SAFETY: the kernel must refuse the address.
        let answer = unsafe { ulib::call(PIPE, [address as u64]) };
        check::error(format_args!("pipe to {address:#x}"), answer, Errno::EFAULT);
    }
    let after = pipe();
    check::equal(
        "descriptors taken by errors",
        after.read.min(after.write),
        before.read.max(before.write) + 1,
    );
    for fd in [before.read, before.write, after.read, after.write] {
        close(fd);
    }
}
