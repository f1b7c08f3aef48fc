//! The boot test that one architecture had and the other one not: each part of the machine does a first piece of
//! work, on both.

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

/// The kernel runs where it was linked, on the first processor, and its boot has come to its end.
fn start(fixture: &mut Fixture) -> Outcome {
    let here = (start as *const ()).addr() as u64;
    ensure!(here > KERNEL_BASE.as_u64(), "code runs at {here:#x}, below the kernel's half");
    ensure!(fixture.boot.cpus > 0, "a machine without a processor");
    ensure!(cpu::cpu_id() == 0, "tests run on processor {}", cpu::cpu_id());
    let last = stage::reached().pop().map(|stage| stage.name);
    ensure!(last == Some("rootfs"), "the boot's last stage is {last:?}");
    Ok(format!("{} processor(s)", fixture.boot.cpus))
}

/// An interrupt that is disabled does not come; enabled again, what caused it is not lost.
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

/// Ticks come, and the clock goes on. How long they take is for the host to say.
fn timer(_: &mut Fixture) -> Outcome {
    const TICKS: u64 = 10;
    let (start, start_ms) = (tick::now(), since_boot_ms());
    tick::sleep(TICKS);
    let (came, now_ms) = (tick::now() - start, since_boot_ms());
    ensure!(came >= TICKS, "{TICKS} ticks were over after {came}");
    ensure!(now_ms >= start_ms, "the clock went from {start_ms} ms to {now_ms} ms");
    Ok(format!("{came} ticks in {} ms", now_ms - start_ms))
}

/// A page that is mapped can be used, one that was taken away cannot.
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
    let breakpoint =
        ALL.iter().find(|exception| exception.name == "breakpoint").ok_or("nobody can raise it")?;
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

/// As far as there are signals: those that the kernel sends to who does wrong, as a parent sees them.
fn signals(_: &mut Fixture) -> Outcome {
    program::check("child_signals")
}
