//! Files, directories, links and paths of images made by mke2fs, for every block size.
#![allow(clippy::unwrap_used)] // helpers of tests are not `#[test]` functions themselves

mod image;

use image::{Folder, Image, READS_MAX, content, lookup, mke2fs, open};
use parity_ext2::{Error, FileType, Filesystem, Follow, ROOT, Walk};
use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;

const MANY: usize = 1500;

/// Bytes that differ between all blocks.
fn pattern(len: usize) -> Vec<u8> {
    (0..len as u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).take(len).collect()
}

/// Sizes at and just below the borders between direct blocks and tables of depth 1 and 2.
fn sizes(block_bytes: u64) -> Vec<u64> {
    let depth_1 = 12 + block_bytes / 4;
    let borders = [1, 12, 13, depth_1, depth_1 + 1, depth_1 + 40];
    borders.iter().flat_map(|blocks| [blocks * block_bytes - 1, blocks * block_bytes]).collect()
}

fn fill(folder: &Path, block_bytes: u64) {
    let write = |name: &str, bytes: &[u8]| fs::write(folder.join(name), bytes).unwrap();
    fs::create_dir_all(folder.join("deep/path/to/file")).unwrap();
    fs::create_dir(folder.join("many")).unwrap();
    write("hello.txt", b"Hello from ext2!\n");
    write("empty.txt", b"");
    write("deep/path/to/file/data.txt", b"Deep nested content\n");
    write(&"n".repeat(255), b"long name\n");
    for size in sizes(block_bytes) {
        write(&format!("size-{size}"), &pattern(size as usize));
    }
    for i in 0..MANY {
        write(&format!("many/a-rather-long-name-to-fill-blocks-{i}"), i.to_string().as_bytes());
    }
    fs::set_permissions(folder.join("hello.txt"), fs::Permissions::from_mode(0o640)).unwrap();
    symlink("hello.txt", folder.join("short")).unwrap();
    symlink(format!("{}hello.txt", "./".repeat(60)), folder.join("long")).unwrap();
    symlink("/deep/path", folder.join("absolute")).unwrap();
    symlink("../../hello.txt", folder.join("deep/path/up")).unwrap();
    symlink("nowhere", folder.join("dangling")).unwrap();
    symlink("loop-b", folder.join("loop-a")).unwrap();
    symlink("loop-a", folder.join("loop-b")).unwrap();
    symlink("hello.txt/", folder.join("not-a-directory")).unwrap();
    symlink("/covered/../there-and-back", folder.join("there-and-back")).unwrap();
    symlink("missing/further", folder.join("no-directory")).unwrap();
    symlink(".", folder.join("here")).unwrap();
    fs::create_dir(folder.join("covered")).unwrap();
}

fn check_all(block_bytes: u64) {
    let folder = Folder::new(&format!("blocks-{block_bytes}"));
    let (tree, image) = (folder.0.join("tree"), folder.0.join("image"));
    fs::create_dir(&tree).unwrap();
    fill(&tree, block_bytes);
    mke2fs(&tree, &image, 64 * 1024, &["-b", &block_bytes.to_string(), "-N", "4096"]);
    let filesystem = open(&image);
    assert_eq!(u64::from(filesystem.superblock().block_bytes), block_bytes);
    contents_and_metadata(&filesystem, &tree, block_bytes);
    parts_of_a_file(&filesystem, block_bytes);
    directories(&filesystem, &tree, block_bytes);
    directories_entry_by_entry(&filesystem);
    symbolic_links(&filesystem, &tree);
    paths(&filesystem);
    links_are_counted(&filesystem);
    walks(&filesystem);
}

#[test]
fn blocks_of_1_kib() {
    check_all(1024);
}

#[test]
fn blocks_of_2_kib() {
    check_all(2048);
}

#[test]
fn blocks_of_4_kib() {
    check_all(4096);
}

