//! Permissions hold page by page: for the processor, in a child's copy, and for calls with buffers.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use ulib::abi::fs::{F_OK, O_RDONLY};
use ulib::abi::memory::{PROT_EXEC, PROT_NONE, PROT_READ, PROT_WRITE};
use ulib::abi::syscall as number;
use ulib::abi::time::CLOCK_MONOTONIC;
use ulib::child::Child;
use ulib::probe::{Use, allows, put_code, refuses};
use ulib::{Errno, Result, check, fs, io, memory};

const PAGE: usize = 4096;
const READ_WRITE: u32 = PROT_READ | PROT_WRITE;

pub fn checks() {
    own_mappings();
    copies();
    read_only_second_page();
    unreadable_second_page();
}

#[track_caller]
fn map(protection: u32) -> usize {
    check::ok("mmap", memory::map(PAGE, protection))
}

/// Writable memory that contains an instruction.
fn code_in(address: usize) -> usize {
    // SAFETY: the memory is the caller's own and writable.
    unsafe { put_code(address) };
    address
}

/// Mappings of the process itself.
fn own_mappings() {
    let cases: [(u32, &[Use]); 4] = [
        (PROT_NONE, &[]),
        (PROT_READ, &[Use::Read]),
        (READ_WRITE, &[Use::Read, Use::Write]),
        (PROT_READ | PROT_EXEC, &[Use::Read]),
    ];
    for (protection, allowed) in cases {
        for how in [Use::Read, Use::Write] {
            let name = format_args!("{how:?} of memory mapped as {protection:#x}");
            let tried = if allowed.contains(&how) { allows } else { refuses };
            tried(name, how, || map(protection));
        }
    }
    refuses("code in new memory", Use::Execute, || code_in(map(READ_WRITE)));
    refuses("code in the heap", Use::Execute, || code_in(check::ok("heap", memory::grow(PAGE))));
}

static DATA: AtomicU64 = AtomicU64::new(1);
static ZEROED: AtomicU64 = AtomicU64::new(0);

/// Copies in a child and a grandchild.
fn copies() {
    let (none, read, write) = (map(PROT_NONE), map(PROT_READ), code_in(map(READ_WRITE)));
    let heap = code_in(check::ok("heap", memory::grow(PAGE)));
    let mut stack = [0_u64; 8];
    let stack = code_in((&raw mut stack).expose_provenance());
    let (data, zeroed) =
        (code_in(DATA.as_ptr().expose_provenance()), code_in(ZEROED.as_ptr().expose_provenance()));
    let text = checks as fn() as usize;
    let all = || {
        for (name, address) in
            [("memory mapped for nothing", none), ("memory mapped for reading", read), ("text", text)]
        {
            refuses(format_args!("write to a copy of {name}"), Use::Write, || address);
        }
        refuses("read of a copy of memory mapped for nothing", Use::Read, || none);
        allows("read of a copy of memory mapped for reading", Use::Read, || read);
        let writable =
            [("mapped", write), ("heap", heap), ("stack", stack), ("data", data), ("zeroed", zeroed)];
        for (name, address) in writable {
            refuses(format_args!("code in a copy of {name} memory"), Use::Execute, || address);
            allows(format_args!("write to a copy of {name} memory"), Use::Write, || address);
        }
    };
    all();
    let child = Child::start(|| {
        all();
        0
    });
    child.exits("child whose children use its memory", 0);
    DATA.store(2, Relaxed);
}

/// Two adjacent pages with different permissions: mappings are allocated downwards.
#[track_caller]
fn two_pages(first: u32, second: u32) -> usize {
    let (high, low) = (map(second), map(first));
    check::equal("mappings follow each other", low + PAGE, high);
    low
}

