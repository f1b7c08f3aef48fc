//! Boot information as a loader writes it, and damaged information.

use parity_multiboot2::{HEADER_BYTES, Information, total_bytes};

fn tag(kind: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = [kind.to_le_bytes(), (8 + body.len() as u32).to_le_bytes()].concat();
    bytes.extend(body);
    bytes.resize(bytes.len().next_multiple_of(8), 0xAA);
    bytes
}

fn information(tags: &[Vec<u8>]) -> Vec<u8> {
    let body = tags.concat();
    let size = (HEADER_BYTES + body.len()) as u32;
    [size.to_le_bytes().as_slice(), &[0; 4], &body].concat()
}

fn module(start: u32, end: u32, name: &[u8]) -> Vec<u8> {
    tag(3, &[&start.to_le_bytes(), end.to_le_bytes().as_slice(), name, b"\0"].concat())
}

fn memory_map(entry_bytes: u32, entries: &[(u64, u64, u32)]) -> Vec<u8> {
    let mut body = [entry_bytes.to_le_bytes(), 0_u32.to_le_bytes()].concat();
    for (start, bytes, kind) in entries {
        let entry = [&start.to_le_bytes()[..], &bytes.to_le_bytes(), &kind.to_le_bytes(), &[0; 4]].concat();
        body.extend(&entry);
        body.extend(vec![0xEE; entry_bytes as usize - entry.len()]);
    }
    tag(6, &body)
}

fn end() -> Vec<u8> {
    tag(0, &[])
}

#[test]
fn all_that_the_kernel_asks_for() {
    let bytes = information(&[
        tag(2, b"a loader\0"),
        tag(1, b"init=/bin/init -- x\0"),
        module(0x200_0000, 0x300_0000, b"disk"),
        module(0x400_0000, 0x400_0001, b""),
        memory_map(24, &[(0, 0xA_0000, 1), (0xF_0000, 0x1_0000, 2), (0x10_0000, 0xFF0_0000, 1)]),
        end(),
        tag(1, b"behind the end\0"),
    ]);
    let found = Information::new(&bytes).expect("it is whole");
    assert_eq!(total_bytes(*bytes.first_chunk().expect("a header")), bytes.len());
    assert_eq!(found.command_line(), b"init=/bin/init -- x");
    assert!(found.modules().eq([0x200_0000..0x300_0000, 0x400_0000..0x400_0001]));
    assert!(found.memory().eq([0..0xA_0000, 0x10_0000..0x1000_0000]));
}

#[test]
fn what_is_not_told_is_empty() {
    let bytes = information(&[end()]);
    let found = Information::new(&bytes).expect("it is whole");
    assert_eq!(found.command_line(), b"");
    assert_eq!((found.modules().count(), found.memory().count()), (0, 0));
}

#[test]
fn entries_of_a_later_version_are_longer() {
    let bytes = information(&[memory_map(32, &[(0x1000, 0x1000, 1), (0x4000, 0x1000, 1)]), end()]);
    let found = Information::new(&bytes).expect("it is whole");
    assert!(found.memory().eq([0x1000..0x2000, 0x4000..0x5000]));
}

#[test]
fn bytes_that_are_missing_are_none() {
    let bytes = information(&[tag(1, b"x\0"), end()]);
    for count in 0..bytes.len() {
        assert!(Information::new(&bytes[..count]).is_none(), "{count} bytes");
    }
}

/// For any bytes, the reader reads nothing outside them and ends.
#[test]
fn every_byte_damaged() {
    let whole = information(&[
        tag(1, b"init=/bin/init\0"),
        module(0x200_0000, 0x300_0000, b"disk"),
        memory_map(24, &[(0, 0xA_0000, 1), (u64::MAX, 2, 1)]),
        end(),
    ]);
    for at in 0..whole.len() {
        for value in [0, 1, 4, 7, 8, 0x7F, 0x80, 0xFF] {
            let mut bytes = whole.clone();
            bytes[at] = value;
            if let Some(found) = Information::new(&bytes) {
                assert!(found.command_line().len() < bytes.len());
                assert!(found.modules().count() + found.memory().count() < bytes.len());
            }
        }
    }
}
