//! `/proc` behaves like other directories.
//!
//! Checks: paths into it and out of it; working directories in it; its entries; types and sizes; the right
//! errors: nothing can be created in it, files cannot be executed or entered; and `cat /proc/trace/counters`
//! in the shell.
#![no_std]
#![no_main]

mod text;

use core::ffi::CStr;

use ulib::abi::fs::{
    DT_DIR, DT_REG, O_CREAT, O_DIRECTORY, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY, R_OK, S_IFDIR, S_IFREG,
    STDOUT, W_OK, X_OK,
};
use ulib::{Args, Errno, capture, check, fs, io, process};

ulib::test!(main);

fn main(_: &Args) {
    paths();
    working_directory();
    listed(c"/proc/trace", &["buffer", "counters", "enable", "events", "providers"], DT_REG);
    listed(c"/proc/1", &["status"], DT_REG);
    listed(c"/proc", &["trace", "1"], DT_DIR);
    listed(c"/proc", &["meminfo", "uptime"], DT_REG);
    metadata();
    errors();
    the_shell();
}

fn paths() {
    let expected = text::read(c"/proc/trace/events");
    for path in [
        c"proc/trace/events",
        c"//proc//trace/./events",
        c"/proc/trace/../trace/events",
        c"/proc/../proc/trace/events",
        c"/test/../proc/1/../trace/events",
    ] {
        check::equal(format_args!("{path:?}"), text::read(path), expected);
    }
    for path in [c"/proc/../hello.txt", c"/proc/trace/../../hello.txt", c"/proc/1/../../test/../hello.txt"] {
        check::equal(format_args!("{path:?}"), text::read(path), "Hello from ext2!\n");
    }
}

fn working_directory() {
    for (path, name) in
        [(c"/proc", c"/proc"), (c"trace", c"/proc/trace"), (c"../1", c"/proc/1"), (c"../..", c"/")]
    {
        check::ok(format_args!("chdir {path:?}"), fs::chdir(path));
        let mut buffer = [0; 64];
        let len = check::ok("getcwd", fs::getcwd(&mut buffer));
        check::bytes("working directory", &buffer[..len], name.to_bytes_with_nul());
    }
    check::ok("chdir", fs::chdir(c"/proc/trace"));
    check::equal("file of the working directory", text::read(c"enable"), "1\n");
    check::equal("file beside it", text::read(c"../trace/enable"), "1\n");
    check::ok("chdir out", fs::chdir(c"/proc/.."));
    check::equal("file of the root", text::read(c"hello.txt"), "Hello from ext2!\n");
    check::error("chdir to a file", fs::chdir(c"/proc/uptime"), Errno::ENOTDIR);
}

/// Checks that the directory has these names, with this type, and the dot entries.
fn listed(path: &CStr, names: &[&str], kind: u8) {
    let fd = check::ok("open", fs::open(path, O_RDONLY | O_DIRECTORY, 0));
    let mut buffer = [0; 1024];
    let len = check::ok("getdents64", fs::getdents(fd, &mut buffer));
    check::equal("rest", fs::getdents(fd, &mut [0; 64]), Ok(0));
    check::ok("close", io::close(fd));
    let find = |name: &str| fs::entries(&buffer[..len]).find(|entry| entry.name == name.as_bytes());
    for (name, kind) in
        [(".", DT_DIR), ("..", DT_DIR)].into_iter().chain(names.iter().map(|name| (*name, kind)))
    {
        check::equal(
            format_args!("type of {name} in {path:?}"),
            find(name).map(|entry| entry.kind),
            Some(kind),
        );
    }
}

fn metadata() {
    for (path, mode) in [
        (c"/proc", S_IFDIR | 0o555),
        (c"/proc/trace/", S_IFDIR | 0o555),
        (c"/proc/trace/enable", S_IFREG | 0o644),
        (c"/proc/1/status", S_IFREG | 0o444),
    ] {
        let fd = check::ok(format_args!("open {path:?}"), fs::open(path, O_RDONLY, 0));
        check::equal(format_args!("mode of {path:?}"), check::ok("fstat", fs::fstat(fd)).mode, mode);
        check::ok("close", io::close(fd));
    }
    check::equal("access", fs::access(c"/proc/trace/enable", R_OK | W_OK), Ok(()));
    check::error("access", fs::access(c"/proc/uptime", W_OK), Errno::EACCES);
    check::error("access", fs::access(c"/proc/uptime", X_OK), Errno::EACCES);
}

fn errors() {
    for (path, flags, errno) in [
        (c"/proc/nothing", O_RDONLY, Errno::ENOENT),
        (c"/proc/trace/nothing", O_RDONLY, Errno::ENOENT),
        (c"/proc/4711/status", O_RDONLY, Errno::ENOENT),
        (c"/proc/uptime/x", O_RDONLY, Errno::ENOTDIR),
        (c"/proc/uptime/", O_RDONLY, Errno::ENOTDIR),
        (c"/proc/uptime", O_RDONLY | O_DIRECTORY, Errno::ENOTDIR),
        (c"/proc/uptime", O_WRONLY, Errno::EACCES),
        (c"/proc/trace/counters", O_RDWR, Errno::EACCES),
        (c"/proc/trace/events", O_RDONLY | O_TRUNC, Errno::EACCES),
        (c"/proc/trace", O_WRONLY, Errno::EISDIR),
        (c"/proc/trace/new", O_WRONLY | O_CREAT, Errno::EROFS),
    ] {
        check::error(format_args!("open {path:?}, {flags:#x}"), fs::open(path, flags, 0), errno);
    }
    let fd = check::ok("open", fs::open(c"/proc/trace", O_RDONLY, 0));
    check::error("read of a directory", io::read(fd, &mut [0; 16]), Errno::EISDIR);
    check::ok("close", io::close(fd));
    check::equal("exec of a file", process::exec(c"/proc/uptime", &[c"uptime"]), Errno::EACCES);
    check::equal("exec of a directory", process::exec(c"/proc/trace", &[c"trace"]), Errno::ENOTDIR);
}

fn the_shell() {
    let pipe = check::ok("pipe", io::pipe());
    let arguments = [c"sh", c"-c", c"cat /proc/trace/counters"];
    let child = capture::start(c"sh", &arguments, &[(pipe.write, STDOUT)], &[pipe.read, pipe.write]);
    check::ok("close", io::close(pipe.write));
    let mut output = [0; 1024];
    let count = check::ok("output", io::read_full(pipe.read, &mut output));
    child.exits("sh", 0);
    let text = core::str::from_utf8(&output[..count]).unwrap_or_default();
    check::equal("first line", text.lines().next(), Some("# 4 registered counters"));
    check::at_least(
        "calls",
        text::number(text::value(text, "SYSCALL_TOTAL: ").split(' ').next().unwrap_or_default()),
        1,
    );
}
