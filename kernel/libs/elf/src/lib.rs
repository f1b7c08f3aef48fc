//! Reader of programs: static, little-endian ELF64 files without an interpreter.
//!
//! [`Program::parse`] trusts nothing in the file. An accepted program can be mapped page by page: its segments are in
//! ascending order, share no page and lie in the given address range, and their bytes are in the file.
#![no_std]

use core::fmt;
use core::ops::Range;

pub use elf::abi::{EM_AARCH64, EM_X86_64};
use elf::abi::{ET_EXEC, EV_CURRENT, PF_R, PF_W, PF_X, PT_DYNAMIC, PT_INTERP, PT_LOAD};
use elf::endian::LittleEndian;
use elf::file::{Class, FileHeader, parse_ident};
use elf::segment::{ProgramHeader, SegmentTable};

/// Bytes of a page; segments with different rights must not share one.
pub const PAGE_BYTES: u64 = 4096;
/// The header and all program headers must lie within this many bytes from the start of the file.
pub const HEAD_BYTES: usize = 4096;

const IDENT_BYTES: usize = 16;
const HEADER_BYTES: usize = 64;
const SEGMENT_BYTES: usize = 56;

/// Why a file is not a program that can be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// Not an ELF64 file in little-endian order, or shorter than its header.
    NotElf64,
    /// For another processor.
    Machine(u16),
    /// Needs relocation or dynamic linking, which the kernel does not do: not `ET_EXEC`, or it names an interpreter.
    NotStatic,
    /// The program headers are malformed, or not within [`HEAD_BYTES`].
    Headers,
    /// The file lacks bytes of the segment, or the segment has more bytes in the file than in memory.
    Bytes,
    /// The segment leaves the address range of programs.
    Range,
    /// Address and file offset do not agree modulo the page size, or pages are shared or out of order.
    Layout,
    /// The segment is writable and executable, or not readable.
    Rights,
    /// The entry point is in no executable segment.
    Entry,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotElf64 => "not a little-endian ELF64 file",
            Self::Machine(_) => "built for another processor",
            Self::NotStatic => "not a static executable",
            Self::Headers => "bad program headers",
            Self::Bytes => "a segment's bytes are not in the file",
            Self::Range => "a segment outside the addresses of programs",
            Self::Layout => "segments misaligned, overlapping or out of order",
            Self::Rights => "a segment with impossible rights",
            Self::Entry => "entry not in an executable segment",
        })
    }
}

impl core::error::Error for Error {}

/// A range of memory and the part of the file that fills it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Address of the first byte; congruent to `offset` modulo [`PAGE_BYTES`].
    pub address: u64,
    /// Bytes in memory, at least 1; those after `file_bytes` are zero.
    pub memory_bytes: u64,
    /// Offset of the segment's bytes in the file.
    pub offset: u64,
    pub file_bytes: u64,
    pub write: bool,
    pub execute: bool,
}

impl Segment {
    /// The pages that it covers: from the address of the first page to the first address after the last page.
    #[must_use]
    pub const fn pages(&self) -> Range<u64> {
        let end = self.address + self.memory_bytes;
        self.address - self.address % PAGE_BYTES..end.next_multiple_of(PAGE_BYTES)
    }

    fn check(header: &ProgramHeader, file_bytes: u64, space: &Range<u64>) -> Result<Self, Error> {
        let segment = Self {
            address: header.p_vaddr,
            memory_bytes: header.p_memsz,
            offset: header.p_offset,
            file_bytes: header.p_filesz,
            write: header.p_flags & PF_W != 0,
            execute: header.p_flags & PF_X != 0,
        };
        let file_end = segment.offset.checked_add(segment.file_bytes).ok_or(Error::Bytes)?;
        if file_end > file_bytes || segment.file_bytes > segment.memory_bytes {
            return Err(Error::Bytes);
        }
        let end = segment.address.checked_add(segment.memory_bytes).ok_or(Error::Range)?;
        if segment.address < space.start || end > space.end {
            return Err(Error::Range);
        }
        if segment.address % PAGE_BYTES != segment.offset % PAGE_BYTES {
            return Err(Error::Layout);
        }
        if header.p_flags & PF_R == 0 || (segment.write && segment.execute) {
            return Err(Error::Rights);
        }
        Ok(segment)
    }
}

