//! Structures that kernel and user space may copy as bytes.

/// A structure without padding for which every bit pattern is a valid value.
///
/// # Safety
/// The implementer guarantees `#[repr(C)]` or a primitive, no padding bytes (they would leak kernel
/// memory), and no field with forbidden bit patterns (`bool`, enums, references).
pub unsafe trait Plain: Copy + 'static {
    /// The value's bytes in memory order.
    fn as_bytes(&self) -> &[u8] {
        // SAFETY: the trait promises that all `size_of::<Self>()` bytes are initialised.
        unsafe { core::slice::from_raw_parts((&raw const *self).cast(), size_of::<Self>()) }
    }

    /// The value's bytes, writable: any content is a valid value.
    fn as_bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and the trait promises that every bit pattern is valid.
        unsafe { core::slice::from_raw_parts_mut((&raw mut *self).cast(), size_of::<Self>()) }
    }

    /// The value whose bytes are all zero.
    #[must_use]
    fn zeroed() -> Self {
        // SAFETY: every bit pattern is valid, all zeros included.
        unsafe { core::mem::zeroed() }
    }
}

macro_rules! plain_primitives {
    ($($primitive:ty),*) => { $(
        // SAFETY: an integer has neither padding nor forbidden bit patterns.
        unsafe impl Plain for $primitive {}
    )* };
}
plain_primitives!(u8, u16, u32, u64, i8, i16, i32, i64);

// SAFETY: the elements have no padding inside, and an array has none between its elements.
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {}

/// Declares `#[repr(C)]` structures as [`Plain`] and checks at compile time that they have no padding.
macro_rules! plain {
    ($($name:ident { $($field:ty),* $(,)? } = $size:literal;)*) => { $(
        const _: () = assert!(size_of::<$name>() == $size && 0 $(+ size_of::<$field>())* == $size);
        // SAFETY: `#[repr(C)]`, and the sizes of the `Plain` fields add up to the structure's size: no
        // padding.
        unsafe impl $crate::Plain for $name {}
    )* };
}
pub(crate) use plain;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_in_memory_order() {
        let mut value = 0x0102_0304_u32;
        assert_eq!(value.as_bytes(), value.to_ne_bytes());
        value.as_bytes_mut().copy_from_slice(&7_u32.to_ne_bytes());
        assert_eq!(value, 7);
        assert_eq!(<[u16; 3]>::zeroed(), [0; 3]);
    }
}
