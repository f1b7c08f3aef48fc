//! Console input: typed bytes reach the reader, line by line.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use parity_arch::console::{console_irq, console_loop_back};

use crate::drivers::terminal;
use crate::ktest::runner::Fixture;
use crate::ktest::{Outcome, PATIENCE, ended, ensure, spawn, tests};
use crate::time::tick;

/// Ticks to wait before concluding that nothing happens.
pub const QUIET: u64 = 20;

tests! { "boot_tests", "keyboard": listens, line_arrives, reader_waits, corrections, end_of_input }

/// Types bytes and reads one line.
pub fn typed(bytes: &[u8]) -> Result<Vec<u8>, String> {
    console_loop_back(bytes);
    read_line().ok_or_else(|| format!("{:?} was typed, and nothing can be read", bytes.escape_ascii()))
}

pub fn read_line() -> Option<Vec<u8>> {
    let (mut buffer, mut count) = ([0; 64], None);
    tick::wait_until(PATIENCE, || {
        count = terminal::read_now(&mut buffer);
        count.is_some()
    });
    count.map(|count| buffer[..count].to_vec())
}

/// Input is enabled: otherwise a read would return end of file.
fn listens(_: &mut Fixture) -> Outcome {
    let irq = console_irq().ok_or("the console has no interrupt")?;
    ensure!(terminal::read_now(&mut [0; 8]).is_none(), "something can be read, and nothing was typed");
    Ok(format!("interrupt {irq}"))
}

fn line_arrives(_: &mut Fixture) -> Outcome {
    for line in [b"hello\n".as_slice(), b"a b\tc 123!\n", b"\n"] {
        let found = typed(line)?;
        ensure!(found == line, "{:?} was typed, {:?} came", line.escape_ascii(), found.escape_ascii());
    }
    ensure!(typed(b"return\r")? == b"return\n", "a carriage return does not end a line");
    Ok(String::new())
}

/// A reader sleeps until the line is complete.
fn reader_waits(_: &mut Fixture) -> Outcome {
    let reader = spawn("reader", || {
        let mut buffer = [0; 64];
        let count = terminal::read(&mut buffer);
        i32::from(&buffer[..count] == b"abcdef\n")
    })?;
    console_loop_back(b"abc");
    tick::sleep(QUIET);
    ensure!(!reader.has_ended(), "it came back with half a line");
    console_loop_back(b"def\n");
    ensure!(ended(&reader), "it does not wake up");
    ensure!(reader.join() == 1, "it has read something else");
    Ok(String::new())
}

fn corrections(_: &mut Fixture) -> Outcome {
    let cases: [(&[u8], &[u8]); 3] =
        [(b"ab\x7fc\n", b"ac\n"), (b"xyz\x15q\n", b"q\n"), (b"\x08\x08ok\n", b"ok\n")];
    for (keys, line) in cases {
        let found = typed(keys)?;
        ensure!(found == line, "{:?} was typed, {:?} came", keys.escape_ascii(), found.escape_ascii());
    }
    Ok(String::new())
}

fn end_of_input(_: &mut Fixture) -> Outcome {
    ensure!(typed(b"\x04")?.is_empty(), "the end of input is read as something");
    ensure!(typed(b"on\n")? == b"on\n", "nothing can be read behind an end of input");
    Ok(String::new())
}
