//! Exceptions: the kernel's are decoded correctly, a program's end the program, and unexpected ones in the
//! kernel panic.

use alloc::format;
use alloc::string::String;
use core::hint::black_box;

use parity_abi::signal::{SIGILL, SIGSEGV, SIGTRAP};
use parity_arch::exception::{self, ALL};
use parity_arch::{Access, Fault, FaultKind};

use super::program;
use crate::exceptions::{caught, raised};
use crate::ktest::runner::Fixture;
use crate::ktest::{Outcome, ensure, tests};

tests! {
    "boot_tests", "exception":
    all_kinds,
    address_told,
    user_illegal_instruction,
    user_breakpoint,
    user_bad_address,
    spares_others,
    ; alone: divide_by_zero, undefined_instruction, page_fault
}

/// Every exception of the architecture is decoded as its kind, and the kernel continues.
fn all_kinds(_: &mut Fixture) -> Outcome {
    for exception in ALL {
        raised(exception).map_err(|complaint| format!("{}: {complaint}", exception.name))?;
    }
    Ok(format!("{} kinds", ALL.len()))
}

fn address_told(fixture: &mut Fixture) -> Outcome {
    let guard = fixture.boot.boot_stack.start.as_u64() - 8;
    let fault = caught(|| exception::read_at(guard as usize));
    let Some(Fault { kind, address, from_user, .. }) = fault else { return Err("no exception came".into()) };
    ensure!(kind == FaultKind::Page { access: Access::Read, mapped: false }, "it came as {kind:?}");
    ensure!(address.as_u64() == guard, "it came for {address} instead of {guard:#x}");
    ensure!(!from_user, "it came as a program's");
    Ok(String::new())
}

fn user_illegal_instruction(_: &mut Fixture) -> Outcome {
    program::killed("illegal_instruction", &[SIGILL])
}

fn user_breakpoint(_: &mut Fixture) -> Outcome {
    program::killed("breakpoint", &[SIGTRAP])
}

fn user_bad_address(_: &mut Fixture) -> Outcome {
    for what in ["null_pointer", "write_kernel", "read_kernel", "write_code", "execute_stack"] {
        program::killed(what, &[SIGSEGV])?;
    }
    Ok(String::new())
}

/// While other programs are killed one after another, a correct program continues and succeeds.
fn spares_others(_: &mut Fixture) -> Outcome {
    let bystander = program::probe("registers")?;
    for what in ["illegal_instruction", "write_kernel", "null_pointer"] {
        program::killed(what, &[SIGILL, SIGSEGV])?;
    }
    bystander.end_well()
}

fn divide_by_zero(_: &mut Fixture) -> Outcome {
    let quotient = black_box(1_u32) / black_box(0);
    Err(format!("the kernel goes on with {quotient}"))
}

fn undefined_instruction(_: &mut Fixture) -> Outcome {
    exception::undefined();
    Err("the kernel goes on".into())
}

fn page_fault(_: &mut Fixture) -> Outcome {
    exception::read_unmapped();
    Err("the kernel goes on".into())
}