fn contents_and_metadata(filesystem: &Filesystem<Image>, tree: &Path, block_bytes: u64) {
    let mut names = vec!["hello.txt".into(), "empty.txt".into(), "deep/path/to/file/data.txt".into()];
    names.push("n".repeat(255));
    names.push(format!("many/a-rather-long-name-to-fill-blocks-{}", MANY - 1));
    names.extend(sizes(block_bytes).iter().map(|size| format!("size-{size}")));
    for name in names {
        let (inode, host) = (lookup(filesystem, &name).unwrap(), tree.join(&name).metadata().unwrap());
        assert_eq!((inode.kind, inode.mode), (FileType::Regular, host.mode()), "{name}");
        assert_eq!((inode.size, inode.links), (host.len(), 1), "{name}");
        assert_eq!((inode.uid, inode.gid), (host.uid(), host.gid()), "{name}");
        assert_eq!(inode.mtime.seconds, host.mtime(), "{name}");
        assert!(content(filesystem, &name).unwrap() == fs::read(tree.join(&name)).unwrap(), "{name}");
    }
}

fn parts_of_a_file(filesystem: &Filesystem<Image>, block_bytes: u64) {
    let size = *sizes(block_bytes).last().unwrap();
    let (inode, expected) = (lookup(filesystem, &format!("size-{size}")).unwrap(), pattern(size as usize));
    for border in [0, 1, 12, 12 + block_bytes / 4, size / block_bytes] {
        for (back, len) in [(0, 1), (1, 2), (3, block_bytes as usize), (700, 33 * block_bytes as usize)] {
            let offset = (border * block_bytes).saturating_sub(back) as usize;
            let mut buffer = vec![0; len];
            let count = filesystem.read(&inode, offset as u64, &mut buffer).unwrap();
            assert_eq!(count, len.min(expected.len() - offset));
            assert!(buffer[..count] == expected[offset..offset + count], "{count} bytes at {offset}");
        }
    }
    for offset in [size, size + 1, u64::MAX] {
        assert_eq!(filesystem.read(&inode, offset, &mut [0; 8]), Ok(0));
    }
    assert_eq!(filesystem.read(&inode, 0, &mut []), Ok(0));
    assert_eq!(filesystem.read(&filesystem.inode(ROOT).unwrap(), 0, &mut [0]), Err(Error::IsDirectory));
}

fn directories(filesystem: &Filesystem<Image>, tree: &Path, block_bytes: u64) {
    let many = lookup(filesystem, "/many").unwrap();
    assert!(many.size > block_bytes && many.links == 2);
    let mut found = BTreeMap::new();
    let visited = filesystem.scan(&many, 0, |entry| {
        let name = String::from_utf8(entry.name.to_vec()).unwrap();
        assert_eq!(found.insert(name, (entry.inode, entry.kind)), None);
        ControlFlow::<()>::Continue(())
    });
    assert_eq!(visited, Ok(None));
    assert_eq!(found.remove("."), Some((many.number, 4)));
    assert_eq!(found.remove(".."), Some((ROOT, 4)));
    let host: Vec<_> = fs::read_dir(tree.join("many")).unwrap().map(|entry| entry.unwrap()).collect();
    assert_eq!((host.len(), found.len()), (MANY, MANY));
    for entry in host {
        let (number, kind) = found[entry.file_name().to_str().unwrap()];
        assert_eq!(kind, 8);
        assert_eq!(filesystem.inode(number).unwrap().size, entry.metadata().unwrap().len());
    }
    let hello = lookup(filesystem, "hello.txt").unwrap();
    let visit = |_: &parity_ext2::Entry<'_>| ControlFlow::<()>::Continue(());
    assert_eq!(filesystem.scan(&hello, 0, visit), Err(Error::NotDirectory));
}

/// A scan that stops after every entry and continues from `next` gives the same names in the same order.
fn directories_entry_by_entry(filesystem: &Filesystem<Image>) {
    let many = lookup(filesystem, "/many").unwrap();
    let (mut at_once, mut one_by_one, mut offset) = (Vec::new(), Vec::new(), 0);
    let all = filesystem.scan(&many, 0, |entry| {
        at_once.push(entry.name.to_vec());
        ControlFlow::<()>::Continue(())
    });
    assert_eq!(all, Ok(None));
    while let Some((name, next)) =
        filesystem.scan(&many, offset, |entry| ControlFlow::Break((entry.name.to_vec(), entry.next))).unwrap()
    {
        assert!(next > offset);
        one_by_one.push(name);
        offset = next;
    }
    assert_eq!(at_once, one_by_one);
}

