//! System calls: results, and errors for bad arguments.

use ulib::abi::fs::{F_GETFD, SEEK_SET};
use ulib::abi::limits::PIPE_BUF;
use ulib::abi::memory::{
    MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED, PROT_EXEC, PROT_NONE, PROT_READ, PROT_WRITE,
};
use ulib::abi::syscall::{self as number, AARCH64_ALIASES};
use ulib::abi::time::CLOCK_MONOTONIC;
use ulib::arch::KERNEL_ADDRESS;
use ulib::{Errno, Result, call, check, io, memory, process, time};

/// A descriptor number that is never open.
const NO_DESCRIPTOR: u64 = 77;
/// Larger than every call number.
const NUMBERS: u64 = 1000;

/// Executes a call that accesses no memory of the program, or only bad addresses.
fn tried<const N: usize>(number: u64, arguments: [u64; N]) -> Result<u64> {
    // SAFETY: the kernel must refuse harmful arguments.
    unsafe { call(number, arguments) }
}

/// Calls that return a result.
pub fn results() {
    let pid = process::pid();
    check::equal("getpid and gettid", tried(number::GETTID, []), Ok(u64::from(pid.unsigned_abs())));
    check::equal("yield", tried(number::YIELD, []), Ok(0));
    let io::Pipe { read: reader, write: writer } = check::ok("pipe", io::pipe());
    check::equal("write", io::write(writer, b"through a pipe"), Ok(14));
    let mut text = [0; 32];
    check::equal("read", io::read(reader, &mut text), Ok(14));
    check::bytes("text", &text[..14], b"through a pipe");
    check::ok("close", io::close(writer));
    check::equal("read at the end", io::read(reader, &mut text), Ok(0));
    check::ok("close", io::close(reader));
    let before = check::ok("clock", time::clock(CLOCK_MONOTONIC));
    process::yield_now();
    let after = check::ok("clock", time::clock(CLOCK_MONOTONIC));
    check::at_least("a later time", time::nanoseconds(after), time::nanoseconds(before));
    check::equal("a write of nothing", io::write(1, b""), Ok(0));
}

/// Closed descriptors and numbers out of range.
pub fn bad_descriptors() {
    let io::Pipe { read: reader, write: writer } = check::ok("pipe", io::pipe());
    check::ok("close", io::close(reader));
    check::ok("close", io::close(writer));
    for fd in [NO_DESCRIPTOR, u64::MAX, 1 << 31, reader as u64, writer as u64] {
        let calls: [(&str, Result<u64>); 7] = [
            ("close", tried(number::CLOSE, [fd])),
            ("read", tried(number::READ, [fd, 0, 0])),
            ("write", tried(number::WRITE, [fd, 0, 0])),
            ("lseek", tried(number::LSEEK, [fd, 0, SEEK_SET.into()])),
            ("fstat", tried(number::FSTAT, [fd, 0])),
            ("dup", tried(number::DUP, [fd])),
            ("fcntl", tried(number::FCNTL, [fd, F_GETFD.into(), 0])),
        ];
        for (name, answer) in calls {
            check::error(format_args!("{name} of descriptor {fd:#x}"), answer, Errno::EBADF);
        }
    }
}

/// Addresses that do not belong to the program.
pub fn bad_pointers() {
    let clock = u64::from(CLOCK_MONOTONIC);
    for address in [0, 8, KERNEL_ADDRESS as u64, 0x7000_0000_0000, u64::MAX, u64::MAX - 7] {
        let calls: [(&str, Result<u64>); 9] = [
            ("open", tried(number::OPEN, [address, 0])),
            ("access", tried(number::ACCESS, [address, 0])),
            ("chdir", tried(number::CHDIR, [address])),
            ("getcwd", tried(number::GETCWD, [address, 100])),
            ("pipe", tried(number::PIPE, [address])),
            ("write", tried(number::WRITE, [1, address, 16])),
            ("fstat", tried(number::FSTAT, [1, address])),
            ("clock_gettime", tried(number::CLOCK_GETTIME, [clock, address])),
            ("exec", tried(number::EXEC, [address, 0])),
        ];
        for (name, answer) in calls {
            check::error(format_args!("{name} with {address:#x}"), answer, Errno::EFAULT);
        }
    }
}

