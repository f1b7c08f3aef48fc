//! `ls [-a] [PATH]...`: prints the names in each directory, one per line, sorted by bytes; names that begin
//! with a dot only with `-a`. The default path is the working directory. A path that is not a directory is
//! printed unchanged, and with several paths each directory's name is printed before its content.
#![no_std]
#![no_main]

use core::ffi::CStr;

use ulib::abi::fs::{O_RDONLY, S_IFDIR, S_IFMT};
use ulib::fs::{Entry, entries};
use ulib::io::{self, Fd};
use ulib::options::Options;
use ulib::tool::Tool;
use ulib::{Args, Result, fs, memory};

ulib::program!(main);

fn main(args: &Args) -> i32 {
    let mut tool = Tool::new(args);
    let mut options = Options::new(args);
    let mut all = false;
    while let Some(letter) = options.letter() {
        match letter {
            b'a' => all = true,
            _ => tool.refuse_option(letter),
        }
    }
    let operands = options.operands();
    if operands.len() == 0 {
        list(&mut tool, c".", all, None);
    }
    let titled = operands.len() > 1;
    let mut first = true;
    for path in operands {
        list(&mut tool, path, all, titled.then_some(first));
        first = false;
    }
    tool.finish()
}

/// With `title`, prints the path as a title; its value says whether it is the first.
fn list(tool: &mut Tool, path: &CStr, all: bool, title: Option<bool>) {
    let name = path.to_bytes();
    let listed = fs::open(path, O_RDONLY, 0).and_then(|fd| {
        if fs::fstat(fd)?.mode & S_IFMT == S_IFDIR {
            print_title(tool, name, title);
            directory(tool, fd, all)?;
        } else {
            print_line(tool, name);
        }
        io::close(fd)
    });
    if let Err(errno) = listed {
        tool.complain(name, errno);
    }
}

fn print_title(tool: &mut Tool, name: &[u8], title: Option<bool>) {
    let Some(first) = title else { return };
    if !first {
        tool.print(b"\n");
    }
    tool.print(name);
    tool.print(b":\n");
}

fn print_line(tool: &mut Tool, name: &[u8]) {
    tool.print(name);
    tool.print(b"\n");
}

fn directory(tool: &mut Tool, fd: Fd, all: bool) -> Result<()> {
    let records = read_records(fd)?;
    let names = || entries(records).map(|entry: Entry<'static>| entry.name);
    // Selection of the next larger name: directories are small, and there is no heap for a sorted list.
    let mut last: Option<&[u8]> = None;
    while let Some(name) = names().filter(|name| last.is_none_or(|last| *name > last)).min() {
        if all || !name.starts_with(b".") {
            print_line(tool, name);
        }
        last = Some(name);
    }
    Ok(())
}

/// Reads all records of the directory.
fn read_records(fd: Fd) -> Result<&'static [u8]> {
    /// Bytes per call.
    const PART: usize = 4096;
    let start = memory::brk(0);
    let mut len = 0;
    loop {
        // The unused rest of the last call's buffer, and PART more.
        memory::grow((start + len + PART).saturating_sub(memory::brk(0)))?;
        // SAFETY: only this function uses the heap from `start` on.
        let records = unsafe {
            core::slice::from_raw_parts_mut(core::ptr::with_exposed_provenance_mut::<u8>(start), len + PART)
        };
        match fs::getdents(fd, &mut records[len..])? {
            0 => return Ok(&records[..len]),
            count => len += count,
        }
    }
}
