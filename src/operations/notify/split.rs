//! Texts in parts that hold so many bytes: whole paragraphs where they fit, else whole lines, else whole characters.

/// The parts of a heading and paragraphs; each begins with the heading and, where there is more than one, its number.
pub fn parts(heading: &str, paragraphs: &[String], bytes: usize) -> Vec<String> {
    let heading = start(heading, bytes / 4);
    // " (12/34)", and a new line
    let room = bytes.saturating_sub(heading.len() + 16).max(4);
    let mut parts: Vec<String> = Vec::new();
    for piece in paragraphs.iter().flat_map(|paragraph| pieces(paragraph, room)) {
        match parts.last_mut() {
            Some(last) if last.len() + 2 + piece.len() <= room => {
                last.push_str("\n\n");
                last.push_str(&piece);
            }
            _ => parts.push(piece),
        }
    }
    let count = parts.len();
    let numbered = |(index, part): (usize, String)| match count {
        1 => format!("{heading}\n{part}"),
        _ => format!("{heading} ({}/{count})\n{part}", index + 1),
    };
    parts.into_iter().enumerate().map(numbered).collect()
}

/// A paragraph, in pieces where it is too long.
fn pieces(paragraph: &str, room: usize) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    for line in paragraph.lines() {
        match pieces.last_mut() {
            Some(last) if last.len() + 1 + line.len() <= room => {
                last.push('\n');
                last.push_str(line);
            }
            _ => {
                let mut rest = line;
                while rest.len() > room {
                    let first = start(rest, room);
                    pieces.push(first.to_owned());
                    rest = &rest[first.len()..];
                }
                pieces.push(rest.to_owned());
            }
        }
    }
    pieces
}

/// The first characters of a text that hold so many bytes at most.
pub fn start(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nothing_is_lost_and_no_part_is_too_long(
            heading in "[a-z告警]{0,40}",
            paragraphs in proptest::collection::vec("[a-c数据集\n🦀 ]{1,400}", 1..20),
            bytes in 64_usize..600,
        ) {
            let parts = parts(&heading, &paragraphs, bytes);
            prop_assert!(parts.iter().all(|part| part.len() <= bytes), "{bytes}: {parts:?}");
            let without_breaks = |text: &str| text.replace('\n', "");
            let bodies: String = parts.iter().filter_map(|part| Some(without_breaks(part.split_once('\n')?.1))).collect();
            prop_assert_eq!(bodies, without_breaks(&paragraphs.concat()));
        }
    }

    #[test]
    fn paragraphs_stay_together_where_they_fit() {
        let long = "x".repeat(40);
        let three = [long.clone(), long.clone(), long];
        let parts = parts("two", &three, 105);
        assert_eq!(parts.len(), 2);
        assert!(parts[0].starts_with("two (1/2)\n") && parts[1].starts_with("two (2/2)\n"), "{parts:?}");
        assert_eq!(super::parts("one", &["short".to_owned()], 2048), ["one\nshort"]);
    }
}
