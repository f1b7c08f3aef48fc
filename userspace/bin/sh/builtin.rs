//! Builtin commands.

use core::ffi::CStr;

use ulib::abi::fs::STDOUT;
use ulib::abi::limits::PATH_MAX;
use ulib::{Errno, Result, eprintln, fs, io, options, process};

/// Runs the builtin that the first word names, if there is one, and returns its status.
pub fn run(words: &[&CStr], last_status: u8) -> Option<u8> {
    let (name, arguments) = words.split_first()?;
    let done = match name.to_bytes() {
        b"cd" => fs::chdir(arguments.first().copied().unwrap_or(c"/")),
        b"pwd" => print_directory(),
        b"exit" => exit(arguments.first(), last_status),
        _ => return None,
    };
    Some(match done {
        Ok(()) => 0,
        Err(errno) => {
            eprintln!("sh: {}: {errno}", name.to_bytes().escape_ascii());
            1
        }
    })
}

/// Returns only if the status is not a number.
fn exit(status: Option<&&CStr>, last_status: u8) -> Result<()> {
    let status = status.map_or(Some(last_status.into()), |text| options::number(text.to_bytes()));
    // As in other shells, the low eight bits count.
    process::exit((status.ok_or(Errno::EINVAL)? & 0xff) as i32)
}

fn print_directory() -> Result<()> {
    let mut path = [0; PATH_MAX];
    let len = fs::getcwd(&mut path)?;
    // Replaces the NUL.
    path[len - 1] = b'\n';
    io::write_all(STDOUT, &path[..len])
}
