//! Valid and hostile programs, built byte by byte.

use parity_elf::{EM_AARCH64, EM_X86_64, Error, HEAD_BYTES, Program, Segment};
use std::ops::Range;

const SPACE: Range<u64> = 0x4000_0000..0x8000_0000;
const FILE_BYTES: u64 = 0x3000;

const READ_EXECUTE: u32 = 5;
const READ: u32 = 4;
const READ_WRITE: u32 = 6;
const LOAD: u32 = 1;

#[derive(Clone, Copy)]
struct Header {
    kind: u32,
    flags: u32,
    offset: u64,
    address: u64,
    file_bytes: u64,
    memory_bytes: u64,
}

const TEXT: Header = Header {
    kind: LOAD,
    flags: READ_EXECUTE,
    offset: 0,
    address: 0x4100_0000,
    file_bytes: 0x1234,
    memory_bytes: 0x1234,
};
const DATA: Header = Header {
    kind: LOAD,
    flags: READ_WRITE,
    offset: 0x2010,
    address: 0x4100_3010,
    file_bytes: 0x20,
    memory_bytes: 0x5000,
};

fn file(headers: &[Header]) -> Vec<u8> {
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    file.extend(2_u16.to_le_bytes()); // ET_EXEC
    file.extend(EM_AARCH64.to_le_bytes());
    file.extend(1_u32.to_le_bytes());
    for word in [0x4100_0100_u64, 64, 0] {
        file.extend(word.to_le_bytes()); // entry, program headers, section headers
    }
    file.extend(0_u32.to_le_bytes());
    for half in [64, 56, headers.len() as u16, 0, 0, 0] {
        file.extend(half.to_le_bytes());
    }
    for header in headers {
        file.extend(header.kind.to_le_bytes());
        file.extend(header.flags.to_le_bytes());
        for word in [header.offset, header.address, header.address, header.file_bytes, header.memory_bytes] {
            file.extend(word.to_le_bytes());
        }
        file.extend(0x1000_u64.to_le_bytes());
    }
    file
}

fn parse(file: &[u8]) -> Result<Program<'_>, Error> {
    Program::parse(file, FILE_BYTES, EM_AARCH64, SPACE)
}

fn error_of(headers: &[Header]) -> Option<Error> {
    parse(&file(headers)).err()
}

#[test]
fn a_good_program() {
    let note = Header { kind: 4, address: 0, memory_bytes: 0, ..TEXT };
    let empty = Header { address: 0, file_bytes: 0, memory_bytes: 0, ..TEXT };
    let file = file(&[note, TEXT, empty, DATA]);
    let program = parse(&file).unwrap();
    assert_eq!(program.entry, 0x4100_0100);
    let segments: Vec<Segment> = program.segments().collect();
    assert_eq!(segments.len(), 2);
    assert_eq!(segments[0].pages(), 0x4100_0000..0x4100_2000);
    assert_eq!((segments[0].write, segments[0].execute), (false, true));
    let data = Segment {
        address: 0x4100_3010,
        memory_bytes: 0x5000,
        offset: 0x2010,
        file_bytes: 0x20,
        write: true,
        execute: false,
    };
    assert_eq!(segments[1], data);
    assert_eq!(data.pages(), 0x4100_3000..0x4100_9000);
}

#[test]
fn every_truncation_is_refused() {
    let file = file(&[TEXT, DATA]);
    for len in 0..file.len() {
        assert!(parse(&file[..len]).is_err(), "{len} bytes");
    }
}

#[test]
fn headers_of_other_files() {
    let good = file(&[TEXT, DATA]);
    let cases: [(usize, &[u8], Error); 11] = [
        (0, b"#!/b", Error::NotElf64),
        (4, &[1], Error::NotElf64),  // 32 bits
        (5, &[2], Error::NotElf64),  // big endian
        (6, &[9], Error::NotElf64),  // version of the identification
        (20, &[2], Error::NotElf64), // version of the header
        (16, &[3], Error::NotStatic),
        (18, &EM_X86_64.to_le_bytes(), Error::Machine(EM_X86_64)),
        (32, &u64::MAX.to_le_bytes(), Error::Headers),
        (32, &(HEAD_BYTES as u64).to_le_bytes(), Error::Headers),
        (54, &[32], Error::Headers),
        (56, &[0xff, 0xff], Error::Headers),
    ];
    for (offset, bytes, error) in cases {
        let mut file = good.clone();
        file[offset..offset + bytes.len()].copy_from_slice(bytes);
        assert_eq!(parse(&file).err(), Some(error), "{bytes:?} at {offset}");
    }
}

