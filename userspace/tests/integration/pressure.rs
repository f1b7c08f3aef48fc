//! Programs that allocate all memory. The kernel must refuse further memory and continue to work.

use core::ffi::CStr;

use ulib::abi::fs::{F_OK, O_RDONLY, SEEK_SET};
use ulib::abi::limits::{ARG_BYTES_MAX, ARG_COUNT_MAX};
use ulib::abi::memory::{MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE};
use ulib::abi::syscall as number;
use ulib::abi::wait::WaitStatus;
use ulib::io::Pipe;
use ulib::process::{self, Fork, Pid};
use ulib::{Errno, check, fs, io, memory};

const PAGE: usize = 4096;
/// Number of children that read concurrently, and the size of their buffers.
const READERS: usize = 400;
const READ_BYTES: usize = 16 * 1024;
/// Number of children that execute a program concurrently.
const EXECUTORS: usize = 25;
/// Number of pages left for disk lookups of the children.
const PAGES_LEFT: usize = 64;
/// Number of yields, in one of which every other process reaches its wait.
const TURNS: usize = 8;
/// A file that no test has read before.
const ON_DISK: &CStr = c"/deep/path/to/file/data.txt";
/// Size of one mapping: what one page table covers.
const MAPPING_BYTES: usize = 2 * 1024 * 1024;

/// Allocates the remaining memory, in smaller and smaller pieces.
fn take_all() {
    for bytes in [1024 * 1024, 64 * 1024, PAGE] {
        while memory::grow(bytes).is_ok() {}
    }
    check::error("a page more", memory::grow(PAGE), Errno::ENOMEM);
}

/// Children that start together, when the parent closes the pipe's write end.
struct Crowd<const N: usize> {
    gate: Pipe,
    pids: [Pid; N],
}

impl<const N: usize> Crowd<N> {
    /// Each child exits with the result of `work`.
    fn start(work: impl Fn() -> i32) -> Self {
        let gate = check::ok("pipe", io::pipe());
        let pids = core::array::from_fn(|_| match check::ok("fork", process::fork()) {
            Fork::Parent { child } => child,
            Fork::Child => {
                check::ok("close", io::close(gate.write));
                check::equal("gate", io::read(gate.read, &mut [0]), Ok(0));
                process::exit(work())
            }
        });
        Self { gate, pids }
    }

    fn begin(&self) {
        check::equal("the end of input", io::read(0, &mut [0]), Ok(0));
        check::ok("close", io::close(self.gate.write));
        for _ in 0..TURNS {
            process::yield_now();
        }
    }

    /// Checks that all of them exit with this code.
    fn end(self, code: u16) {
        for pid in self.pids {
            let ended =
                check::ok("wait", process::wait(pid, 0)).and_then(|(_, status)| WaitStatus::decode(status));
            check::equal("a child", ended, Some(WaitStatus::Exited(code as u8)));
        }
    }
}

/// Many processes wait for input while there is no free memory.
pub fn blocked_readers() {
    let input = check::ok("pipe", io::pipe());
    let crowd = Crowd::<READERS>::start(|| {
        check::ok("close", io::close(input.write));
        let mut buffer = [0; READ_BYTES];
        check::equal("read", io::read(input.read, &mut buffer), Ok(0));
        0
    });
    take_all();
    crowd.begin();
    check::ok("close", io::close(input.write));
    crowd.end(0);
}

/// Many processes execute a program with too many arguments while there is hardly any free memory.
pub fn exec_arguments() {
    static LONG: [u8; ARG_BYTES_MAX] = {
        let mut bytes = [b'a'; ARG_BYTES_MAX];
        bytes[ARG_BYTES_MAX - 1] = 0;
        bytes
    };
    let long = check::ok("a string", CStr::from_bytes_with_nul(&LONG).map_err(|_| Errno::EINVAL));
    let crowd = Crowd::<EXECUTORS>::start(|| process::exec(ON_DISK, &[long; ARG_COUNT_MAX]).number().into());
    take_all();
    let end = memory::brk(0) - PAGES_LEFT * PAGE;
    check::equal("a lowered break", memory::brk(end), end);
    crowd.begin();
    crowd.end(Errno::E2BIG.number());
}

/// Creates a child that executes this program for the same action, until there is no memory for another one.
pub fn fork_and_exec() {
    match process::fork() {
        Ok(Fork::Parent { child }) => {
            let ended =
                check::ok("wait", process::wait(child, 0)).and_then(|(_, status)| WaitStatus::decode(status));
            check::equal("a child", ended, Some(WaitStatus::Exited(0)));
        }
        Ok(Fork::Child) => {
            let path = c"/bin/integration_probe";
            let errno = process::exec(path, &[path, c"fork_and_exec"]);
            check::equal("a program refused", errno, Errno::ENOMEM);
        }
        Err(errno) => check::equal("a child refused", errno, Errno::ENOMEM),
    }
    // Without output: there are many of them.
    process::exit(0)
}

/// Files cannot be read without memory, and can be read again once there is some.
pub fn files_without_memory() {
    let file = check::ok("open", fs::open(ON_DISK, O_RDONLY, 0));
    let directory = check::ok("open", fs::open(c"/bin", O_RDONLY, 0));
    let start = memory::brk(0);
    take_all();
    let mut text = [0; 64];
    check::error("read", io::read(file, &mut text), Errno::ENOMEM);
    check::error("getdents64", fs::getdents(directory, &mut text), Errno::ENOMEM);
    check::error("access", fs::access(c"/lines.txt", F_OK), Errno::ENOMEM);
    check::error("open", fs::open(c"/lines.txt", O_RDONLY, 0), Errno::ENOMEM);
    check::error("chdir", fs::chdir(c"/deep"), Errno::ENOMEM);
    check::equal("exec", process::exec(c"/bin/echo", &[c"echo"]), Errno::ENOMEM);
    check::equal("the heap given back", memory::brk(start), start);
    check::equal("lseek", fs::lseek(file, 0, SEEK_SET), Ok(0));
    check::equal("read", io::read(file, &mut text), Ok(20));
    check::ok("access", fs::access(c"/lines.txt", F_OK));
}

/// Memory is mapped and unmapped again and again.
pub fn mappings() {
    let protection = (PROT_READ | PROT_WRITE).into();
    let arguments = [0, MAPPING_BYTES as u64, protection, (MAP_PRIVATE | MAP_ANONYMOUS).into(), u64::MAX, 0];
    free_memory();
    let free = free_memory();
    for _ in 0..20 {
        // SAFETY: new memory at an address that the kernel selects.
        let start = check::ok("mmap", unsafe { ulib::call(number::MMAP, arguments) });
        // SAFETY: the memory is unused.
        check::ok("munmap", unsafe { ulib::call(number::MUNMAP, [start, MAPPING_BYTES as u64]) });
    }
    check::equal("free memory afterwards", free_memory(), free);
}

/// Free memory in kB.
fn free_memory() -> u64 {
    let file = check::ok("open", fs::open(c"/proc/meminfo", O_RDONLY, 0));
    let mut text = [0; 256];
    let count = check::ok("read", io::read_full(file, &mut text));
    check::ok("close", io::close(file));
    let text = check::ok("meminfo", core::str::from_utf8(&text[..count]).map_err(|_| Errno::EINVAL));
    let line = text.lines().find_map(|line| line.strip_prefix("MemFree:")).unwrap_or_default();
    let number = line.trim().trim_end_matches(" kB").parse().map_err(|_| Errno::EINVAL);
    check::ok("a number of kB", number)
}
