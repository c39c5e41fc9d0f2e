//! Reading the log line by line, whatever its lines are.

use std::io::{self, BufRead, Read};

/// The longest line that is read, in bytes. A list of 100 items has some 20 KB; as a JSON string, in which a byte takes up
/// to six, this still fits into the 16 MiB that DuckDB reads as one object.
pub(super) const LONGEST_LINE: u64 = 2 << 20;

/// What was read.
pub(super) struct Taken {
    /// Bytes, with the line's end; 0 at the end of the file.
    pub bytes: u64,
    /// Whether the line has an end.
    pub is_whole: bool,
    /// Whether it was longer than [`LONGEST_LINE`]: its rest was passed over.
    pub is_too_long: bool,
}

/// Reads the next line, or the first [`LONGEST_LINE`] bytes of one that is longer.
///
/// # Errors
/// The file cannot be read, or a packed one is damaged.
pub(super) fn next_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Taken> {
    line.clear();
    let mut bytes = reader.by_ref().take(LONGEST_LINE).read_until(b'\n', line)? as u64;
    let mut is_whole = line.last() == Some(&b'\n');
    let is_too_long = !is_whole && bytes == LONGEST_LINE;
    while is_too_long && !is_whole {
        let there = reader.fill_buf()?;
        if there.is_empty() {
            break;
        }
        let end = there.iter().position(|byte| *byte == b'\n');
        let passed = end.map_or(there.len(), |end| end + 1);
        is_whole = end.is_some();
        bytes += passed as u64;
        reader.consume(passed);
    }
    Ok(Taken { bytes, is_whole, is_too_long })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_costs_itself_alone() {
        let long = "x".repeat(LONGEST_LINE as usize + 70_000);
        let exact = "y".repeat(LONGEST_LINE as usize - 1);
        let text = format!("one\n{long}\n{exact}\n{long}");
        let mut reader = io::BufReader::new(text.as_bytes());
        let (mut line, mut found, mut all) = (Vec::new(), Vec::new(), 0);
        loop {
            let Taken { bytes, is_whole, is_too_long } = next_line(&mut reader, &mut line).expect("read");
            if bytes == 0 {
                break;
            }
            all += bytes;
            found.push((line[0], line.len() as u64, is_whole, is_too_long));
        }
        let expected = [
            (b'o', 4, true, false),
            (b'x', LONGEST_LINE, true, true),
            (b'y', LONGEST_LINE, true, false),
            (b'x', LONGEST_LINE, false, true),
        ];
        assert_eq!((found.as_slice(), all), (expected.as_slice(), text.len() as u64));
    }
}