#[test]
fn program_headers_must_be_near_the_start() {
    let mut file = file(&[TEXT]);
    let header = file.split_off(64);
    file.resize(HEAD_BYTES - header.len(), 0);
    file.extend(&header);
    let place = |at: usize| (at as u64).to_le_bytes();
    file[32..40].copy_from_slice(&place(HEAD_BYTES - header.len()));
    assert!(parse(&file).is_ok());
    file.insert(100, 0);
    file[32..40].copy_from_slice(&place(HEAD_BYTES - header.len() + 1));
    assert_eq!(parse(&file).err(), Some(Error::Headers));
}

#[test]
fn dynamic_programs() {
    for kind in [2, 3] {
        assert_eq!(error_of(&[TEXT, Header { kind, ..DATA }]), Some(Error::NotStatic));
    }
}

#[test]
fn segments_outside_the_file() {
    for (offset, file_bytes) in
        [(FILE_BYTES, 0x20), (0x2010, 0xff1), (u64::MAX - 0xf, 0x20), (0x2010, 0x5001)]
    {
        let data = Header { offset, file_bytes, ..DATA };
        assert_eq!(error_of(&[TEXT, data]), Some(Error::Bytes), "{offset:#x} {file_bytes:#x}");
    }
    assert_eq!(error_of(&[TEXT, Header { file_bytes: 0xff0, ..DATA }]), None);
}

#[test]
fn segments_outside_the_address_range() {
    let kernel = 0xffff_0000_4020_0010;
    for (address, memory_bytes) in [
        (0x10, 0x5000),
        (0x7fff_f010, 0x1000),
        (kernel, 0x5000),
        (u64::MAX - 0xfef, 0x5000),
        (0x4100_3010, u64::MAX),
    ] {
        let data = Header { address, memory_bytes, ..DATA };
        assert_eq!(error_of(&[TEXT, data]), Some(Error::Range), "{address:#x} {memory_bytes:#x}");
    }
    assert_eq!(error_of(&[TEXT, Header { address: 0x7fff_f010, memory_bytes: 0xff0, ..DATA }]), None);
}

#[test]
fn segments_that_cannot_be_mapped() {
    assert_eq!(error_of(&[TEXT, Header { address: 0x4100_3011, ..DATA }]), Some(Error::Layout));
    // The text ends at ..1234, so its last page is ..1000 to ..2000.
    assert_eq!(error_of(&[TEXT, Header { address: 0x4100_1010, offset: 0x10, ..DATA }]), Some(Error::Layout));
    assert_eq!(error_of(&[DATA, TEXT]), Some(Error::Layout));
    assert_eq!(error_of(&[TEXT, TEXT]), Some(Error::Layout));
}

#[test]
fn rights() {
    assert_eq!(error_of(&[TEXT, Header { flags: 7, ..DATA }]), Some(Error::Rights));
    assert_eq!(error_of(&[TEXT, Header { flags: 2, ..DATA }]), Some(Error::Rights));
    assert_eq!(error_of(&[TEXT, Header { flags: READ, ..DATA }]), None);
}

#[test]
fn the_entry_must_be_executable() {
    assert_eq!(error_of(&[]), Some(Error::Entry));
    assert_eq!(error_of(&[Header { flags: READ, ..TEXT }]), Some(Error::Entry));
    assert_eq!(error_of(&[Header { memory_bytes: 0x100, file_bytes: 0x100, ..TEXT }]), Some(Error::Entry));
    assert_eq!(error_of(&[Header { memory_bytes: 0x101, file_bytes: 0x100, ..TEXT }]), None);
}

/// Each byte replaced by any other: no panic, and an accepted program has the properties that `parse` promises.
#[test]
fn hostile_bytes() {
    let good = file(&[TEXT, DATA]);
    for place in 0..good.len() {
        for byte in 0..=255 {
            let mut file = good.clone();
            file[place] = byte;
            let Ok(program) = parse(&file) else { continue };
            let mut end = SPACE.start;
            for segment in program.segments() {
                assert!(segment.pages().start >= end && segment.pages().end <= SPACE.end);
                assert!(segment.offset + segment.file_bytes <= FILE_BYTES);
                end = segment.pages().end;
            }
        }
    }
}

#[test]
fn every_error_has_words_of_its_own() {
    let errors = [
        Error::NotElf64,
        Error::Machine(EM_X86_64),
        Error::NotStatic,
        Error::Headers,
        Error::Bytes,
        Error::Range,
        Error::Layout,
        Error::Rights,
        Error::Entry,
    ];
    let words: std::collections::BTreeSet<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(words.len(), errors.len());
    assert!(words.iter().all(|words| words.len() > 10));
}
