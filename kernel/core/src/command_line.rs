//! The kernel's command line: `init=/bin/x tick_hz=200 seed=1 -- arguments of PID 1`.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::kprintln;

const DEFAULT_INIT: &str = "/bin/init";
const DEFAULT_TICK_HZ: u32 = 200;
/// Highest supported tick rate.
const MAX_TICK_HZ: u32 = 10_000;

/// Settings from the command line.
#[derive(Debug, PartialEq, Eq)]
pub struct CommandLine {
    /// Path of PID 1's program.
    pub init: String,
    /// Arguments of PID 1, without its name.
    pub arguments: Vec<String>,
    /// Timer ticks per second.
    pub tick_hz: u32,
    /// Seed of the random numbers in in-kernel tests.
    pub seed: u64,
    /// Names of the in-kernel tests to run, separated by commas; all tests that can run together if absent.
    pub boot_tests: Option<String>,
}

/// The value of `key` in `text`, without allocating.
#[cfg(any(feature = "planted_faults", feature = "canaries"))]
pub fn value_of<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let words = text.split_ascii_whitespace().take_while(|word| *word != "--");
    words.filter_map(|word| word.split_once('=')).find(|(name, _)| *name == key).map(|(_, value)| value)
}

impl CommandLine {
    /// Parses `text`; unknown words are reported on the console and ignored.
    pub fn parse(text: &str) -> Self {
        let mut words = text.split_ascii_whitespace();
        let mut line = Self {
            init: DEFAULT_INIT.to_string(),
            arguments: Vec::new(),
            tick_hz: DEFAULT_TICK_HZ,
            seed: 0,
            boot_tests: None,
        };
        for word in words.by_ref().take_while(|word| *word != "--") {
            match word.split_once('=') {
                Some(("init", path)) => line.init = path.to_string(),
                Some(("tick_hz", number)) => match number.parse() {
                    Ok(hz @ 1..=MAX_TICK_HZ) => line.tick_hz = hz,
                    _ => kprintln!("command line: tick_hz={number}: expected 1 to {MAX_TICK_HZ}, ignored"),
                },
                Some(("seed", number)) => match number.parse() {
                    Ok(seed) => line.seed = seed,
                    Err(_) => kprintln!("command line: seed={number}: expected 0 to {}, ignored", u64::MAX),
                },
                Some(("boot_tests", names)) if cfg!(feature = "boot_tests") => {
                    line.boot_tests = Some(names.to_string());
                }
                // `main` handled these before the heap existed.
                Some(("fault", _)) if cfg!(feature = "planted_faults") => {}
                Some(("canary" | "panic_at", _)) if cfg!(feature = "canaries") => {}
                _ => kprintln!("command line: {word}: unknown, ignored"),
            }
        }
        line.arguments = words.map(ToString::to_string).collect();
        line
    }
}
