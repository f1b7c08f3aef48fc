//! A short digest of data that another program should see.

/// FNV-1a, 64 bits, of several byte strings, each followed by a NUL so that their boundaries count.
pub fn fnv1a<'a>(strings: impl Iterator<Item = &'a [u8]>) -> u64 {
    strings.flat_map(|string| string.iter().chain(&[0])).fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
