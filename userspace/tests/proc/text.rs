//! Files of `/proc` as text.

use core::ffi::CStr;

use ulib::abi::fs::{O_RDONLY, O_WRONLY};
use ulib::{Result, check, fs, io, memory};

/// Content of the whole file.
#[track_caller]
pub fn read(path: &CStr) -> &'static str {
    let fd = check::ok(format_args!("open {path:?}"), fs::open(path, O_RDONLY, 0));
    let bytes = check::ok(format_args!("read {path:?}"), memory::read_to_end(fd));
    check::ok("close", io::close(fd));
    match core::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => check::fail(format_args!("content of {path:?}"), "text", bytes.escape_ascii()),
    }
}

/// Result of one write to the file.
#[allow(dead_code, reason = "not every test writes")]
#[track_caller]
pub fn write(path: &CStr, text: &str) -> Result<usize> {
    let fd = check::ok(format_args!("open {path:?}"), fs::open(path, O_WRONLY, 0));
    let result = io::write(fd, text.as_bytes());
    check::ok("close", io::close(fd));
    result
}

/// Parses a number, decimal or hexadecimal after `0x`.
#[allow(dead_code, reason = "not every test has numbers")]
#[track_caller]
pub fn number(text: &str) -> u64 {
    let number = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    match number {
        Ok(number) => number,
        Err(_) => check::fail("number", "digits", text),
    }
}

/// The rest of the only line that begins with `start`.
#[allow(dead_code, reason = "not every test has such lines")]
#[track_caller]
pub fn value<'a>(text: &'a str, start: &str) -> &'a str {
    let mut values = text.lines().filter_map(|line| line.strip_prefix(start));
    match (values.next(), values.next()) {
        (Some(value), None) => value,
        _ => check::fail("lines", format_args!("one that begins with {start:?}"), text),
    }
}