/// A program that can be loaded.
#[derive(Debug)]
pub struct Program<'data> {
    /// Address of the first instruction.
    pub entry: u64,
    headers: SegmentTable<'data, LittleEndian>,
}

impl<'data> Program<'data> {
    /// Checks a program.
    ///
    /// `head` is the file's start: [`HEAD_BYTES`] or the whole file if that is shorter (more does no harm).
    /// `file_bytes` is the file's size, `machine` the processor ([`EM_AARCH64`], [`EM_X86_64`]), `space` the
    /// addresses that programs may use, both ends multiples of [`PAGE_BYTES`].
    ///
    /// # Errors
    /// The first reason found why the kernel cannot run the file.
    pub fn parse(head: &'data [u8], file_bytes: u64, machine: u16, space: Range<u64>) -> Result<Self, Error> {
        let header = file_header(head, machine)?;
        let headers = table(head, &header)?;
        if headers.iter().any(|header| matches!(header.p_type, PT_INTERP | PT_DYNAMIC)) {
            return Err(Error::NotStatic);
        }
        let mut end = 0;
        let mut entered = false;
        for header_of_segment in loadable(&headers) {
            let segment = Segment::check(&header_of_segment, file_bytes, &space)?;
            if segment.pages().start < end {
                return Err(Error::Layout);
            }
            end = segment.pages().end;
            let addresses = segment.address..segment.address + segment.memory_bytes;
            entered |= segment.execute && addresses.contains(&header.e_entry);
        }
        if entered { Ok(Self { entry: header.e_entry, headers }) } else { Err(Error::Entry) }
    }

    /// The segments to load, in ascending order.
    pub fn segments(&self) -> impl Iterator<Item = Segment> + use<'data> {
        // `parse` has checked the headers; without limits, `check` only converts them.
        loadable(&self.headers).filter_map(|header| Segment::check(&header, u64::MAX, &(0..u64::MAX)).ok())
    }
}

/// The headers of segments that take memory.
fn loadable<'data>(
    headers: &SegmentTable<'data, LittleEndian>,
) -> impl Iterator<Item = ProgramHeader> + use<'data> {
    headers.iter().filter(|header| header.p_type == PT_LOAD && header.p_memsz > 0)
}

fn file_header(head: &[u8], machine: u16) -> Result<FileHeader<LittleEndian>, Error> {
    let (ident, tail) = head
        .get(..HEADER_BYTES)
        .and_then(|header| header.split_at_checked(IDENT_BYTES))
        .ok_or(Error::NotElf64)?;
    let ident = parse_ident::<LittleEndian>(ident).map_err(|_| Error::NotElf64)?;
    if ident.1 != Class::ELF64 {
        return Err(Error::NotElf64);
    }
    let header = FileHeader::parse_tail(ident, tail).map_err(|_| Error::NotElf64)?;
    if header.version != u32::from(EV_CURRENT) {
        return Err(Error::NotElf64);
    }
    if header.e_machine != machine {
        return Err(Error::Machine(header.e_machine));
    }
    if header.e_type != ET_EXEC {
        return Err(Error::NotStatic);
    }
    Ok(header)
}

fn table<'data>(
    head: &'data [u8],
    header: &FileHeader<LittleEndian>,
) -> Result<SegmentTable<'data, LittleEndian>, Error> {
    if usize::from(header.e_phentsize) != SEGMENT_BYTES {
        return Err(Error::Headers);
    }
    let start = usize::try_from(header.e_phoff).map_err(|_| Error::Headers)?;
    let end = start.checked_add(usize::from(header.e_phnum) * SEGMENT_BYTES).ok_or(Error::Headers)?;
    let bytes = head.get(..head.len().min(HEAD_BYTES)).and_then(|head| head.get(start..end));
    let bytes = bytes.ok_or(Error::Headers)?;
    Ok(SegmentTable::new(LittleEndian, Class::ELF64, bytes))
}
