//! Log lines of the kernel: not interleaved, complete, and in order.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::drivers::console::capture;
use crate::kprintln;
use crate::ktest::runner::Fixture;
use crate::ktest::{Outcome, ensure, spawn, tests};
use crate::thread::scheduler;
use crate::time::since_boot_ms;

const WRITERS: usize = 4;
const LINES: usize = 25;
/// Prefix of the test's lines.
const MARK: &str = "logging:";

tests! { "boot_tests", "logging": lines_whole, long_line, times }

/// A value that is written in many pieces.
struct Pieces(usize);

impl fmt::Display for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (0..10).try_for_each(|piece| write!(f, "<{}/{piece}>", self.0))
    }
}

fn line(writer: usize, number: usize) -> String {
    format!("{MARK} {writer} {number} {}", Pieces(writer))
}

/// Concurrent writers do not interleave their lines.
fn lines_whole(_: &mut Fixture) -> Outcome {
    let mut started = Ok(());
    let written = capture(|| {
        let writer = |writer| {
            spawn("writer", move || {
                for number in 0..LINES {
                    kprintln!("{MARK} {writer} {number} {}", Pieces(writer));
                    scheduler::yield_now();
                }
                0
            })
        };
        match (0..WRITERS).map(writer).collect::<Result<Vec<_>, _>>() {
            Ok(writers) => {
                for writer in writers {
                    writer.join();
                }
            }
            Err(complaint) => started = Err(complaint),
        }
    });
    started?;
    let written = String::from_utf8_lossy(&written);
    let lines: Vec<&str> = written.lines().collect();
    for writer in 0..WRITERS {
        let own: Vec<&&str> =
            lines.iter().filter(|line| line.starts_with(&format!("{MARK} {writer} "))).collect();
        ensure!(own.len() == LINES, "{} of {LINES} lines of writer {writer} came", own.len());
        let wrong = own.iter().enumerate().find(|(number, found)| ***found != line(writer, *number));
        ensure!(wrong.is_none(), "line {wrong:?} of writer {writer}");
    }
    let foreign = lines.iter().find(|line| !line.starts_with(MARK));
    ensure!(foreign.is_none(), "no writer wrote this line: {foreign:?}");
    Ok(format!("{WRITERS} × {LINES} lines"))
}

fn long_line(_: &mut Fixture) -> Outcome {
    let text: String = (0..4000_u32).map(|at| char::from(b'a' + (at % 26) as u8)).collect();
    let written = capture(|| kprintln!("{text}"));
    ensure!(written.len() == text.len() + 1, "{} of {} bytes were written", written.len(), text.len() + 1);
    ensure!(written.strip_suffix(b"\n") == Some(text.as_bytes()), "other bytes were written");
    Ok(format!("{} bytes", text.len()))
}

/// Timestamps in lines never decrease.
fn times(_: &mut Fixture) -> Outcome {
    const COUNT: usize = 200;
    let written = capture(|| (0..COUNT).for_each(|_| kprintln!("{} ms", since_boot_ms())));
    let written = String::from_utf8_lossy(&written);
    let times: Vec<u64> = written.lines().filter_map(|line| line.strip_suffix(" ms")?.parse().ok()).collect();
    ensure!(times.len() == COUNT, "{} of {COUNT} lines came", times.len());
    let back = times.windows(2).find(|pair| pair[0] > pair[1]);
    ensure!(back.is_none(), "a line has an earlier time than the one before: {back:?}");
    Ok(String::new())
}
