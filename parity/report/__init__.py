"""Results as text: one small file per format, pure functions from rows; only `terminal` prints."""
