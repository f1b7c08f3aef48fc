//! Symbolic links, short ones and long ones.

use core::ffi::CStr;

use ulib::abi::fs::{O_DIRECTORY, O_NOFOLLOW, O_RDONLY, O_WRONLY, S_IFREG};
use ulib::capture::stream_is;
use ulib::{Errno, check, fs, io};

pub fn checks(hello: &[u8], lines: &[u8]) {
    let leads: [(&CStr, &[u8]); 7] = [
        (c"/links/short", hello),
        (c"/links/long", lines),
        (c"/links/chain", lines),
        (c"/links/../links/short", hello),
        (c"/links/folder/../../hello.txt", hello),
        (c"/links/folder/to/file/data.txt", b"Deep nested content\n"),
        (c"/links/folder/../path/to/../to/file/data.txt", b"Deep nested content\n"),
    ];
    for (path, expected) in leads {
        let fd = check::ok(format_args!("open {path:?}"), fs::open(path, O_RDONLY, 0));
        stream_is(format_args!("{path:?}"), fd, expected);
        let stat = check::ok("fstat", fs::fstat(fd));
        check::equal("what is open is the file", stat.mode, S_IFREG | 0o644);
        check::ok("close", io::close(fd));
    }
    let errors: [(&CStr, u32, Errno); 14] = [
        (c"/links/nowhere", O_RDONLY, Errno::ENOENT),
        (c"/links/nowhere/x", O_RDONLY, Errno::ENOENT),
        (c"/links/itself", O_RDONLY, Errno::ELOOP),
        (c"/links/itself/x", O_RDONLY, Errno::ELOOP),
        (c"/links/one", O_RDONLY, Errno::ELOOP),
        (c"/links/two", O_RDONLY, Errno::ELOOP),
        (c"/links/short/", O_RDONLY, Errno::ENOTDIR),
        (c"/links/short/x", O_RDONLY, Errno::ENOTDIR),
        (c"/links/short", O_RDONLY | O_DIRECTORY, Errno::ENOTDIR),
        (c"/links/not_a_folder", O_RDONLY, Errno::ENOTDIR),
        (c"/links/folder", O_WRONLY, Errno::EISDIR),
        (c"/links/short", O_RDONLY | O_NOFOLLOW, Errno::ELOOP),
        (c"/links/long", O_RDONLY | O_NOFOLLOW, Errno::ELOOP),
        (c"/links/nowhere", O_RDONLY | O_NOFOLLOW, Errno::ELOOP),
    ];
    for (path, flags, errno) in errors {
        check::error(format_args!("open {path:?}, {flags:#x}"), fs::open(path, flags, 0), errno);
    }
    // Links in the directory part are followed nevertheless.
    let fd = check::ok("open", fs::open(c"/links/folder/to/file/data.txt", O_RDONLY | O_NOFOLLOW, 0));
    check::ok("close", io::close(fd));
}
