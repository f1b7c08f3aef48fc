//! Reader of the boot information of a Multiboot2 boot loader: a list of tags in memory. Numbers and layouts are those
//! of the Multiboot2 Specification, version 2.0, section 3.6 (boot information format); all little-endian.
#![no_std]

use core::ffi::CStr;
use core::ops::Range;

/// Bytes of the information's own header: its size (32 bits) and 32 reserved bits.
pub const HEADER_BYTES: usize = 8;

/// Tags begin at multiples of this, from the start of the information.
const TAG_ALIGN: usize = 8;
/// Bytes of a tag's header: type and size, 32 bits each.
const TAG_HEADER: usize = 8;

const END: u32 = 0;
const COMMAND_LINE: u32 = 1;
const MODULE: u32 = 3;
const MEMORY_MAP: u32 = 6;

/// In the memory map: RAM that is free after the loader has ended.
const AVAILABLE: u32 = 1;

/// The size in bytes of the information that begins with `header`.
#[must_use]
pub const fn total_bytes(header: [u8; HEADER_BYTES]) -> usize {
    let [a, b, c, d, ..] = header;
    u32::from_le_bytes([a, b, c, d]) as usize
}

/// The tags of one boot.
#[derive(Clone, Copy, Debug)]
pub struct Information<'a> {
    tags: &'a [u8],
}

impl<'a> Information<'a> {
    /// The information in these bytes, header included; `None` if there are fewer bytes than the header says.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        let total = total_bytes(*bytes.first_chunk()?);
        Some(Self { tags: bytes.get(HEADER_BYTES..total)? })
    }

    /// The kernel's command line, without the kernel's name; empty when there is none.
    #[must_use]
    pub fn command_line(self) -> &'a [u8] {
        let text = self.tags_of(COMMAND_LINE).next().and_then(|body| CStr::from_bytes_until_nul(body).ok());
        text.map_or(&[], CStr::to_bytes)
    }

    /// Physical addresses of the files that the loader loaded, in the order of the loader's configuration.
    pub fn modules(self) -> impl Iterator<Item = Range<u64>> {
        self.tags_of(MODULE).filter_map(|body| Some(u32_at(body, 0)?.into()..u32_at(body, 4)?.into()))
    }

    /// Physical addresses of the free RAM. It includes this information, the kernel and the files that the loader put
    /// there.
    pub fn memory(self) -> impl Iterator<Item = Range<u64>> {
        self.tags_of(MEMORY_MAP).flat_map(|body| {
            let entry_bytes = u32_at(body, 0).map_or(0, |bytes| bytes as usize).max(1);
            body.get(8..).unwrap_or_default().chunks_exact(entry_bytes).filter_map(area)
        })
    }

    /// The bytes after the header of each tag of a type.
    fn tags_of(self, wanted: u32) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = self.tags;
        core::iter::from_fn(move || {
            let (kind, bytes) = (u32_at(rest, 0)?, u32_at(rest, 4)? as usize);
            let body = rest.get(TAG_HEADER..bytes)?;
            rest = rest.get(bytes.next_multiple_of(TAG_ALIGN)..).unwrap_or_default();
            (kind != END).then_some((kind, body))
        })
        .filter_map(move |(kind, body)| (kind == wanted).then_some(body))
    }
}

/// An entry of the memory map: address and size (64 bits each), kind.
fn area(entry: &[u8]) -> Option<Range<u64>> {
    let (start, bytes) = (u64_at(entry, 0)?, u64_at(entry, 8)?);
    (u32_at(entry, 16)? == AVAILABLE).then_some(start..start.checked_add(bytes)?)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().copied().map(u64::from_le_bytes)
}