/// The call writes across the boundary from a writable page to a read-only one.
fn read_only_second_page() {
    for second in [PROT_READ, PROT_NONE] {
        let border = two_pages(READ_WRITE, second) + PAGE;
        let pipe = check::ok("pipe", io::pipe());
        let child = Child::start(|| 9);
        let directory = check::ok("open", fs::open(c"/test", O_RDONLY, 0));
        let call = |number, arguments: [u64; 4]| -> Result<u64> {
            // SAFETY: the memory is unused.
            unsafe { ulib::call(number, arguments) }
        };
        let (clock, pid) = (u64::from(CLOCK_MONOTONIC), u64::from(child.pid().unsigned_abs()));
        let at = |before: usize| (border - before) as u64;
        let whole = [
            ("fstat", call(number::FSTAT, [pipe.read as u64, at(8), 0, 0])),
            ("clock_gettime", call(number::CLOCK_GETTIME, [clock, at(8), 0, 0])),
            ("pipe", call(number::PIPE, [at(4), 0, 0, 0])),
            ("getcwd", call(number::GETCWD, [at(1), 64, 0, 0])),
            ("wait4", call(number::WAIT4, [pid, at(2), 0, 0])),
        ];
        for (name, answer) in whole {
            check::error(format_args!("{name} over the border"), answer, Errno::EFAULT);
        }
        check::ok("write", io::write_all(pipe.write, &[0xff; 16]));
        let partly = [
            ("read from a pipe", call(number::READ, [pipe.read as u64, at(8), 16, 0])),
            ("getdents64", call(number::GETDENTS64, [directory as u64, at(8), 256, 0])),
        ];
        for (name, answer) in partly {
            // The part in the first page may be transferred.
            if let Ok(count) = answer {
                check::less(format_args!("bytes of a {name} over the border"), count, 9);
            } else {
                check::equal(name, matches!(answer, Err(Errno::EFAULT | Errno::EINVAL)), true);
            }
        }
        let file = check::ok("open", fs::open(c"/numbers.txt", O_RDONLY, 0));
        let answer = call(number::READ, [file as u64, at(PAGE), 2 * PAGE as u64, 0]);
        check::less("bytes of a read over the border", answer.unwrap_or(0), PAGE as u64 + 1);
        if second == PROT_READ {
            // SAFETY: a readable page of this program.
            let page = unsafe {
                core::slice::from_raw_parts(core::ptr::with_exposed_provenance::<u8>(border), PAGE)
            };
            check::equal("bytes written to a read-only page", page.iter().position(|byte| *byte != 0), None);
        }
        child.exits("child whose status could not be written", 9);
        for fd in [pipe.read, pipe.write, directory, file] {
            check::ok("close", io::close(fd));
        }
    }
}

/// The call reads across the boundary from a readable page to an unreadable one.
fn unreadable_second_page() {
    let border = two_pages(READ_WRITE, PROT_NONE) + PAGE;
    // SAFETY: a page of this program.
    unsafe { core::ptr::with_exposed_provenance_mut::<[u8; 8]>(border - 8).write(*b"////////") };
    let pipe = check::ok("pipe", io::pipe());
    let path = (border - 8) as u64;
    let calls = [
        ("open", number::OPEN, [path, O_RDONLY.into()]),
        ("access", number::ACCESS, [path, F_OK.into()]),
        ("chdir", number::CHDIR, [path, 0]),
        ("exec", number::EXEC, [path, 0]),
        ("exec with a vector", number::EXEC, [c"/bin/true".as_ptr().expose_provenance() as u64, path]),
    ];
    for (name, number, arguments) in calls {
        // SAFETY: the kernel must refuse the address.
        let answer = unsafe { ulib::call(number, arguments) };
        check::error(format_args!("{name} of a path over the border"), answer, Errno::EFAULT);
    }
    // SAFETY: as above.
    let answer = unsafe { ulib::call(number::WRITE, [pipe.write as u64, path, 16]) };
    check::less("bytes of a write over the border", answer.unwrap_or(0), 9);
    check::ok("close", io::close(pipe.write));
    check::ok("close", io::close(pipe.read));
}
