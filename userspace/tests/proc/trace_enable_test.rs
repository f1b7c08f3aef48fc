//! `/proc/trace/enable` enables and disables tracing.
//!
//! Checks: tracing is on at boot; while it is off, no counter and no event changes; on again, both do; a
//! provider's mask can be set, and `1` restores the mask of the boot; an invalid command gives EINVAL and
//! changes nothing.
#![no_std]
#![no_main]

mod text;

use core::ffi::CStr;

use ulib::{Args, Errno, check, process};

ulib::test!(main);

const ENABLE: &CStr = c"/proc/trace/enable";
const COUNTERS: &CStr = c"/proc/trace/counters";
const PROVIDERS: &CStr = c"/proc/trace/providers";

fn main(_: &Args) {
    check::equal("at boot", text::read(ENABLE), "1\n");
    let at_boot = text::read(PROVIDERS);
    write("0\n");
    check::equal("off", text::read(ENABLE), "0\n");
    let (counters, events) = (text::read(COUNTERS), text::read(c"/proc/trace/buffer"));
    for _ in 0..20 {
        process::yield_now();
    }
    check::equal("counters while off", text::read(COUNTERS), counters);
    check::equal("events while off", text::read(c"/proc/trace/buffer"), events);
    write("1");
    check::equal("on again", text::read(ENABLE), "1\n");
    check::differ("counters while on", text::read(COUNTERS), counters);
    check::equal("masks as at boot", text::read(PROVIDERS), at_boot);
    write("lock 0x7\n");
    check::equal(
        "chosen mask",
        text::value(text::read(PROVIDERS), "lock: "),
        "id=0x05 enabled=0x0000000000000007",
    );
    for wrong in ["", "\n", "2", "01x", "unknown 1", "lock", "lock -1", "lock 0x", "lock 1 2", "syscall"] {
        check::error(format_args!("write of {wrong:?}"), text::write(ENABLE, wrong), Errno::EINVAL);
    }
    check::equal("after mistakes", text::read(ENABLE), "1\n");
    write("1\n");
    check::equal("masks as at boot again", text::read(PROVIDERS), at_boot);
}

#[track_caller]
fn write(command: &str) {
    check::equal(format_args!("write of {command:?}"), text::write(ENABLE, command), Ok(command.len()));
}
