//! All canaries by name, and the one that the command line selects.

use parity_arch::{cpu, exception, power};
use spin::Once;

use super::{ends, machine, stuck, untrue, waits};
use crate::command_line::value_of;
use crate::kprintln;

/// When a canary acts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// Before everything else.
    First,
    /// Instead of the hello record.
    Hello,
    /// Instead of starting PID 1; after canaries that return, PID 1 starts.
    Init,
    /// After PID 1 has ended, before the shutdown record.
    BeforeShutdown,
    /// After the shutdown record.
    AfterShutdown,
}

use Moment::{AfterShutdown, BeforeShutdown, First, Hello, Init};

type Canary = (&'static str, Moment, fn());

const ALL: &[Canary] = &[
    // abnormal ends
    ("panic_before_hello", First, || panic!("canary: before the hello")),
    ("half_a_panic", First, || ends::half_a_panic()),
    ("power_off_at_once", First, || power::power_off()),
    ("reset", Init, || power::reset()),
    ("unhandled", Init, || exception::unhandled()),
    ("panic_twice", Init, || ends::panic_twice()),
    ("kernel_fault", Init, || exception::read_unmapped()),
    ("stack_overflow", Init, ends::overflow_stack),
    ("out_of_memory", Init, || ends::exhaust_heap()),
    ("yield_with_lock", Init, ends::yield_with_lock),
    ("lock_twice", Init, ends::lock_twice),
    ("panic_after_success", BeforeShutdown, || panic!("canary: after PID 1 has ended")),
    ("panic_after_shutdown", AfterShutdown, || panic!("canary: after the shutdown record")),
    // hangs
    ("never_boot", First, || stuck::spin()),
    ("spin_irqs_off", Init, || stuck::spin()),
    ("halt", Init, || cpu::halt()),
    ("sleep_forever", Init, || stuck::sleep()),
    ("flood_serial", Init, || stuck::flood()),
    ("mutter", Init, || stuck::mutter()),
    ("deadlock_of_two", Init, || stuck::deadlock_of_two()),
    ("deadlock_of_three", Init, || stuck::deadlock_of_three()),
    ("self_deadlock", Init, || stuck::self_deadlock()),
    ("lost_wakeup", Init, || stuck::lost_wakeup()),
    ("livelock", Init, || stuck::livelock()),
    ("deadlock_of_parks", Init, || waits::parks()),
    ("deadlock_of_joins", Init, || waits::joins()),
    ("deadlock_of_queues", Init, || waits::queues()),
    ("join_itself", Init, || waits::join_itself()),
    ("join_of_parked", Init, || waits::join_of_parked()),
    ("join_under_lock", Init, || waits::join_under_lock()),
    ("stop_clock", Init, || machine::stop_clock()),
    ("poll_stopped_clock", Init, || machine::poll_stopped_clock()),
    ("sleep_for_hours", Init, || machine::sleep_for_hours()),
    ("storm", Init, || machine::storm()),
    ("forget_ready", Init, || machine::forget_ready()),
    ("lose_kernel", Init, || machine::lose_kernel()),
    ("lose_data", Init, || machine::lose_data()),
    ("lose_vectors", Init, || machine::lose_vectors()),
    ("hang_after_success", BeforeShutdown, || stuck::spin()),
    ("dawdle", BeforeShutdown, stuck::dawdle),
    // false or damaged records on the result channel
    ("no_hello", Hello, || {}),
    ("second_hello", Init, untrue::second_hello),
    ("damaged_channel", Init, untrue::damage),
    ("wrong_checksum", Init, untrue::wrong_checksum),
    ("panic_in_record", Init, || untrue::panic_in_record()),
    ("success_untrue", Init, || untrue::success()),
    ("tests_instead", Init, || untrue::tests_instead()),
    ("tests_beside", Init, untrue::tests),
    ("cut_shutdown", BeforeShutdown, || untrue::cut_shutdown()),
    ("cut_after_shutdown", AfterShutdown, untrue::half_a_record),
];

static CHOSEN: Once<Canary> = Once::new();
static PANIC_AT: Once<&str> = Once::new();

/// Selects the canary that the command line names, and runs it if it acts first. An unknown name is ignored,
/// so that the boot succeeds and the test that expects an abnormal end fails.
pub fn choose(command_line: &'static str) {
    if let Some(stage) = value_of(command_line, "panic_at") {
        PANIC_AT.call_once(|| stage);
    }
    let Some(name) = value_of(command_line, "canary") else { return };
    match ALL.iter().find(|(known, ..)| *known == name) {
        Some(canary) => {
            CHOSEN.call_once(|| *canary);
            at(First);
        }
        None => kprintln!("command line: canary={name}: unknown, ignored"),
    }
}

/// Whether the kernel sends the hello record.
pub fn says_hello() -> bool {
    !CHOSEN.get().is_some_and(|(_, moment, _)| *moment == Hello)
}

/// Called after every stage of the boot.
pub fn at_stage(stage: &str) {
    assert!(PANIC_AT.get().is_none_or(|wanted| *wanted != stage), "canary: at stage {stage}");
}

/// Called before PID 1 starts.
pub fn instead_of_init() {
    at(Init);
}

/// Called after PID 1 has ended, before the shutdown record.
pub fn before_shutdown() {
    at(BeforeShutdown);
}

/// Called after the shutdown record.
pub fn after_shutdown() {
    at(AfterShutdown);
}

fn at(moment: Moment) {
    if let Some((_, when, act)) = CHOSEN.get()
        && *when == moment
    {
        act();
    }
}
