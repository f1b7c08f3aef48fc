//! `wc` counts lines, words and bytes.
//!
//! Checks, each with output, error messages and exit code: all three counts; each alone and two of them; an
//! empty file; several files with their sums; standard input without a name, with words separated by all
//! kinds of white space and a last line without line feed; words across a buffer boundary; a binary file;
//! missing files, which do not change the sums of the others; an unknown option.
#![no_std]
#![no_main]

use ulib::Args;
use ulib::capture::Run;

ulib::test!(main);

fn main(_: &Args) {
    Run::new("wc of a file", &[c"wc", c"/lines.txt"], b"15 30 111 /lines.txt\n").check();
    options();
    Run::new("wc of an empty file", &[c"wc", c"/empty.txt"], b"0 0 0 /empty.txt\n").check();
    Run::new(
        "wc of several files",
        &[c"wc", c"/hello.txt", c"/lines.txt", c"/empty.txt"],
        b"1 3 17 /hello.txt\n15 30 111 /lines.txt\n0 0 0 /empty.txt\n16 33 128 total\n",
    )
    .check();
    standard_input();
    Run::new("wc of a missing file", &[c"wc", c"/no_such_file"], b"")
        .complains(b"wc: /no_such_file: ENOENT\n")
        .check();
    Run::new(
        "wc of a missing file and a directory among files",
        &[c"wc", c"-l", c"/lines.txt", c"/no_such_file", c"/test", c"/hello.txt"],
        b"15 /lines.txt\n1 /hello.txt\n16 total\n",
    )
    .complains(b"wc: /no_such_file: ENOENT\nwc: /test: EISDIR\n")
    .check();
    Run::new("wc with an option", &[c"wc", c"-lx", c"/hello.txt"], b"")
        .complains(b"wc: -x: no such option\n")
        .check();
}

fn options() {
    Run::new("wc -l", &[c"wc", c"-l", c"/lines.txt"], b"15 /lines.txt\n").check();
    Run::new("wc -w", &[c"wc", c"-w", c"/lines.txt"], b"30 /lines.txt\n").check();
    Run::new("wc -c", &[c"wc", c"-c", c"/lines.txt"], b"111 /lines.txt\n").check();
    Run::new("wc -cl", &[c"wc", c"-cl", c"/lines.txt"], b"15 111 /lines.txt\n").check();
    Run::new("wc -w -l --", &[c"wc", c"-w", c"-l", c"--", c"/lines.txt"], b"15 30 /lines.txt\n").check();
}

fn standard_input() {
    Run::new("wc of standard input", &[c"wc"], b"2 5 22\n").reads(b" one\ttwo\x0bthree\n\nfour\x0cx").check();
    Run::new("wc of -", &[c"wc", c"-"], b"0 1 3 -\n").reads(b"one").check();
    Run::new("wc of nothing", &[c"wc"], b"0 0 0\n").reads(b"").check();
    // Buffer sizes are powers of two, so some word crosses every buffer boundary.
    let mut text = [0; 35_000];
    for chunk in text.chunks_mut(7) {
        chunk.copy_from_slice(b"six666 ");
    }
    Run::new("wc of many words", &[c"wc"], b"0 5000 35000\n").reads(&text).check();
}
