//! PID 1 succeeds while its child spins for ever: the child ends with PID 1.
#![no_std]
#![no_main]

use ulib::process::{Fork, fork};
use ulib::{Args, check};

ulib::program!(main);

fn main(_: &Args) -> i32 {
    match check::ok("fork", fork()) {
        Fork::Parent { .. } => 0,
        Fork::Child => loop {
            core::hint::spin_loop();
        },
    }
}
