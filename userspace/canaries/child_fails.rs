//! PID 1 succeeds while its child fails: the child's status is not the result.
#![no_std]
#![no_main]

use ulib::Args;
use ulib::child::Child;

ulib::program!(main);

fn main(_: &Args) -> i32 {
    Child::start(|| 1).exits("child that fails", 1);
    0
}