fn symbolic_links(filesystem: &Filesystem<Image>, tree: &Path) {
    let root = filesystem.inode(ROOT).unwrap();
    for name in ["short", "long", "absolute", "deep/path/up", "dangling"] {
        let link = filesystem.lookup(&root, name.as_bytes(), Follow::AllButLast).unwrap();
        assert_eq!(link.kind, FileType::Symlink);
        let target = fs::read_link(tree.join(name)).unwrap();
        assert_eq!(filesystem.read_link(&link).unwrap(), target.as_os_str().as_encoded_bytes(), "{name}");
    }
    assert_eq!(filesystem.read_link(&root), Err(Error::NotSymlink));
    for name in ["short", "long", "deep/path/up", "absolute/up", "absolute/../path/up"] {
        assert_eq!(content(filesystem, name).unwrap(), b"Hello from ext2!\n", "{name}");
    }
    let slash = filesystem.lookup(&root, b"absolute/", Follow::AllButLast).unwrap();
    assert_eq!(slash.kind, FileType::Directory);
}

fn paths(filesystem: &Filesystem<Image>) {
    let deep = lookup(filesystem, "/deep/path").unwrap();
    for path in ["/", "//", "/.", "/..", "/deep/..", "/../../deep/path/../.."] {
        assert_eq!(lookup(filesystem, path).unwrap().number, ROOT, "{path}");
    }
    for path in ["to/file/data.txt", "./to//file/../file/data.txt", "/deep/path/to/file/data.txt"] {
        assert_eq!(filesystem.lookup(&deep, path.as_bytes(), Follow::Last).unwrap().size, 20, "{path}");
    }
    let errors = [
        ("", Error::NotFound),
        ("missing", Error::NotFound),
        ("missing/further", Error::NotFound),
        ("dangling", Error::NotFound),
        ("hello.txt/", Error::NotDirectory),
        ("hello.txt/.", Error::NotDirectory),
        ("hello.txt/x", Error::NotDirectory),
        ("short/", Error::NotDirectory),
        ("not-a-directory", Error::NotDirectory),
        ("loop-a", Error::Loop),
        ("loop-b/x", Error::Loop),
    ];
    for (path, error) in errors {
        assert_eq!(lookup(filesystem, path), Err(error), "{path}");
    }
    assert_eq!(lookup(filesystem, &"n".repeat(256)), Err(Error::NameTooLong));
    assert_eq!(lookup(filesystem, &"/".repeat(4096)), Err(Error::NameTooLong));
    assert_eq!(lookup(filesystem, &"/".repeat(4095)).unwrap().number, ROOT);
}

/// A lookup follows `SYMLINKS_MAX` links and no more; loops end soon.
fn links_are_counted(filesystem: &Filesystem<Image>) {
    let most = parity_abi::limits::SYMLINKS_MAX;
    assert_eq!(lookup(filesystem, &format!("{}hello.txt", "here/".repeat(most))).unwrap().size, 17);
    assert_eq!(lookup(filesystem, &"here/".repeat(most + 1)), Err(Error::Loop));
    for path in ["loop-a", "loop-b/x", "there-and-back"] {
        filesystem.device().reads_left.set(10_000);
        assert_eq!(lookup(filesystem, path), Err(Error::Loop), "{path}");
    }
    filesystem.device().reads_left.set(READS_MAX);
}

/// A walk that crosses into another file system and back keeps its count of links.
fn walks(filesystem: &Filesystem<Image>) {
    let root = filesystem.inode(ROOT).unwrap();
    let covered = Some(lookup(filesystem, "covered").unwrap().number);
    filesystem.device().reads_left.set(10_000);
    let (mut links, mut path) = (0, b"there-and-back".to_vec());
    for crossing in 1.. {
        match filesystem.walk(&root, &path, Follow::Last, covered, &mut links) {
            Ok(Walk::Elsewhere(rest)) => path = rest[b"/../".len()..].to_vec(),
            other => {
                assert_eq!(
                    (other.err(), crossing),
                    (Some(Error::Loop), parity_abi::limits::SYMLINKS_MAX + 1)
                );
                break;
            }
        }
    }
    filesystem.device().reads_left.set(READS_MAX);
    let walk = |path: &str| filesystem.walk(&root, path.as_bytes(), Follow::Last, covered, &mut 0);
    for path in ["missing", "deep/path/missing", "dangling", "absolute/missing"] {
        assert!(matches!(walk(path), Ok(Walk::Missing)), "{path}");
    }
    for path in ["missing/", "missing/further", "no-directory"] {
        assert_eq!(walk(path).err(), Some(Error::NotFound), "{path}");
    }
    assert!(matches!(walk("covered/x/y"), Ok(Walk::Elsewhere(rest)) if rest == b"/x/y"));
}

