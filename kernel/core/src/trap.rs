//! Trap handlers: entries into the kernel, and the common exit.

use core::sync::atomic::{AtomicU64, Ordering};

use parity_abi::signal::{SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP};
use parity_abi::wait::WaitStatus;
use parity_arch::{Fault, FaultKind, Handler, TrapFrame, cpu, intc, timer};

use crate::drivers::{block, terminal};
use crate::faults::{Fault as Planted, planted};
use crate::sync::spin_lock::assert_none_held;
use crate::thread::scheduler;
use crate::time::tick;
use crate::{exceptions, kprintln, mm, probes, process, syscall, trace};

static DEVICE_INTERRUPTS: AtomicU64 = AtomicU64::new(0);

static HANDLER: Handler = Handler {
    syscall: enter_syscall,
    fault: handle_fault,
    interrupt: handle_interrupt,
    tick: handle_tick,
    trap_exit,
};

/// Registers the trap handlers. Called once, before the first interrupt and the first program.
pub fn init() {
    trace::register(&probes::PROVIDER, &[&probes::IRQ_TOTAL, &probes::TIMER_TICK_TOTAL]);
    syscall::init();
    parity_arch::register(&HANDLER);
}

fn enter_syscall(frame: &mut TrapFrame) {
    cpu::irq_enable();
    syscall::dispatch(frame);
}

/// Number of device interrupts since boot, without timer ticks.
pub fn device_interrupts() -> u64 {
    DEVICE_INTERRUPTS.load(Ordering::Relaxed)
}

fn handle_interrupt(irq: u32) {
    scheduler::end_idle();
    trace::fire(&probes::ENTRY, irq);
    DEVICE_INTERRUPTS.fetch_add(1, Ordering::Relaxed);
    if !block::handle_interrupt(irq) && !terminal::handle_interrupt(irq) {
        // No driver can clear the device's request, so the interrupt would repeat at once.
        intc::disable(irq);
        kprintln!("interrupt {irq}: no driver handles it, disabled");
    }
    trace::fire(&probes::EXIT, irq);
}

fn handle_tick() {
    scheduler::end_idle();
    trace::fire(&probes::ENTRY, timer::IRQ);
    scheduler::tick();
    trace::fire(&probes::TICK, tick::count());
    trace::fire(&probes::EXIT, timer::IRQ);
}

fn handle_fault(fault: Fault, frame: &mut TrapFrame) {
    if let FaultKind::Page { .. } = fault.kind {
        trace::fire(&mm::probes::PAGE_FAULT, fault.address.as_u64() as u32);
    }
    let fault = if planted(Planted::KindLost) { Fault { kind: FaultKind::Unknown, ..fault } } else { fault };
    if !fault.from_user {
        if planted(Planted::KernelFaultIgnored) {
            return frame.return_from_leaf();
        }
        if fault.kind == FaultKind::StackOverflow && !planted(Planted::OverflowUnnamed) {
            panic!(
                "kernel stack overflow in thread {}, stack pointer {}, pc {}",
                scheduler::current().name,
                fault.address,
                frame.pc()
            );
        }
        if exceptions::catch(fault, frame) {
            return;
        }
        panic!(
            "fault in the kernel: {:?} at {}, pc {}, syndrome {:#x}",
            fault.kind,
            fault.address,
            frame.pc(),
            fault.syndrome
        );
    }
    let signal = match fault.kind {
        FaultKind::Page { .. } | FaultKind::StackOverflow | FaultKind::Unknown => SIGSEGV,
        FaultKind::Bus | FaultKind::Alignment => SIGBUS,
        FaultKind::IllegalInstruction => SIGILL,
        FaultKind::Breakpoint => SIGTRAP,
        FaultKind::Arithmetic => SIGFPE,
    };
    cpu::irq_enable();
    let process = process::current();
    kprintln!(
        "process {} ({}): {:?} at {}, pc {}: signal {signal}",
        process.pid,
        process.program(),
        fault.kind,
        fault.address,
        frame.pc()
    );
    drop(process);
    process::exit::exit(WaitStatus::killed(signal));
}

fn trap_exit(frame: &mut TrapFrame) {
    let preempted = scheduler::preempt();
    if preempted && planted(Planted::RegistersLost) {
        frame.corrupt_register();
    }
    if frame.from_user() {
        assert_none_held("going back to user space");
    }
}
