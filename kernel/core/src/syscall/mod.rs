//! System calls: from the trap frame to a result or an error number.

mod descriptor;
mod file;
mod memory;
mod probes;
mod process;
mod time;

use parity_abi::Errno;
use parity_abi::errno::encode;
use parity_abi::syscall::{self as number, MAX_ARGUMENTS};
use parity_arch::TrapFrame;
use parity_inventory::inventory;

use crate::faults::{Fault, planted};
use crate::trace;

/// Result of a call.
type Result<T = u64> = core::result::Result<T, Errno>;

/// Registers the probes. Called once, before the first program.
pub fn init() {
    trace::register(&probes::PROVIDER, &[&probes::SYSCALL_TOTAL]);
}

/// Executes the call in `frame` and stores its result there.
pub fn dispatch(frame: &mut TrapFrame) {
    trace::fire(&probes::ENTRY, u32::try_from(frame.syscall_number()).unwrap_or(u32::MAX));
    let answer = call(frame).map(encode);
    if let Some(answer) = answer {
        frame.set_return(answer);
    }
    let answer = i32::try_from(answer.unwrap_or(0)).unwrap_or(i32::MAX);
    let unsigned = planted(Fault::TraceResultsUnsigned);
    trace::fire(&probes::EXIT, if unsigned { answer.unsigned_abs() } else { answer.cast_unsigned() });
}

/// Generates `call` from the table, and adds every call to the inventory.
macro_rules! table {
    (($frame:ident, $($argument:ident),+) $($(#[$attribute:meta])* $($name:ident)|+ => $does:expr,)+) => {
        /// Result of a call; `None` if `frame` must not be changed.
        fn call($frame: &mut TrapFrame) -> Option<Result> {
            let arguments: [u64; MAX_ARGUMENTS] = core::array::from_fn(|index| $frame.syscall_arg(index));
            let [$($argument),+, ..] = arguments;
            Some(match $frame.syscall_number() {
                $($(#[$attribute])* $(number::$name)|+ => $does,)+
                _ => if planted(Fault::UnknownCallOk) { Ok(0) } else { Err(Errno::ENOSYS) },
            })
        }

        $($(#[$attribute])* const _: () = { $(inventory!("call", stringify!($name));)+ };)+
    };
}

// `as i32` and `as u32` take the register's lower half, as the C prototypes define.
table! { (frame, a, b, c, d)
    EXIT => process::exit(a as i32),
    YIELD => process::yield_now(),
    FORK => process::fork(frame),
    EXEC => match process::exec(frame) {
        // The frame holds the new program's registers and must not be changed.
        Ok(()) => return None,
        Err(errno) => Err(errno),
    },
    GETPID | GETTID => process::getpid(),
    WAIT4 => process::wait4(a as i32, b, c as u32, d),

    WRITE => file::write(a as i32, b, c),
    READ => file::read(a as i32, b, c),
    OPEN => file::open(a, b as u32),
    LSEEK => file::lseek(a as i32, b.cast_signed(), c as u32),
    FSTAT => file::fstat(a as i32, b),
    GETDENTS64 => file::getdents64(a as i32, b, c),
    ACCESS => file::access(a, b as u32),
    CHDIR => file::chdir(a),
    GETCWD => file::getcwd(a, b),

    CLOSE => descriptor::close(a as i32),
    DUP => descriptor::dup(a as i32),
    DUP2 => descriptor::dup2(a as i32, b as i32),
    FCNTL => descriptor::fcntl(a as i32, b as u32, c),
    PIPE => descriptor::pipe2(a, 0),
    PIPE2 => descriptor::pipe2(a, b as u32),

    BRK => memory::brk(a),
    MMAP => memory::mmap(b, c as u32, d as u32),
    MUNMAP => memory::munmap(a, b),

    GET_TIME => time::get_time(),
    CLOCK_GETTIME => time::clock_gettime(a as u32, b),
}
