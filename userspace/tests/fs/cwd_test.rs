//! Every process has a working directory.
//!
//! Checks: it is `/` at first; `chdir` and `getcwd` with absolute and relative paths, `..` above the root,
//! dots, doubled and trailing slashes, symbolic links; open, access and exec use it; ENOENT, ENOTDIR and
//! EFAULT, which do not change it; ERANGE for a buffer one byte too small, which stays unchanged, and a
//! buffer of the exact size; a child inherits it, exec keeps it, and a change in one process does not affect
//! another.
#![no_std]
#![no_main]

use core::ffi::CStr;

use ulib::abi::fs::{F_OK, O_RDONLY, STDOUT};
use ulib::abi::limits::PATH_MAX;
use ulib::abi::syscall::{CHDIR, GETCWD};
use ulib::arch::KERNEL_ADDRESS;
use ulib::capture;
use ulib::child::Child;
use ulib::fs::{access, chdir, getcwd};
use ulib::{Args, Errno, check, fs, io};

ulib::test!(main);

fn main(_: &Args) {
    is(c"/");
    ways();
    relative_names();
    errors();
    buffer_sizes();
    bad_addresses();
    inherited();
    across_exec();
}

/// Checks the working directory, with its length and NUL; the rest of the buffer is unchanged.
#[track_caller]
fn is(expected: &CStr) {
    let mut buffer = [0xaa; 256];
    let len = check::ok("getcwd", getcwd(&mut buffer));
    check::bytes("working directory", &buffer[..len], expected.to_bytes_with_nul());
    check::equal("bytes behind it", buffer[len..].iter().all(|byte| *byte == 0xaa), true);
}

#[track_caller]
fn goes(path: &CStr, to: &CStr) {
    check::ok(format_args!("chdir {path:?}"), chdir(path));
    is(to);
}

fn ways() {
    let steps: [(&CStr, &CStr); 20] = [
        (c"/links/folder", c"/deep/path"),
        (c"../../links/folder/to", c"/deep/path/to"),
        (c"/large", c"/large"),
        (c"/dev", c"/dev"),
        (c"..", c"/"),
        (c"..", c"/"),
        (c"../../..", c"/"),
        (c"deep", c"/deep"),
        (c"path/to", c"/deep/path/to"),
        (c".", c"/deep/path/to"),
        (c"./file/.", c"/deep/path/to/file"),
        (c"../..", c"/deep/path"),
        (c"to/../to//file/", c"/deep/path/to/file"),
        (c"/", c"/"),
        (c"///bin///", c"/bin"),
        (c"../test", c"/test"),
        (c"/deep/../test/./../deep/path", c"/deep/path"),
        (c"../../dev/../sbin", c"/sbin"),
        (c"/..", c"/"),
        (c"//", c"/"),
    ];
    for (path, to) in steps {
        goes(path, to);
    }
}

fn relative_names() {
    goes(c"/deep/path", c"/deep/path");
    let fd = check::ok("open", fs::open(c"to/file/data.txt", O_RDONLY, 0));
    capture::stream_is("to/file/data.txt", fd, b"Deep nested content\n");
    check::ok("close", io::close(fd));
    let fd = check::ok("open", fs::open(c"../../hello.txt", O_RDONLY, 0));
    capture::stream_is("../../hello.txt", fd, b"Hello from ext2!\n");
    check::ok("close", io::close(fd));
    check::error("open from here", fs::open(c"hello.txt", O_RDONLY, 0), Errno::ENOENT);
    check::ok("access", access(c"to", F_OK));
    capture::start(c"../../bin/false", &[c"false"], &[], &[]).exits("false by a relative path", 1);
    goes(c"/links/folder", c"/deep/path");
    goes(c"/links/here/folder/to/..", c"/deep/path");
    goes(c"/", c"/");
}

