//! PID 1 fails while its child succeeds: the child's status is not the result.
#![no_std]
#![no_main]

use ulib::Args;
use ulib::child::Child;

ulib::program!(main);

fn main(_: &Args) -> i32 {
    Child::start(|| 0).exits("child that succeeds", 0);
    1
}
