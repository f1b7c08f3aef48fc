//! `access` checks that a file exists and which access is permitted.
//!
//! Checks: existing files and directories; reading; execution by the x bits, on files, programs and
//! directories, alone and combined with others; writing is permitted exactly where opening for writing is;
//! ENOENT, ENOTDIR, EACCES, EINVAL for unknown bits, EFAULT, ENAMETOOLONG; symbolic links are followed, or
//! give ENOENT; relative paths depend on the working directory; it leaves no descriptor open.
#![no_std]
#![no_main]

use core::ffi::CStr;

use ulib::abi::fs::{F_OK, O_RDONLY, O_WRONLY, R_OK, W_OK, X_OK};
use ulib::abi::limits::{NAME_MAX, PATH_MAX};
use ulib::abi::syscall::ACCESS;
use ulib::arch::KERNEL_ADDRESS;
use ulib::fs::access;
use ulib::{Args, Errno, check, fs, io};

ulib::test!(main);

const FILES: [&CStr; 6] = [
    c"/hello.txt",
    c"/empty.txt",
    c"/deep/path/to/file/data.txt",
    c"/links/short",
    c"/links/long",
    c"/large/entry-699",
];
const PROGRAMS: [&CStr; 3] = [c"/bin/access_test", c"/sbin/true", c"/bin/../bin/./cat"];
const DIRECTORIES: [&CStr; 5] = [c"/", c"/bin", c"/test/", c"/deep/path", c"/links/folder"];

fn main(_: &Args) {
    let free = check::ok("dup", io::dup(1));
    check::ok("close", io::close(free));
    for path in FILES {
        may(path, &[F_OK, R_OK]);
        may_not(path, &[X_OK, R_OK | X_OK], Errno::EACCES);
    }
    for path in PROGRAMS.into_iter().chain(DIRECTORIES) {
        may(path, &[F_OK, R_OK, X_OK, R_OK | X_OK]);
    }
    writing();
    errors();
    bad_paths();
    relative();
    check::equal("first free descriptor", io::dup(1), Ok(free));
}

fn may(path: &CStr, modes: &[u32]) {
    for mode in modes {
        check::ok(format_args!("access {path:?}, {mode}"), access(path, *mode));
    }
}

fn may_not(path: &CStr, modes: &[u32], errno: Errno) {
    for mode in modes {
        check::error(format_args!("access {path:?}, {mode}"), access(path, *mode), errno);
    }
}

/// Write access is permitted exactly if an open for writing succeeds, and fails with the same error.
fn writing() {
    for path in FILES.into_iter().chain(PROGRAMS) {
        let opened = fs::open(path, O_WRONLY, 0).and_then(io::close);
        check::equal(format_args!("access {path:?} for writing"), access(path, W_OK), opened);
        check::equal(format_args!("access {path:?} for both"), access(path, R_OK | W_OK), opened);
    }
    let all = R_OK | W_OK | X_OK;
    may_not(FILES[0], &[W_OK | X_OK, all], Errno::EACCES);
    check::equal("access to a program for all", access(PROGRAMS[0], all), access(PROGRAMS[0], W_OK));
}

fn errors() {
    let modes = [F_OK, R_OK, W_OK, X_OK, R_OK | W_OK | X_OK];
    for path in [c"/no_such_file", c"/no_such_folder/file", c"/test/no_such_file", c""] {
        may_not(path, &modes, Errno::ENOENT);
    }
    for path in [c"/hello.txt/file", c"/hello.txt/", c"/bin/cat/x"] {
        may_not(path, &modes, Errno::ENOTDIR);
    }
    may_not(c"/links/nowhere", &modes, Errno::ENOENT);
    may_not(c"/links/short/", &modes, Errno::ENOTDIR);
    may_not(FILES[0], &[8, 16, 0xffff_ffff, R_OK | 8], Errno::EINVAL);
}

fn bad_paths() {
    for address in [0, 8, KERNEL_ADDRESS, usize::MAX - 7] {
        // SAFETY: the kernel must refuse the address.
        let answer = unsafe { ulib::call(ACCESS, [address as u64, F_OK.into()]) };
        check::error(format_args!("access of a path at {address:#x}"), answer, Errno::EFAULT);
    }
    let mut name = [b'n'; NAME_MAX + 3];
    (name[0], name[NAME_MAX + 2]) = (b'/', 0);
    check::error("access of a name too long", access(c_str(&name), F_OK), Errno::ENAMETOOLONG);
    name[NAME_MAX + 1] = 0;
    check::error("access of the longest name", access(c_str(&name), F_OK), Errno::ENOENT);
    let mut path = [b'/'; PATH_MAX + 1];
    path[PATH_MAX] = 0;
    check::error("access of a path too long", access(c_str(&path), F_OK), Errno::ENAMETOOLONG);
    path[PATH_MAX - 1] = 0;
    check::ok("access of the longest path", access(c_str(&path), F_OK));
}

fn c_str(bytes: &[u8]) -> &CStr {
    CStr::from_bytes_until_nul(bytes).expect("ends in NUL")
}

fn relative() {
    check::error("access from /", access(c"nested.txt", F_OK), Errno::ENOENT);
    may(c"test/nested.txt", &[F_OK, R_OK]);
    check::ok("chdir", fs::chdir(c"/test"));
    may(c"nested.txt", &[F_OK, R_OK]);
    may(c"../hello.txt", &[F_OK, R_OK]);
    may_not(c"test/nested.txt", &[F_OK], Errno::ENOENT);
    let fd = check::ok("open", fs::open(c"nested.txt", O_RDONLY, 0));
    check::ok("close", io::close(fd));
    check::ok("chdir", fs::chdir(c"/"));
}
