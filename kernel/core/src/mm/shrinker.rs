//! Frames that hold what can be got again: given back before anybody is told that memory is short.

use spin::Once;

/// Who has such frames.
pub trait Shrinker: Sync {
    /// Gives back up to `wanted` frames; how many. It may be called with any lock held, so it must not sleep, ask for
    /// memory, or take a lock under which others ask for memory.
    fn shrink(&self, wanted: usize) -> usize;
}

static SHRINKER: Once<&'static dyn Shrinker> = Once::new();

/// Frames that are asked for at a time.
const BATCH: usize = 64;

/// Called once.
pub fn register(shrinker: &'static dyn Shrinker) {
    SHRINKER.call_once(|| shrinker);
}

/// Tries `attempt`, and again as long as it fails and frames come back meanwhile.
pub fn retry<R>(mut attempt: impl FnMut() -> Option<R>) -> Option<R> {
    loop {
        if let Some(value) = attempt() {
            return Some(value);
        }
        if SHRINKER.get().is_none_or(|shrinker| shrinker.shrink(BATCH) == 0) {
            return None;
        }
    }
}
