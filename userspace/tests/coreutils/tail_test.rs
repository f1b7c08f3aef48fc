//! `tail` prints the end of files.
//!
//! Checks, each with output, error messages and exit code: 10 lines by default; fewer, more than there are,
//! and none; a number of bytes; an empty file; several files with titles; standard input, with and without a
//! line feed at its end; more input than a buffer holds; a missing file among others; bad numbers.
#![no_std]
#![no_main]

use ulib::Args;
use ulib::capture::Run;

ulib::test!(main);

const LINES: &[u8] = b"Line 1\nLine 2\nLine 3\nLine 4\nLine 5\nLine 6\nLine 7\nLine 8\nLine 9\nLine 10\n\
    Line 11\nLine 12\nLine 13\nLine 14\nLine 15\n";
/// Start of the last 10 and 3 lines.
const TEN: usize = 35;
const THREE: usize = 111 - 24;

fn main(_: &Args) {
    Run::new("tail of a file", &[c"tail", c"/lines.txt"], &LINES[TEN..]).check();
    numbers();
    Run::new("tail of an empty file", &[c"tail", c"/empty.txt"], b"").check();
    Run::new(
        "tail of several files",
        &[c"tail", c"-n1", c"/lines.txt", c"/empty.txt", c"/hello.txt"],
        b"==> /lines.txt <==\nLine 15\n\n==> /empty.txt <==\n\n==> /hello.txt <==\nHello from ext2!\n",
    )
    .check();
    standard_input();
    Run::new("tail of a missing file", &[c"tail", c"/no_such_file"], b"")
        .complains(b"tail: /no_such_file: ENOENT\n")
        .check();
    Run::new(
        "tail of a missing file among others",
        &[c"tail", c"-c", c"6", c"/no_such_file", c"/hello.txt"],
        b"==> /hello.txt <==\next2!\n",
    )
    .complains(b"tail: /no_such_file: ENOENT\n")
    .check();
    Run::new("tail with a bad number", &[c"tail", c"-n", c"-3", c"/lines.txt"], b"")
        .complains(b"tail: -3: no number\n")
        .check();
    Run::new("tail without a number", &[c"tail", c"-c"], b"").complains(b"tail: : no number\n").check();
}

fn numbers() {
    Run::new("tail -n 3", &[c"tail", c"-n", c"3", c"/lines.txt"], &LINES[THREE..]).check();
    Run::new("tail -n3", &[c"tail", c"-n3", c"/lines.txt"], &LINES[THREE..]).check();
    Run::new("tail of more lines than there are", &[c"tail", c"-n", c"20", c"/lines.txt"], LINES).check();
    Run::new("tail of all lines", &[c"tail", c"-n", c"15", c"/lines.txt"], LINES).check();
    Run::new("tail of no lines", &[c"tail", c"-n", c"0", c"/lines.txt"], b"").check();
    Run::new("tail of 10 bytes", &[c"tail", c"-c", c"10", c"/lines.txt"], &LINES[101..]).check();
    Run::new("tail of no bytes", &[c"tail", c"-c0", c"/lines.txt"], b"").check();
    Run::new("tail of more bytes than there are", &[c"tail", c"-c999999", c"/lines.txt"], LINES).check();
}

fn standard_input() {
    Run::new("tail of standard input", &[c"tail", c"-n", c"2"], b"\nc\n").reads(b"a\nb\n\nc\n").check();
    Run::new("tail of a last line without line feed", &[c"tail", c"-n2", c"-"], b"b\nc")
        .reads(b"a\nb\nc")
        .check();
    // More than one part of the buffered input.
    let mut long = [b'x'; 40_000];
    (long[9], long[19_999]) = (b'\n', b'\n');
    Run::new("tail of a long line", &[c"tail", c"-n1"], &long[20_000..]).reads(&long).check();
    Run::new("tail of two long lines", &[c"tail", c"-n2"], &long[10..]).reads(&long).check();
}
