//! `cat` prints files one after another.
//!
//! Checks, each with output, error messages and exit code: one file; several; an empty one; standard input
//! without files and for `-` among files; a missing file and a directory, which give error messages while the
//! other files are still printed; a large binary file; an unknown option.
#![no_std]
#![no_main]

use ulib::abi::fs::O_RDONLY;
use ulib::capture::Run;
use ulib::{Args, check, fs, memory};

ulib::test!(main);

const HELLO: &[u8] = b"Hello from ext2!\n";

fn main(_: &Args) {
    Run::new("cat of a file", &[c"cat", c"/hello.txt"], HELLO).check();
    Run::new(
        "cat of several files",
        &[c"cat", c"/hello.txt", c"/test/nested.txt", c"/hello.txt"],
        b"Hello from ext2!\nNested file content\nHello from ext2!\n",
    )
    .check();
    Run::new("cat of an empty file", &[c"cat", c"/empty.txt"], b"").check();
    Run::new("cat of standard input", &[c"cat"], b"no line feed \x00\xff")
        .reads(b"no line feed \x00\xff")
        .check();
    Run::new(
        "cat of standard input among files",
        &[c"cat", c"/hello.txt", c"-", c"/trunctest.txt"],
        b"Hello from ext2!\nin between\nTruncate test file\n",
    )
    .reads(b"in between\n")
    .check();
    Run::new("cat of a missing file", &[c"cat", c"/no_such_file"], b"")
        .complains(b"cat: /no_such_file: ENOENT\n")
        .check();
    Run::new(
        "cat of a missing file and a directory among files",
        &[c"cat", c"/hello.txt", c"/no_such_file", c"/test", c"/trunctest.txt"],
        b"Hello from ext2!\nTruncate test file\n",
    )
    .complains(b"cat: /no_such_file: ENOENT\ncat: /test: EISDIR\n")
    .check();
    large_file();
    Run::new("cat with an option", &[c"cat", c"-x", c"/hello.txt"], b"")
        .complains(b"cat: -x: no such option\n")
        .check();
}

/// A program is larger than any buffer involved, binary, and not a whole number of blocks.
fn large_file() {
    let fd = check::ok("open", fs::open(c"/bin/cat_test", O_RDONLY, 0));
    let content = check::ok("content", memory::read_to_end(fd));
    check::at_least("size in bytes: more than 12 blocks of 1 KiB", content.len(), 12 * 1024 + 1);
    Run::new("cat of a program", &[c"cat", c"/bin/cat_test"], content).check();
}