/// A sparse file that needs tables of depth 3, with a few bytes in some places.
#[test]
fn holes_and_depth_3() {
    for block_bytes in [1024, 2048] {
        let folder = Folder::new(&format!("holes-{block_bytes}"));
        let (tree, image) = (folder.0.join("tree"), folder.0.join("image"));
        fs::create_dir(&tree).unwrap();
        let per_table = block_bytes / 4;
        let depth_3 = (12 + per_table + per_table * per_table) * block_bytes;
        let places = [5, 13 * block_bytes, (13 + per_table) * block_bytes, depth_3 - 3, depth_3 + 12_345_678];
        let sparse = fs::File::create(tree.join("sparse")).unwrap();
        for place in places {
            sparse.write_all_at(b"island", place).unwrap();
        }
        mke2fs(&tree, &image, 16 * 1024, &["-b", &block_bytes.to_string()]);
        let filesystem = open(&image);
        let inode = lookup(&filesystem, "sparse").unwrap();
        assert_eq!(inode.size, depth_3 + 12_345_678 + 6);
        assert!(u64::from(inode.sectors) < 200, "the image has no holes");
        for place in places {
            let (mut buffer, mut host) = (vec![0xaa; 5000], vec![0; 5000]);
            let start = place.saturating_sub(2000);
            let count = filesystem.read(&inode, start, &mut buffer).unwrap();
            let expected = sparse_read(&tree.join("sparse"), start, &mut host);
            assert!(buffer[..count] == host[..expected], "at {place}");
        }
        let (mut chunk, zeros, mut islands, mut offset) = (vec![0; 1 << 20], vec![0; 1 << 20], 0, 0);
        while offset < inode.size {
            let count = filesystem.read(&inode, offset, &mut chunk).unwrap();
            assert!(count > 0);
            // Comparing half a gigabyte of zeros is faster than filtering it byte by byte.
            if chunk[..count] != zeros[..count] {
                islands += chunk[..count].iter().filter(|byte| **byte != 0).count();
            }
            offset += count as u64;
        }
        assert_eq!(islands, places.len() * b"island".len());
    }
}

fn sparse_read(path: &Path, offset: u64, buffer: &mut [u8]) -> usize {
    let file = fs::File::open(path).unwrap();
    let left = file.metadata().unwrap().len() - offset;
    let len = buffer.len().min(left as usize);
    file.read_exact_at(&mut buffer[..len], offset).unwrap();
    len
}

/// Other formats: no file types in directories, small and large inodes, revision 0, and group descriptors in more than
/// one block.
#[test]
fn other_formats() {
    let formats: [&[&str]; 5] = [
        &["-O", "^filetype"],
        &["-I", "128"],
        &["-I", "512"],
        &["-E", "revision=0"],
        &["-g", "256", "-O", "^resize_inode"],
    ];
    let folder = Folder::new("formats");
    let (tree, image) = (folder.0.join("tree"), folder.0.join("image"));
    fs::create_dir(&tree).unwrap();
    fill(&tree, 1024);
    for options in formats {
        mke2fs(&tree, &image, 32 * 1024, &[&["-b", "1024", "-N", "4096"], options].concat());
        let filesystem = open(&image);
        assert_eq!(content(&filesystem, "long").unwrap(), b"Hello from ext2!\n", "{options:?}");
        let last = format!("many/a-rather-long-name-to-fill-blocks-{}", MANY - 1);
        assert_eq!(content(&filesystem, &last).unwrap(), (MANY - 1).to_string().as_bytes(), "{options:?}");
    }
}
