//! A power-on self test that originally existed for one architecture only: each part of the machine does a
//! simple task, on both.

use alloc::format;
use alloc::string::String;

use parity_abi::Errno;
use parity_abi::signal::SIGSEGV;
use parity_arch::console::{console_irq, console_loop_back};
use parity_arch::exception::ALL;
use parity_arch::mem::{KERNEL_BASE, USER_BASE};
use parity_arch::{Perm, cpu, intc};

use super::{keyboard, program};
use crate::drivers::terminal;
use crate::exceptions::raised;
use crate::ktest::runner::Fixture;
use crate::ktest::{Outcome, ensure, tests};
use crate::mm::{AddressSpace, user};
use crate::stage;
use crate::time::{since_boot_ms, tick};

tests! {
    "boot_tests", "arm64_boot_post":
    start,
    interrupt_controller,
    timer,
    memory,
    breakpoint,
    input,
    user_mode,
    system_calls,
    process,
    signals,
}

/// The kernel runs at its link address on the first processor, and the boot has reached its last stage.
fn start(fixture: &mut Fixture) -> Outcome {
    let here = (start as *const ()).addr() as u64;
    ensure!(here > KERNEL_BASE.as_u64(), "code runs at {here:#x}, below the kernel's half");
    ensure!(fixture.boot.cpus > 0, "a machine without a processor");
    ensure!(cpu::cpu_id() == 0, "tests run on processor {}", cpu::cpu_id());
    let last = stage::reached().pop().map(|stage| stage.name);
    ensure!(last == Some("rootfs"), "the boot's last stage is {last:?}");
    Ok(format!("{} processor(s)", fixture.boot.cpus))
}

/// A disabled interrupt does not arrive; after it is enabled, the pending one does.
fn interrupt_controller(_: &mut Fixture) -> Outcome {
    let irq = console_irq().ok_or("the console has no interrupt")?;
    intc::disable(irq);
    console_loop_back(b"late\n");
    tick::sleep(keyboard::QUIET);
    let early = terminal::read_now(&mut [0; 64]);
    intc::enable(irq);
    ensure!(early.is_none(), "it came although it is disabled");
    let line = keyboard::read_line().ok_or("it does not come after it is enabled again")?;
    ensure!(line == b"late\n", "{:?} came", line.escape_ascii());
    Ok(String::new())
}

/// Ticks arrive, and the clock advances. Durations are not checked: they depend on the host.
fn timer(_: &mut Fixture) -> Outcome {
    const TICKS: u64 = 10;
    let (start, start_ms) = (tick::now(), since_boot_ms());
    tick::sleep(TICKS);
    let (came, now_ms) = (tick::now() - start, since_boot_ms());
    ensure!(came >= TICKS, "{TICKS} ticks were over after {came}");
    ensure!(now_ms >= start_ms, "the clock went from {start_ms} ms to {now_ms} ms");
    Ok(format!("{came} ticks in {} ms", now_ms - start_ms))
}

/// A mapped page can be used, an unmapped one cannot.
fn memory(_: &mut Fixture) -> Outcome {
    let because = |errno: Errno| format!("{errno}");
    let at = USER_BASE.as_u64();
    let mut space = AddressSpace::new().map_err(because)?;
    space.map(at, 1, Perm::READ_WRITE).map_err(because)?;
    let mut found = [9; 8];
    user::read(&space, at, &mut found).map_err(because)?;
    ensure!(found == [0; 8], "a new page holds {found:?}");
    user::write(&space, at, b"8 bytes.").map_err(because)?;
    user::read(&space, at, &mut found).map_err(because)?;
    ensure!(&found == b"8 bytes.", "it holds {found:?}");
    space.unmap(at, 1);
    let gone = user::read(&space, at, &mut found);
    ensure!(gone == Err(Errno::EFAULT), "a page that was taken away: {gone:?}");
    Ok(String::new())
}

fn breakpoint(_: &mut Fixture) -> Outcome {
    let breakpoint = ALL
        .iter()
        .find(|exception| exception.name == "breakpoint")
        .ok_or("this architecture cannot raise it")?;
    raised(breakpoint)?;
    Ok(String::new())
}

fn input(_: &mut Fixture) -> Outcome {
    let line = keyboard::typed(b"boot test\n")?;
    ensure!(line == b"boot test\n", "{:?} came", line.escape_ascii());
    Ok(String::new())
}

fn user_mode(_: &mut Fixture) -> Outcome {
    program::killed("read_kernel", &[SIGSEGV])
}

fn system_calls(_: &mut Fixture) -> Outcome {
    program::check("call_results")
}

fn process(_: &mut Fixture) -> Outcome {
    program::check("family")
}

/// Signals, as far as they exist: the kernel ends faulting programs with them, and their parent sees them.
fn signals(_: &mut Fixture) -> Outcome {
    program::check("child_signals")
}
