//! A kernel that prints a line.

use alloc::format;
use alloc::string::String;

use crate::drivers::console::capture;
use crate::kprintln;
use crate::ktest::runner::Fixture;
use crate::ktest::{Outcome, ensure, tests};

tests! { "boot_tests", "simple_kernel": output }

fn output(_: &mut Fixture) -> Outcome {
    let written = capture(|| kprintln!("simple kernel: {} and {:#x}", "text", 4711));
    let expected = format!("simple kernel: text and {:#x}\n", 4711);
    ensure!(written == expected.as_bytes(), "written: {:?}", written.escape_ascii());
    Ok(String::new())
}
