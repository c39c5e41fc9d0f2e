//! What bytes an export is made of, and how they become UTF-8.

use std::io::{ErrorKind, Read, Write};

use anyhow::{Result, bail};
use encoding_rs::{DecoderResult, Encoding, UTF_16BE, UTF_16LE};

use crate::common::language::t;

/// How much is read at a time.
const STEP: usize = 1 << 16;

/// How many bytes are shown of what cannot be read.
const SAMPLE: u64 = 24;

/// What a file's first bytes tell of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Start {
    /// A byte order mark of UTF-8 stands before what there is.
    Marked,
    /// UTF-16, by its byte order mark or since JSON begins with a letter of ASCII.
    Wide(&'static Encoding),
    /// UTF-32.
    Wider,
    /// Nothing of the kind.
    Plain,
}

/// What the first bytes tell.
pub fn start(head: &[u8]) -> Start {
    match head {
        [0, 0, 0xfe, 0xff, ..] | [0xff, 0xfe, 0, 0, ..] | [0, 0, 0, 1..=0x7f, ..] | [1..=0x7f, 0, 0, 0, ..] => {
            Start::Wider
        }
        [0xef, 0xbb, 0xbf, ..] => Start::Marked,
        [0xff, 0xfe, ..] | [1..=0x7f, 0, ..] => Start::Wide(UTF_16LE),
        [0xfe, 0xff, ..] | [0, 1..=0x7f, ..] => Start::Wide(UTF_16BE),
        _ => Start::Plain,
    }
}

/// Where bytes stand that are no UTF-8.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bad {
    /// The line, from 1.
    pub line: u64,
    /// How many bytes stand before them in the file.
    pub offset: u64,
}

/// Where the first bytes stand that are no UTF-8; none where all are.
///
/// # Errors
/// The file cannot be read.
pub fn first_bad(reader: &mut dyn Read) -> std::io::Result<Option<Bad>> {
    let mut buffer = vec![0; STEP];
    let (mut line, mut offset, mut kept) = (1, 0, 0);
    loop {
        let read = match reader.read(&mut buffer[kept..]) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            read => read?,
        };
        let filled = &buffer[..kept + read];
        let (good, is_bad) = match std::str::from_utf8(filled) {
            Ok(_) => (filled.len(), false),
            // the end of a character may come with the next bytes
            Err(error) => (error.valid_up_to(), error.error_len().is_some() || read == 0),
        };
        line += count_lines(&filled[..good]);
        offset += good as u64;
        if is_bad {
            return Ok(Some(Bad { line, offset }));
        }
        if read == 0 {
            return Ok(None);
        }
        let end = kept + read;
        buffer.copy_within(good..end, 0);
        kept = end - good;
    }
}

fn count_lines(bytes: &[u8]) -> u64 {
    bytes.split(|byte| *byte == b'\n').count() as u64 - 1
}

/// Writes what `reader` gives as UTF-8, without a byte order mark.
///
/// # Errors
/// It cannot be read or written, or holds bytes that the encoding has no character for; the error names the line.
pub fn decode(reader: &mut dyn Read, encoding: &'static Encoding, out: &mut dyn Write) -> Result<()> {
    let mut decoder = encoding.new_decoder_with_bom_removal();
    let (mut bytes, mut text) = (vec![0; STEP], vec![0; STEP * 4]);
    let mut lines = 1;
    loop {
        let read = reader.read(&mut bytes)?;
        let mut from = 0;
        loop {
            let (result, used, written) =
                decoder.decode_to_utf8_without_replacement(&bytes[from..read], &mut text, read == 0);
            out.write_all(&text[..written])?;
            lines += count_lines(&text[..written]);
            from += used;
            match result {
                DecoderResult::InputEmpty => break,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => bail!(t!(
                    "line {lines} holds bytes that are no {}",
                    "第 {lines} 行含有不属于 {} 的字节",
                    encoding.name()
                )),
            }
        }
        if read == 0 {
            return Ok(());
        }
    }
}

