//! Names of the enabled features, for the host.

/// Maximum length of all names and commas.
const LENGTH_MAX: usize = 256;

macro_rules! enabled {
    ($($name:tt)*) => { &[$(if cfg!(feature = $name) { $name } else { "" }),*] };
}

/// Every feature of this crate's manifest; empty if disabled.
const ENABLED: &[&str] = enabled! {
    "testing" "interactive"
    "test_divide_by_zero" "test_invalid_opcode" "test_page_fault" "test_all_exceptions"
    "kthread_test_only" "kthread_stress_test" "boot_tests"
    "planted_faults" "canaries" "untraced"
};

const JOINED: ([u8; LENGTH_MAX], usize) = join(ENABLED);

/// Names of the features of this kernel, separated by commas.
pub const NAMES: &str = match core::str::from_utf8(JOINED.0.split_at(JOINED.1).0) {
    Ok(names) => names,
    Err(_) => panic!("a feature's name is not UTF-8"),
};

/// Joins the non-empty names with commas; returns the text and its length.
const fn join(names: &[&str]) -> ([u8; LENGTH_MAX], usize) {
    let (mut joined, mut length, mut index) = ([0; LENGTH_MAX], 0, 0);
    while index < names.len() {
        let name = names[index].as_bytes();
        if !name.is_empty() && length > 0 {
            joined[length] = b',';
            length += 1;
        }
        let mut at = 0;
        while at < name.len() {
            joined[length] = name[at];
            (length, at) = (length + 1, at + 1);
        }
        index += 1;
    }
    (joined, length)
}
