//! Failing allocations: an operation gives a typed error, no matter which allocation fails.
#![allow(clippy::unwrap_used)] // helpers of tests are not `#[test]` functions themselves

#[expect(dead_code, reason = "other tests use the rest")]
mod image;

use image::{Folder, mke2fs};
use parity_ext2::{BlockDevice, Error, Filesystem, Follow, ROOT};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::symlink;

thread_local! {
    /// This many more allocations of this thread succeed.
    static ALLOCATIONS_LEFT: Cell<usize> = const { Cell::new(usize::MAX) };
}

struct Limited;

// SAFETY: it either refuses an allocation or passes it to the system's allocator.
unsafe impl GlobalAlloc for Limited {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(left) = ALLOCATIONS_LEFT.get().checked_sub(1) else { return std::ptr::null_mut() };
        ALLOCATIONS_LEFT.set(left);
        // SAFETY: the caller's contract is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: `pointer` comes from `System.alloc` with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Limited = Limited;

/// A device in memory, which allocates nothing.
struct Bytes(Vec<u8>);

impl BlockDevice for Bytes {
    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        let start = usize::try_from(offset).map_err(|_| Error::Io)?;
        buffer.copy_from_slice(self.0.get(start..start + buffer.len()).ok_or(Error::Io)?);
        Ok(())
    }
}

/// Repeats an operation with 0, 1, 2 … allocations until it succeeds; its result, and the number of failures.
fn with_ever_more_memory<T>(operation: impl Fn() -> Result<T, Error>) -> (T, usize) {
    for allocations in 0.. {
        ALLOCATIONS_LEFT.set(allocations);
        let result = operation();
        ALLOCATIONS_LEFT.set(usize::MAX);
        match result {
            Ok(value) => return (value, allocations),
            Err(error) => assert_eq!(error, Error::NoMemory, "with {allocations} allocations"),
        }
    }
    unreachable!("some number of allocations suffices")
}

#[test]
fn every_allocation_may_fail() {
    let folder = Folder::new("memory");
    let (tree, image) = (folder.0.join("tree"), folder.0.join("image"));
    fs::create_dir_all(tree.join("sub")).unwrap();
    fs::write(tree.join("sub/file"), "content").unwrap();
    symlink("sub/file", tree.join("short")).unwrap();
    symlink(format!("{}short", "./".repeat(60)), tree.join("long")).unwrap();
    mke2fs(&tree, &image, 512, &["-b", "1024", "-N", "32"]);
    let filesystem = Filesystem::mount(Bytes(fs::read(&image).unwrap())).unwrap();
    let root = filesystem.inode(ROOT).unwrap();
    let find = |name: &[u8], follow| filesystem.lookup(&root, name, follow);

    for path in ["sub/file", "short", "long"] {
        let (inode, failed) = with_ever_more_memory(|| find(path.as_bytes(), Follow::Last));
        assert_eq!(inode.size, 7, "{path}");
        assert!(failed > 0, "{path}: nothing was allocated");
    }
    for (name, len) in [("short", 8), ("long", 125)] {
        let link = find(name.as_bytes(), Follow::AllButLast).unwrap();
        let (target, failed) = with_ever_more_memory(|| filesystem.read_link(&link));
        assert_eq!((target.len(), failed), (len, 1), "{name}");
    }
    let scan = || filesystem.scan(&root, 0, |entry| ControlFlow::Break(entry.inode));
    assert_eq!(with_ever_more_memory(scan), (Some(ROOT), 1));
}