/// Buffers with an unmapped end: streams transfer what fits, and keep the rest.
pub fn partial_buffers() {
    let page = check::ok("heap", memory::grow(PIPE_BUF));
    let end = (page + PIPE_BUF).next_multiple_of(PIPE_BUF);
    check::equal("break", memory::brk(end), end);
    let io::Pipe { read: reader, write: writer } = check::ok("pipe", io::pipe());
    let (from, to) = (writer.cast_unsigned().into(), reader.cast_unsigned().into());
    check::equal("write of all", io::write(writer, b"0123456789abcdefghij"), Ok(20));
    let answer = tried(number::READ, [to, (end - 10) as u64, 4096]);
    check::equal("read into what is there", answer, Ok(10));
    // SAFETY: the last bytes of the heap, which nothing else uses.
    let there = unsafe { core::slice::from_raw_parts(core::ptr::with_exposed_provenance(end - 10), 10) };
    check::bytes("bytes read", there, b"0123456789");
    check::error("read into nothing", tried(number::READ, [to, end as u64, 4096]), Errno::EFAULT);
    let answer = tried(number::WRITE, [from, (end - 10) as u64, 4096]);
    check::equal("write of what is there", answer, Ok(10));
    check::error("write of nothing", tried(number::WRITE, [from, end as u64, 4096]), Errno::EFAULT);
    let mut rest = [0; 64];
    check::equal("read of the rest", io::read(reader, &mut rest), Ok(20));
    check::bytes("the rest", &rest[..20], b"abcdefghij0123456789");
    let wrong = [tried(number::READ, [from, 0, 1]), tried(number::WRITE, [to, 0, 1])];
    for answer in wrong {
        check::error("a bad address of a descriptor opened otherwise", answer, Errno::EBADF);
    }
    for fd in [reader, writer] {
        check::ok("close", io::close(fd));
    }
}

/// mmap calls that must fail, and some that must succeed.
pub fn refused_mappings() {
    let mmap = |length, protection: u32, flags: u32| {
        tried(number::MMAP, [0, length, protection.into(), flags.into(), u64::MAX, 0])
    };
    let (all, own) = (PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS);
    let cases = [
        (4096, all, own, Errno::EACCES),
        (4096, PROT_WRITE | PROT_EXEC, own, Errno::EACCES),
        (4096, all << 1, own, Errno::EINVAL),
        (0, PROT_READ, own, Errno::EINVAL),
        (4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, Errno::EINVAL),
        (4096, PROT_READ, MAP_ANONYMOUS, Errno::EINVAL),
        (4096, PROT_READ, MAP_PRIVATE, Errno::ENODEV),
        (1 << 46, PROT_READ, own, Errno::ENOMEM),
        (u64::MAX, PROT_READ, own, Errno::ENOMEM),
    ];
    for (length, protection, flags, errno) in cases {
        let name = format_args!("mmap of {length:#x} bytes, {protection}, {flags:#x}");
        check::error(name, mmap(length, protection, flags), errno);
    }
    for protection in [PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_EXEC, PROT_READ | PROT_EXEC] {
        check::ok(format_args!("mmap, {protection}"), mmap(4096, protection, own));
    }
}

/// Unused call numbers.
pub fn unknown() {
    let known =
        |number| number::name(number).is_some() || AARCH64_ALIASES.iter().any(|(alias, _)| *alias == number);
    let far = [1 << 31, 1 << 32, 1 << 63, u64::MAX];
    for number in (0..NUMBERS).filter(|number| !known(*number)).chain(far) {
        check::error(format_args!("call {number}"), tried(number, [0; 6]), Errno::ENOSYS);
    }
    check::ok("a call afterwards", tried(number::GETPID, []));
}
