//! The reference kernel. This file is the boot sequence; each module has its own folder.
//!
//! Layers, each of which uses only those to its right: ktest > syscall > process > fs > drivers > time >
//! thread > mm > sync > {trace, vitals} > {arch, libs} > abi.

#![no_std]
#![no_main]

extern crate alloc;

mod canary;
mod command_line;
mod drivers;
mod exceptions;
mod faults;
mod features;
mod fs;
mod ktest;
mod mm;
mod panic;
mod probes;
mod process;
mod stage;
mod sync;
mod syscall;
mod thread;
mod time;
mod trace;
mod trap;
mod vitals;

use alloc::vec::Vec;

use parity_arch::{BootInfo, cpu, intc, timer};
use parity_record::Record;

use command_line::CommandLine;
use drivers::block_cache::BlockCache;
use drivers::{block, channel, terminal};
use mm::frame;
use thread::scheduler;

/// Entry point, called by the architecture's boot code: high half, boot stack, interrupts masked, console
/// ready.
#[unsafe(no_mangle)]
extern "Rust" fn kernel_main(boot: &'static BootInfo) -> ! {
    canary::choose(boot.cmdline);
    time::init();
    trace::init();
    if canary::says_hello() {
        hello(boot);
    }
    faults::choose(boot.cmdline);

    // Physical memory; from here on the heap can grow.
    frame::init(boot);
    let line = CommandLine::parse(boot.cmdline);
    let memory = frame::counts();
    kprintln!("memory: {} of {} frames free", memory.free, memory.total);
    stage::reach("memory");

    // Trap handlers and interrupt controller.
    trap::init();
    intc::init();
    stage::reach("interrupts");

    // This code becomes the idle thread; from the first tick on, threads are preempted.
    scheduler::init(line.tick_hz);
    timer::init(line.tick_hz);
    cpu::irq_enable();
    stage::reach("timer");

    let disk = block::init(boot).unwrap_or_else(|errno| panic!("no disk: {errno}"));
    kprintln!("disk: {} KiB", disk.bytes / 1024);
    stage::reach("block");

    fs::disk::mount_root(BlockCache::new(disk))
        .unwrap_or_else(|error| panic!("cannot mount the disk: {error}"));
    fs::proc::mount();
    stage::reach("rootfs");

    terminal::init(cfg!(feature = "interactive"));
    faults::begin();
    exceptions::instead_of_init();
    canary::instead_of_init();
    ktest::instead_of_init(boot, &line);

    // Load PID 1; it runs once this thread gives up the processor.
    let arguments: Vec<&str> =
        core::iter::once(&line.init).chain(&line.arguments).map(|text| text.as_str()).collect();
    process::fork::start_init(&line.init, &arguments, || stage::reach("init"))
        .unwrap_or_else(|errno| process::exit::without_init(&line.init, errno));

    scheduler::run_idle()
}

fn hello(boot: &BootInfo) {
    kprintln!("parity kernel: {} cpu(s), features: {}", boot.cpus, features::NAMES);
    let cpus = u16::try_from(boot.cpus).unwrap_or(u16::MAX);
    channel::send(Record::Hello { arch: parity_arch::ARCH_ID, cpus, features: features::NAMES.as_bytes() });
}