/// What to do about bytes that are not UTF-8: how they would read in the encoding most usual here, and what else may be.
///
/// # Errors
/// The file cannot be read.
pub fn advice(reader: &mut dyn Read, bad: Bad) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    std::io::copy(&mut reader.take(bad.offset), &mut std::io::sink())?;
    reader.take(SAMPLE).read_to_end(&mut bytes)?;
    let (text, ..) = encoding_rs::GB18030.decode(&bytes);
    let sample: String = text.chars().take_while(|c| !c.is_ascii() && *c != '\u{fffd}').collect();
    let others = "gb18030, big5, shift_jis, windows-1252";
    Ok(match sample.as_str() {
        "" => t!(
            "export it as UTF-8, or set JSON_ENCODING to what it is ({others} ...)",
            "请以 UTF-8 重新导出，或将 JSON_ENCODING 设为其实际编码（{others} 等）"
        ),
        sample => t!(
            "in GBK it reads {sample}: where that is right, set JSON_ENCODING=gbk; else to what it is ({others} ...), or export it \
             as UTF-8",
            "按 GBK 读作“{sample}”：若正确，请设置 JSON_ENCODING=gbk；否则设为其实际编码（{others} 等），或以 UTF-8 重新导出"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_bad_bytes_are_counted_across_the_pieces_a_file_is_read_in() -> Result<()> {
        for (before, line) in [(0, 1), (3, 4), (2999, 3000), (200_000, 200_001)] {
            let mut bytes = "空气质量\n".repeat(before).into_bytes();
            assert_eq!(first_bad(&mut bytes.as_slice())?, None);
            let offset = bytes.len() as u64;
            bytes.extend(b"\xbf\xd5\n\n");
            assert_eq!(first_bad(&mut bytes.as_slice())?, Some(Bad { line, offset }));
        }
        let half = first_bad(&mut &b"a\n\xe7\xa9"[..])?;
        assert_eq!(half, Some(Bad { line: 2, offset: 2 }), "half a character at the end");
        Ok(())
    }

    #[test]
    fn what_the_first_bytes_tell() {
        for (head, expected) in [
            (&b"[{"[..], Start::Plain),
            (b"", Start::Plain),
            (b"\xef\xbb\xbf[", Start::Marked),
            (b"\xff\xfe[\0", Start::Wide(UTF_16LE)),
            (b"[\0{\0", Start::Wide(UTF_16LE)),
            (b"\0[\0{", Start::Wide(UTF_16BE)),
            (b"\xfe\xff\0[", Start::Wide(UTF_16BE)),
            (b"\xff\xfe\0\0[\0\0\0", Start::Wider),
            (b"[\0\0\0", Start::Wider),
            (b"\xbf\xd5\xc6\xf8", Start::Plain),
        ] {
            assert_eq!(start(head), expected, "{head:?}");
        }
    }

    #[test]
    fn a_file_of_any_size_is_decoded_and_its_bad_line_named() -> Result<()> {
        let text = "{\"id\": 1, \"dataset_name\": \"空气质量监测\"}\n".repeat(20_000);
        let (bytes, ..) = encoding_rs::GBK.encode(&text);
        let mut out = Vec::new();
        decode(&mut &*bytes, encoding_rs::GBK, &mut out)?;
        assert_eq!(out, text.as_bytes());
        let wide: Vec<u8> =
            std::iter::once('\u{feff}').chain(text.chars()).map(|c| c as u16).flat_map(u16::to_le_bytes).collect();
        out.clear();
        decode(&mut wide.as_slice(), UTF_16LE, &mut out)?;
        assert_eq!(out, text.as_bytes());
        let mut broken = bytes.into_owned();
        broken.extend(b"\n\xff\xff\n");
        let error = decode(&mut broken.as_slice(), encoding_rs::GBK, &mut std::io::sink()).unwrap_err();
        assert_eq!(error.to_string(), "line 20002 holds bytes that are no GBK");
        Ok(())
    }
}
