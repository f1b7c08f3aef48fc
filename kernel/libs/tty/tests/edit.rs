//! Typed keys, their echo, and the lines that a reader gets.

use parity_tty::{LINE_MAX, LineEditor, WAITING_MAX};

/// Types all of `keys` and returns the echo.
fn typed(editor: &mut LineEditor, keys: &[u8]) -> Vec<u8> {
    let mut shown = Vec::new();
    for key in keys {
        editor.input(*key, |bytes| shown.extend_from_slice(bytes));
    }
    shown
}

/// One read into a buffer of `size` bytes.
fn read(editor: &mut LineEditor, size: usize) -> Option<Vec<u8>> {
    let mut buffer = vec![0xaa; size];
    let count = editor.read(&mut buffer)?;
    buffer.truncate(count);
    Some(buffer)
}

#[test]
fn nothing_can_be_read_before_the_line_ends() {
    let mut editor = LineEditor::default();
    assert_eq!(typed(&mut editor, b"ls"), b"ls");
    assert_eq!(read(&mut editor, 10), None);
    assert_eq!(typed(&mut editor, b"\r"), b"\n");
    assert_eq!(read(&mut editor, 10), Some(b"ls\n".to_vec()));
    assert_eq!(read(&mut editor, 10), None);
}

#[test]
fn a_read_gives_one_line_or_a_part_of_it() {
    let mut editor = LineEditor::default();
    typed(&mut editor, b"one\ntwo\n");
    assert_eq!(read(&mut editor, 2), Some(b"on".to_vec()));
    assert_eq!(read(&mut editor, 10), Some(b"e\n".to_vec()));
    assert_eq!(read(&mut editor, 0), Some(Vec::new()));
    assert_eq!(read(&mut editor, 10), Some(b"two\n".to_vec()));
}

#[test]
fn corrections() {
    let mut editor = LineEditor::default();
    assert_eq!(typed(&mut editor, b"cax\x7ft\n"), b"cax\x08 \x08t\n");
    assert_eq!(read(&mut editor, 10), Some(b"cat\n".to_vec()));
    assert_eq!(typed(&mut editor, b"\x08a\x08\x08b\n"), b"a\x08 \x08b\n");
    assert_eq!(read(&mut editor, 10), Some(b"b\n".to_vec()));
    assert_eq!(typed(&mut editor, "é\x7f\n".as_bytes()), "é\x08 \x08\n".as_bytes());
    assert_eq!(read(&mut editor, 10), Some(b"\n".to_vec()));
    assert_eq!(typed(&mut editor, b"ab\x15c\n"), b"ab\x08 \x08\x08 \x08c\n");
    assert_eq!(read(&mut editor, 10), Some(b"c\n".to_vec()));
    assert_eq!(typed(&mut editor, b"rm\x03\x1bx\n"), b"rm^C\nx\n");
    assert_eq!(read(&mut editor, 10), Some(b"x\n".to_vec()));
}

#[test]
fn an_end_of_input_ends_what_was_typed() {
    let mut editor = LineEditor::default();
    assert_eq!(typed(&mut editor, b"\x04"), b"");
    assert_eq!(read(&mut editor, 10), Some(Vec::new()));
    assert_eq!(read(&mut editor, 10), None);
    typed(&mut editor, b"abc\x04d\n");
    assert_eq!(read(&mut editor, 3), Some(b"abc".to_vec()));
    assert_eq!(read(&mut editor, 10), Some(b"d\n".to_vec()));
    typed(&mut editor, b"abc\x04");
    assert_eq!(read(&mut editor, 10), Some(b"abc".to_vec()));
    assert_eq!(read(&mut editor, 10), None);
}

#[test]
fn what_finds_no_room_is_refused_audibly() {
    let mut editor = LineEditor::default();
    assert_eq!(typed(&mut editor, &[b'a'; LINE_MAX]), [b'a'; LINE_MAX]);
    assert_eq!(typed(&mut editor, b"b"), b"\x07");
    assert_eq!(typed(&mut editor, b"\n"), b"\n");
    let lines = WAITING_MAX / (LINE_MAX + 1);
    for _ in 1..lines {
        typed(&mut editor, &[&[b'a'; LINE_MAX], b"\n".as_slice()].concat());
    }
    assert_eq!(typed(&mut editor, b"\n"), b"\x07");
    for _ in 0..lines {
        assert_eq!(read(&mut editor, WAITING_MAX).map(|line| line.len()), Some(LINE_MAX + 1));
    }
    assert_eq!(read(&mut editor, 1), None);
    assert_eq!(typed(&mut editor, b"\n"), b"\n");
}
