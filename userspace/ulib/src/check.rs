//! Checks of test programs. Each has a name; the first failing check prints its location, the expected and
//! the found value, and ends the process with [`EXIT_FAILED`].

use core::fmt::{Debug, Display};
use core::panic::Location;
use core::sync::atomic::{AtomicU32, Ordering};

use crate::{Args, Errno, Result, println, process};

/// Exit code of a process in which a check failed.
pub const EXIT_FAILED: i32 = 1;

static PASSED: AtomicU32 = AtomicU32::new(0);

/// Reports a failed check and ends the process.
#[track_caller]
pub fn fail(name: impl Display, expected: impl Display, found: impl Display) -> ! {
    println!("FAILED {}: {name}: expected {expected}, got {found}", Location::caller());
    process::exit(EXIT_FAILED)
}

fn passed() {
    PASSED.fetch_add(1, Ordering::Relaxed);
}

/// Checks that two values are equal.
#[track_caller]
pub fn equal<T: PartialEq + Debug>(name: impl Display, found: T, expected: T) {
    if found != expected {
        fail(name, format_args!("{expected:?}"), format_args!("{found:?}"));
    }
    passed();
}

/// Checks that two values differ.
#[track_caller]
pub fn differ<T: PartialEq + Debug>(name: impl Display, found: T, other: T) {
    if found == other {
        fail(name, format_args!("anything but {other:?}"), format_args!("{found:?}"));
    }
    passed();
}

/// Checks that the first value is at least the second.
#[track_caller]
pub fn at_least<T: PartialOrd + Debug>(name: impl Display, found: T, least: T) {
    if found < least {
        fail(name, format_args!("at least {least:?}"), format_args!("{found:?}"));
    }
    passed();
}

/// Checks that the first value is less than the second.
#[track_caller]
pub fn less<T: PartialOrd + Debug>(name: impl Display, found: T, limit: T) {
    if found >= limit {
        fail(name, format_args!("less than {limit:?}"), format_args!("{found:?}"));
    }
    passed();
}

/// Checks that the bytes are equal; reports the first difference.
#[track_caller]
pub fn bytes(name: impl Display, found: &[u8], expected: &[u8]) {
    let place = found.iter().zip(expected).position(|(found, expected)| found != expected);
    let place = place.or((found.len() != expected.len()).then_some(found.len().min(expected.len())));
    if let Some(place) = place {
        fail(
            format_args!("{name} (from byte {place})"),
            format_args!("{} bytes, there \"{}\"", expected.len(), excerpt(expected, place)),
            format_args!("{} bytes, there \"{}\"", found.len(), excerpt(found, place)),
        );
    }
    passed();
}

/// A few bytes from `place`, which is at most the end.
fn excerpt(bytes: &[u8], place: usize) -> impl Display {
    bytes[place..bytes.len().min(place + 16)].escape_ascii()
}

/// Checks that the call succeeded; returns its value.
#[track_caller]
pub fn ok<T>(name: impl Display, result: Result<T>) -> T {
    match result {
        Ok(value) => {
            passed();
            value
        }
        Err(errno) => fail(name, "success", errno),
    }
}

/// Checks that the call failed with this error.
#[track_caller]
pub fn error<T: Debug>(name: impl Display, result: Result<T>, expected: Errno) {
    match result {
        Err(errno) if errno == expected => passed(),
        Err(errno) => fail(name, expected, errno),
        Ok(value) => fail(name, expected, format_args!("{value:?}")),
    }
}

/// Exit code of a test program: 0 if it executed at least one check.
#[must_use]
pub fn finish(args: &Args) -> i32 {
    let name = args.get(0).unwrap_or_default().escape_ascii();
    match PASSED.load(Ordering::Relaxed) {
        0 => {
            println!("FAILED {name}: nothing was checked");
            EXIT_FAILED
        }
        count => {
            println!("{name}: {count} checks passed");
            0
        }
    }
}
