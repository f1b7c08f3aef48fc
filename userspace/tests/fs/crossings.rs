//! Symbolic links on paths through `/proc`, which is another file system.

use core::ffi::CStr;

use ulib::abi::fs::{F_OK, O_NOFOLLOW, O_RDONLY};
use ulib::{Errno, check, fs, io, process};

pub fn checks() {
    for path in [c"/links/uptime", c"/links/here/uptime", c"/proc/../links/uptime", c"/links/here/"] {
        let fd = check::ok(format_args!("open {path:?}"), fs::open(path, O_RDONLY, 0));
        check::ok("close", io::close(fd));
    }
    check::error("open of a link itself", fs::open(c"/links/uptime", O_NOFOLLOW, 0), Errno::ELOOP);
    without_end();
    counted();
}

fn without_end() {
    for path in [c"/links/itself", c"/links/itself/x", c"/links/loop_across", c"/links/loop_across/x"] {
        check::error(format_args!("open {path:?}"), fs::open(path, O_RDONLY, 0), Errno::ELOOP);
        check::error(format_args!("access to {path:?}"), fs::access(path, F_OK), Errno::ELOOP);
        check::error(format_args!("chdir {path:?}"), fs::chdir(path), Errno::ELOOP);
        check::equal(format_args!("exec {path:?}"), process::exec(path, &[c"loop"]), Errno::ELOOP);
    }
}

/// A path may follow 40 links in total, before and after it enters another file system.
fn counted() {
    for (behind, expected) in [(20, Ok(())), (21, Err(Errno::ELOOP))] {
        let (mut path, mut end) = ([0; 512], 0);
        let mut add = |part: &[u8]| {
            path[end..end + part.len()].copy_from_slice(part);
            end += part.len();
        };
        add(b"/links");
        (0..20).for_each(|_| add(b"/here"));
        add(b"/../proc/../links");
        (0..behind).for_each(|_| add(b"/here"));
        let path = CStr::from_bytes_until_nul(&path).expect("shorter");
        check::equal(format_args!("access over 20 and {behind} links"), fs::access(path, F_OK), expected);
    }
}
