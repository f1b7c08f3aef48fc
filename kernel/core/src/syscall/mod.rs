//! System calls: from the trapped registers to a result or an error number.

mod descriptor;
mod file;
mod memory;
mod process;
mod time;

use parity_abi::errno::encode;
use parity_abi::{Errno, syscall as number};
use parity_arch::TrapFrame;

/// What a call gives back.
type Result<T = u64> = core::result::Result<T, Errno>;

/// Does the call that `frame` holds and puts the result into it.
pub fn dispatch(frame: &mut TrapFrame) {
    let result = match frame.syscall_number() {
        // On success the frame holds the new program's registers, which are not to be touched.
        number::EXEC => match process::exec(frame) {
            Ok(()) => return,
            Err(errno) => Err(errno),
        },
        number::FORK => process::fork(frame),
        other => call(other, core::array::from_fn(|index| frame.syscall_arg(index))),
    };
    frame.set_return(encode(result));
}

/// The calls that need nothing but their arguments. `as i32` and `as u32` take the register's lower half, as
/// the C prototypes of the calls say.
fn call(number: u64, [a, b, c, d, ..]: [u64; 6]) -> Result {
    match number {
        number::EXIT => process::exit(a as i32),
        number::YIELD => process::yield_now(),
        number::GETPID | number::GETTID => process::getpid(),
        number::WAIT4 => process::wait4(a as i32, b, c as u32, d),

        number::WRITE => file::write(a as i32, b, c),
        number::READ => file::read(a as i32, b, c),
        number::OPEN => file::open(a, b as u32),
        number::LSEEK => file::lseek(a as i32, b.cast_signed(), c as u32),
        number::FSTAT => file::fstat(a as i32, b),
        number::GETDENTS64 => file::getdents64(a as i32, b, c),
        number::ACCESS => file::access(a, b as u32),
        number::CHDIR => file::chdir(a),
        number::GETCWD => file::getcwd(a, b),

        number::CLOSE => descriptor::close(a as i32),
        number::DUP => descriptor::dup(a as i32),
        number::DUP2 => descriptor::dup2(a as i32, b as i32),
        number::FCNTL => descriptor::fcntl(a as i32, b as u32, c),
        number::PIPE => descriptor::pipe2(a, 0),
        number::PIPE2 => descriptor::pipe2(a, b as u32),

        number::BRK => memory::brk(a),
        number::MMAP => memory::mmap(b, c as u32, d as u32),
        number::MUNMAP => memory::munmap(a, b),

        number::GET_TIME => time::get_time(),
        number::CLOCK_GETTIME => time::clock_gettime(a as u32, b),

        _ => Err(Errno::ENOSYS),
    }
}
