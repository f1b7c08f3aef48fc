//! Reclaim: frees frames with reproducible content before an allocation fails.

use spin::Once;

/// An owner of reclaimable frames.
pub trait Shrinker: Sync {
    /// Frees up to `wanted` frames and returns how many. The caller may hold any lock, so this must not
    /// sleep, allocate, or take a lock under which other code allocates.
    fn shrink(&self, wanted: usize) -> usize;
}

static SHRINKER: Once<&'static dyn Shrinker> = Once::new();

/// Number of frames per reclaim step.
const BATCH: usize = 64;

/// Registers the owner. Called once.
pub fn register(shrinker: &'static dyn Shrinker) {
    SHRINKER.call_once(|| shrinker);
}

/// Retries `attempt` until it succeeds or no more frames can be reclaimed.
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
