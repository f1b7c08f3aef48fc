//! Exhausts the resource that its argument names, `descriptors` or `memory`, and exits with the resulting
//! error number.
#![no_std]
#![no_main]

use ulib::abi::fs::O_RDONLY;
use ulib::{Args, Errno, eprintln, fs, memory};

ulib::program!(main);

/// Bytes per allocation.
const PIECE: usize = 1024 * 1024;

fn main(args: &Args) -> i32 {
    let refused = match args.get(1) {
        Some(b"descriptors") => until_refused(|| fs::open(c"/hello.txt", O_RDONLY, 0).map(drop)),
        Some(b"memory") => until_refused(|| memory::grow(PIECE).map(drop)),
        _ => return 100,
    };
    eprintln!("refused: {refused}");
    refused.number().into()
}

fn until_refused(mut take: impl FnMut() -> ulib::Result<()>) -> Errno {
    loop {
        if let Err(errno) = take() {
            return errno;
        }
    }
}
