//! `head` prints the beginning of files.
//!
//! Checks, each with output, error messages and exit code: 10 lines by default; fewer, more than there are,
//! and none; a number of bytes; an empty file; several files with titles; standard input, with and without a
//! line feed at its end; lines longer than a buffer; a missing file among others; bad numbers.
#![no_std]
#![no_main]

use ulib::Args;
use ulib::capture::Run;

ulib::test!(main);

const LINES: &[u8] = b"Line 1\nLine 2\nLine 3\nLine 4\nLine 5\nLine 6\nLine 7\nLine 8\nLine 9\nLine 10\n\
    Line 11\nLine 12\nLine 13\nLine 14\nLine 15\n";
/// Size in bytes of the first 10 and 3 lines.
const TEN: usize = 71;
const THREE: usize = 21;

fn main(_: &Args) {
    Run::new("head of a file", &[c"head", c"/lines.txt"], &LINES[..TEN]).check();
    numbers();
    Run::new("head of an empty file", &[c"head", c"/empty.txt"], b"").check();
    Run::new(
        "head of several files",
        &[c"head", c"-n1", c"/lines.txt", c"/empty.txt", c"/hello.txt"],
        b"==> /lines.txt <==\nLine 1\n\n==> /empty.txt <==\n\n==> /hello.txt <==\nHello from ext2!\n",
    )
    .check();
    standard_input();
    Run::new("head of a missing file", &[c"head", c"/no_such_file"], b"")
        .complains(b"head: /no_such_file: ENOENT\n")
        .check();
    Run::new(
        "head of a missing file among others",
        &[c"head", c"-c", c"5", c"/no_such_file", c"/hello.txt"],
        b"==> /hello.txt <==\nHello",
    )
    .complains(b"head: /no_such_file: ENOENT\n")
    .check();
    Run::new("head with a bad number", &[c"head", c"-n", c"3x", c"/lines.txt"], b"")
        .complains(b"head: 3x: no number\n")
        .check();
    Run::new("head without a number", &[c"head", c"-n"], b"").complains(b"head: : no number\n").check();
}

fn numbers() {
    Run::new("head -n 3", &[c"head", c"-n", c"3", c"/lines.txt"], &LINES[..THREE]).check();
    Run::new("head -n3", &[c"head", c"-n3", c"/lines.txt"], &LINES[..THREE]).check();
    Run::new("head of more lines than there are", &[c"head", c"-n", c"20", c"/lines.txt"], LINES).check();
    Run::new("head of no lines", &[c"head", c"-n", c"0", c"/lines.txt"], b"").check();
    Run::new("head of 10 bytes", &[c"head", c"-c", c"10", c"/lines.txt"], &LINES[..10]).check();
    Run::new("head of no bytes", &[c"head", c"-c0", c"/lines.txt"], b"").check();
    Run::new("head of more bytes than there are", &[c"head", c"-c999999", c"/lines.txt"], LINES).check();
}

fn standard_input() {
    Run::new("head of standard input", &[c"head", c"-n", c"2"], b"a\n\n").reads(b"a\n\nb\nc\n").check();
    Run::new("head of a last line without line feed", &[c"head", c"-"], b"a\nb").reads(b"a\nb").check();
    let mut long = [b'x'; 10_000];
    (long[6000], long[9000]) = (b'\n', b'\n');
    Run::new("head of a long line", &[c"head", c"-n1"], &long[..6001]).reads(&long).check();
}
