//! JSON as Python and JavaScript write it where a number is none: `NaN` becomes null, `Infinity` a text.

use std::io::{BufRead, BufReader, Read, Result};

/// Passes JSON on, with what stands for no number made JSON. Line breaks stay where they are.
pub struct Lenient<R> {
    inner: BufReader<R>,
    /// What is to be passed on before anything else is read.
    pending: Vec<u8>,
    /// How much of it was.
    passed: usize,
    in_text: bool,
    is_escaped: bool,
}

impl<R: Read> Lenient<R> {
    /// Of anything that can be read.
    pub fn new(inner: R) -> Self {
        Self { inner: BufReader::new(inner), pending: Vec::new(), passed: 0, in_text: false, is_escaped: false }
    }

    /// The word that stands here, read to its end.
    fn word(&mut self) -> Result<Vec<u8>> {
        let mut word = Vec::new();
        while let Some(byte) = self.inner.fill_buf()?.first().copied() {
            if !(byte.is_ascii_alphabetic() || (word.is_empty() && byte == b'-')) || word.len() > 16 {
                break;
            }
            word.push(byte);
            self.inner.consume(1);
        }
        Ok(word)
    }

    /// How many of these bytes are passed on as they are; not all where a word begins.
    fn plain(&mut self, bytes: &[u8]) -> usize {
        for (index, byte) in bytes.iter().enumerate() {
            match (self.in_text, byte) {
                (true, _) if self.is_escaped => self.is_escaped = false,
                (true, b'\\') => self.is_escaped = true,
                (_, b'"') => self.in_text = !self.in_text,
                (false, b'N' | b'I' | b'-') => return index,
                _ => {}
            }
        }
        bytes.len()
    }
}

impl<R: Read> Read for Lenient<R> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        loop {
            let pending = &self.pending[self.passed..];
            if !pending.is_empty() {
                let count = pending.len().min(out.len());
                out[..count].copy_from_slice(&pending[..count]);
                self.passed += count;
                return Ok(count);
            }
            let ready = self.inner.fill_buf()?;
            let count = ready.len().min(out.len());
            if count == 0 {
                return Ok(0);
            }
            out[..count].copy_from_slice(&ready[..count]);
            let plain = self.plain(&out[..count]);
            self.inner.consume(plain);
            if plain > 0 {
                return Ok(plain);
            }
            let word = self.word()?;
            self.passed = 0;
            self.pending = match word.as_slice() {
                b"NaN" | b"-NaN" => b"null".to_vec(),
                b"Infinity" => b"\"Infinity\"".to_vec(),
                b"-Infinity" => b"\"-Infinity\"".to_vec(),
                _ => word,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_for_no_number_is_changed_wherever_a_read_ends() -> Result<()> {
        let text = r#"[{"a": NaN, "NaN": -Infinity, "b\"NaN": "NaN \\", "c": -5.5e-3, "d": None}, Infinity]"#;
        let expected = r#"[{"a": null, "NaN": "-Infinity", "b\"NaN": "NaN \\", "c": -5.5e-3, "d": None}, "Infinity"]"#;
        for step in [1, 2, 3, 7, 64, 4096] {
            let mut reader = Lenient::new(text.as_bytes());
            let (mut read, mut buffer) = (Vec::new(), vec![0; step]);
            loop {
                match reader.read(&mut buffer)? {
                    0 => break,
                    count => read.extend(&buffer[..count]),
                }
            }
            assert_eq!(String::from_utf8_lossy(&read), expected);
        }
        Ok(())
    }
}
