//! Deadlocks at pipes; the argument selects the kind.
#![no_std]
#![no_main]

use ulib::child::Child;
use ulib::io::{self, Fd, Pipe};
use ulib::{Args, check};

ulib::program!(main);

/// Data of one write, repeated until the pipe is full.
const PIECE: [u8; 4096] = [b'~'; 4096];

fn main(args: &Args) -> i32 {
    match args.get(1) {
        Some(b"fill") => fill(pipe().write),
        Some(b"ring") => ring(),
        Some(b"chain") => chain(),
        Some(b"unread") => unread(),
        Some(b"inherited") => inherited(),
        _ => return 100,
    }
    0
}

/// Two processes, each of which writes only after it has read from the other.
fn ring() {
    let (there, back) = (pipe(), pipe());
    let child = Child::start(|| {
        close([there.write, back.read]);
        answer(there.read, back.write);
        0
    });
    close([there.read, back.write]);
    answer(back.read, there.write);
    child.exits("child", 0);
}

/// Three processes in a cycle.
fn chain() {
    let (first, second, third) = (pipe(), pipe(), pipe());
    let ends = [first, second, third].map(|pipe| [pipe.read, pipe.write]);
    let link = |from: Fd, to: Fd| {
        close(ends.as_flattened().iter().copied().filter(|end| ![from, to].contains(end)));
        answer(from, to);
        0
    };
    let children =
        [Child::start(|| link(first.read, second.write)), Child::start(|| link(second.read, third.write))];
    link(third.read, first.write);
    children.into_iter().for_each(|child| child.exits("child", 0));
}

/// A child writes more than the pipe's capacity; its parent reads only after the child's exit.
fn unread() {
    let pipe = pipe();
    let child = Child::start(|| {
        close([pipe.read]);
        fill(pipe.write);
        0
    });
    close([pipe.write]);
    child.exits("child", 0);
}

/// A child reads to the end of a pipe whose write end it has inherited itself.
fn inherited() {
    let pipe = pipe();
    let child = Child::start(|| {
        while read(pipe.read) > 0 {}
        0
    });
    close([pipe.read, pipe.write]);
    child.exits("child", 0);
}

fn pipe() -> Pipe {
    check::ok("pipe", io::pipe())
}

fn read(end: Fd) -> usize {
    check::ok("read", io::read(end, &mut [0]))
}

fn answer(from: Fd, to: Fd) {
    read(from);
    check::ok("write", io::write_all(to, b"!"));
}

fn fill(end: Fd) {
    loop {
        check::ok("write", io::write_all(end, &PIECE));
    }
}

fn close(ends: impl IntoIterator<Item = Fd>) {
    for end in ends {
        check::ok("close", io::close(end));
    }
}