fn errors() {
    goes(c"/deep", c"/deep");
    let cases: [(&CStr, Errno); 10] = [
        (c"/links/nowhere", Errno::ENOENT),
        (c"/links/short", Errno::ENOTDIR),
        (c"/no_such_folder", Errno::ENOENT),
        (c"no_such_folder", Errno::ENOENT),
        (c"path/no_such_folder/..", Errno::ENOENT),
        (c"", Errno::ENOENT),
        (c"/hello.txt", Errno::ENOTDIR),
        (c"../hello.txt", Errno::ENOTDIR),
        (c"/hello.txt/..", Errno::ENOTDIR),
        (c"path/to/file/data.txt", Errno::ENOTDIR),
    ];
    for (path, errno) in cases {
        check::error(format_args!("chdir {path:?}"), chdir(path), errno);
        is(c"/deep");
    }
    let mut long = [b'/'; PATH_MAX + 1];
    long[PATH_MAX] = 0;
    let long = CStr::from_bytes_with_nul(&long).expect("ends in NUL");
    check::error("chdir to a path too long", chdir(long), Errno::ENAMETOOLONG);
    is(c"/deep");
    goes(c"/", c"/");
}

fn buffer_sizes() {
    for (path, size) in [(c"/", 2), (c"/dev", 5), (c"/deep/path/to/file", 19)] {
        check::ok("chdir", chdir(path));
        for short in 0..size {
            let mut buffer = [0xaa; 32];
            let answer = getcwd(&mut buffer[..short]);
            check::error(format_args!("getcwd into {short} of {size} bytes"), answer, Errno::ERANGE);
            check::bytes("buffer after an error", &buffer, &[0xaa; 32]);
        }
        let mut buffer = [0xaa; 32];
        check::equal("getcwd into just enough", getcwd(&mut buffer[..size]), Ok(size));
        check::bytes("working directory", &buffer[..size], path.to_bytes_with_nul());
        check::equal("byte behind it", buffer[size], 0xaa);
    }
    goes(c"/", c"/");
}

fn bad_addresses() {
    goes(c"/test", c"/test");
    for address in [0, 8, KERNEL_ADDRESS, usize::MAX - 7] {
        // SAFETY: the kernel must refuse the address.
        let answer = unsafe { ulib::call(CHDIR, [address as u64]) };
        check::error(format_args!("chdir to a path at {address:#x}"), answer, Errno::EFAULT);
    }
    for address in [0, 8, KERNEL_ADDRESS, main as fn(&Args) as usize] {
        // SAFETY: as above.
        let answer = unsafe { ulib::call(GETCWD, [address as u64, 64]) };
        check::error(format_args!("getcwd to {address:#x}"), answer, Errno::EFAULT);
    }
    goes(c"/", c"/");
}

fn inherited() {
    let (to_child, to_parent) = (check::ok("pipe", io::pipe()), check::ok("pipe", io::pipe()));
    goes(c"/deep/path", c"/deep/path");
    let child = Child::start(|| {
        is(c"/deep/path");
        goes(c"to", c"/deep/path/to");
        check::ok("turn given", io::write_all(to_parent.write, b"t"));
        check::equal("turn taken", io::read(to_child.read, &mut [0]), Ok(1));
        is(c"/deep/path/to");
        let grandchild = Child::start(|| {
            is(c"/deep/path/to");
            0
        });
        grandchild.exits("grandchild", 0);
        0
    });
    check::equal("turn taken", io::read(to_parent.read, &mut [0]), Ok(1));
    is(c"/deep/path");
    goes(c"/test", c"/test");
    check::ok("turn given", io::write_all(to_child.write, b"t"));
    child.exits("child that goes elsewhere", 0);
    is(c"/test");
    capture::close(&[to_child.read, to_child.write, to_parent.read, to_parent.write]);
    goes(c"/", c"/");
}

/// The new program resolves relative paths in the old program's working directory.
fn across_exec() {
    goes(c"/deep/path/to", c"/deep/path/to");
    let pipe = check::ok("pipe", io::pipe());
    let both = [pipe.read, pipe.write];
    let child = capture::start(c"/bin/cat", &[c"cat", c"file/data.txt"], &[(pipe.write, STDOUT)], &both);
    check::ok("close", io::close(pipe.write));
    capture::stream_is("output of cat", pipe.read, b"Deep nested content\n");
    check::ok("close", io::close(pipe.read));
    child.exits("cat of a relative name", 0);
    let child = capture::start(c"cat", &[c"cat", c"/empty.txt"], &[], &[]);
    child.exits("cat by its name alone, from elsewhere", 0);
    is(c"/deep/path/to");
    goes(c"/", c"/");
}
