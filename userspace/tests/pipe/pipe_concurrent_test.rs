//! Several processes write to one pipe concurrently, and every message stays whole.
//!
//! Checks: 4 writers with 3 messages of 32 bytes each, and 4 writers with 40 messages of the largest atomic
//! size, which fill the pipe so that writers sleep: each message arrives once, unchanged, those of one writer
//! in order; end of file after the last writer has closed; several readers of one pipe get every byte once;
//! all children are reaped.
#![no_std]
#![no_main]

use ulib::abi::limits::{PIPE_BUF, PIPE_BYTES};
use ulib::child::Child;
use ulib::io::{Fd, Pipe};
use ulib::{Args, check, io, process};

ulib::test!(main);

const WRITERS: usize = 4;
/// Size in bytes of a message's header: the writer and the message's number.
const HEAD: usize = 2;

fn main(_: &Args) {
    for _ in 0..5 {
        writers::<32>(3);
    }
    const { assert!(WRITERS * 40 * PIPE_BUF > 4 * PIPE_BYTES) };
    writers::<PIPE_BUF>(40);
    // A size that does not divide a page, so that messages cross page boundaries in the pipe.
    writers::<1000>(100);
    readers();
}

/// Every byte depends on the message and on its position.
fn message<const BYTES: usize>(writer: usize, number: usize) -> [u8; BYTES] {
    let mut message = [0; BYTES];
    (message[0], message[1]) = (writer as u8, number as u8);
    for (place, byte) in message.iter_mut().enumerate().skip(HEAD) {
        *byte = (writer * 64 + number * 3 + place * 7) as u8;
    }
    message
}

#[track_caller]
fn close(fd: Fd) {
    check::ok("close", io::close(fd));
}

/// A start signal: all processes wait for the end of a pipe that is never written to.
struct Start(Pipe);

impl Start {
    fn new() -> Self {
        Self(check::ok("pipe", io::pipe()))
    }

    fn wait(&self) {
        close(self.0.write);
        check::equal("start", io::read(self.0.read, &mut [0]), Ok(0));
        close(self.0.read);
    }

    fn give(self) {
        close(self.0.write);
        close(self.0.read);
    }
}

fn writers<const BYTES: usize>(messages: usize) {
    let pipe = check::ok("pipe", io::pipe());
    let start = Start::new();
    let mut writer = 0;
    let children = [(); WRITERS].map(|()| {
        writer += 1;
        Child::start(|| {
            close(pipe.read);
            start.wait();
            for number in 0..messages {
                let sent = io::write(pipe.write, &message::<BYTES>(writer, number));
                check::equal("bytes written of a message", sent, Ok(BYTES));
                // Yield between some messages, in addition to preemption.
                if number % 2 == writer % 2 {
                    process::yield_now();
                }
            }
            10 + writer as i32
        })
    });
    close(pipe.write);
    start.give();
    let mut next = [0; WRITERS];
    let mut found = [0; BYTES];
    loop {
        match check::ok("read of a message", io::read_full(pipe.read, &mut found)) {
            0 => break,
            count => check::equal("bytes read of a message", count, BYTES),
        }
        let writer = usize::from(found[0]);
        check::at_least("writer of a message", writer, 1);
        check::at_least("last writer", WRITERS, writer);
        let number = &mut next[writer - 1];
        check::bytes("message", &found, &message::<BYTES>(writer, *number));
        *number += 1;
    }
    check::equal("messages of each writer", next, [messages; WRITERS]);
    close(pipe.read);
    for (child, writer) in children.into_iter().zip(1..) {
        child.exits("writer", 10 + writer);
    }
}

/// The readers sum up what they get: in total everything, and nothing twice.
fn readers() {
    const BYTES: usize = 3 * PIPE_BYTES + 77;
    let (pipe, sums) = (check::ok("pipe", io::pipe()), check::ok("pipe", io::pipe()));
    let children = [(); WRITERS].map(|()| {
        Child::start(|| {
            close(pipe.write);
            let sum = read_sums(pipe.read);
            let [count, digest] = sum.map(u64::to_le_bytes);
            check::ok("sums", io::write_all(sums.write, [count, digest].as_flattened()));
            0
        })
    });
    close(pipe.read);
    close(sums.write);
    let mut expected = 0_u64;
    let mut part = [0; 1009];
    for start in (0..BYTES).step_by(part.len()) {
        let len = part.len().min(BYTES - start);
        for (place, byte) in part[..len].iter_mut().enumerate() {
            *byte = ((start + place) % 253) as u8;
            expected += u64::from(*byte) + 1;
        }
        check::ok("bytes for the readers", io::write_all(pipe.write, &part[..len]));
    }
    close(pipe.write);
    let mut total = [0; 2];
    for _ in 0..WRITERS {
        let mut bytes = [[0; 8]; 2];
        check::equal("bytes of sums", io::read_full(sums.read, bytes.as_flattened_mut()), Ok(16));
        for (total, bytes) in total.iter_mut().zip(bytes) {
            *total += u64::from_le_bytes(bytes);
        }
    }
    check::equal("number of bytes and their sum", total, [BYTES as u64, expected]);
    close(sums.read);
    for child in children {
        child.exits("reader", 0);
    }
}

/// Number of bytes, and the sum of (byte + 1), so that zeros count.
fn read_sums(fd: Fd) -> [u64; 2] {
    let (mut count, mut sum) = (0, 0);
    let mut buffer = [0; 500];
    loop {
        let got = check::ok("read", io::read(fd, &mut buffer));
        if got == 0 {
            return [count, sum];
        }
        count += got as u64;
        sum += buffer[..got].iter().map(|byte| u64::from(*byte) + 1).sum::<u64>();
    }
}
