//! O_CREAT needs a directory and a writable disk; with O_EXCL the name must not exist.

use core::ffi::CStr;

use ulib::abi::fs::{O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_WRONLY};
use ulib::{Errno, capture, check, fs, io};

const NEW: u32 = O_CREAT | O_EXCL;

pub fn checks() {
    let there: [&CStr; 7] = [
        c"/hello.txt",
        c"/test",
        c"/",
        c"/links/short",
        c"/links/nowhere",
        c"/links/itself",
        c"/proc/uptime",
    ];
    for path in there {
        for mode in [O_RDONLY, O_WRONLY, O_RDWR] {
            let name = format_args!("new file {path:?}");
            check::error(name, fs::open(path, NEW | mode, 0o644), Errno::EEXIST);
        }
    }
    let cases: [(&CStr, u32, Errno); 8] = [
        (c"/no_such_file", NEW, Errno::EROFS),
        (c"/no_such_file", O_CREAT | O_RDWR, Errno::EROFS),
        (c"/links/nowhere", O_CREAT, Errno::EROFS),
        (c"/links/folder/no_such_file", O_CREAT, Errno::EROFS),
        (c"/no_such_folder/file", NEW, Errno::ENOENT),
        (c"/no_such_folder/file", O_CREAT, Errno::ENOENT),
        (c"/hello.txt/x", O_CREAT, Errno::ENOTDIR),
        (c"/test", O_CREAT, Errno::EISDIR),
    ];
    for (path, flags, errno) in cases {
        check::error(format_args!("open {path:?}, {flags:#x}"), fs::open(path, flags, 0o644), errno);
    }
    for flags in [O_CREAT, O_EXCL] {
        let fd = check::ok("open of what is there", fs::open(c"/hello.txt", flags, 0o644));
        capture::stream_is("/hello.txt", fd, b"Hello from ext2!\n");
        check::ok("close", io::close(fd));
    }
}
