//! Deterministic pseudorandom numbers from a seed.

/// The generator SplitMix64 (Steele, Lea, Flood 2014); any seed is suitable, including 0 and consecutive
/// ones.
pub struct Random {
    state: u64,
}

impl Random {
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    pub const fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`. The bias is negligible for small `end`.
    pub const fn below(&mut self, end: u64) -> u64 {
        self.draw() % end
    }
}
