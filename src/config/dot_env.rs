//! `.env` as Docker Compose and python-dotenv read it. It is read here and not by a crate: those refuse values with spaces
//! that these two take.

use crate::common::language::either;

/// A line that names a value.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    pub line: usize,
    pub name: String,
    pub value: String,
    /// Whether the name stands alone, without a value.
    pub is_bare: bool,
    /// Whether `${…}` in it would be filled in by others, and is not here.
    pub is_filled_in: bool,
}

/// Reads `NAME=value` lines: a value may hold spaces, or stand in quotes over several lines; what follows ` #` is a comment.
/// What is wrong stands beside, with the line and without its text, which may be a secret.
pub fn entries(text: &str) -> (Vec<Entry>, Vec<(usize, &'static str)>) {
    let (mut entries, mut faults) = (Vec::new(), Vec::new());
    let no_pair = either("it is not NAME=value", "不是 NAME=value 的形式");
    let mut rest = text;
    let mut line = 1;
    while !rest.is_empty() {
        let (first, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let trimmed = first.trim();
        let exported = trimmed.strip_prefix("export").filter(|rest| rest.starts_with([' ', '\t']));
        let trimmed = exported.map_or(trimmed, str::trim_start);
        let number = line;
        (rest, line) = (after, line + 1);
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let Some((name, value)) = trimmed.split_once('=') else {
            // to Compose a bare name is the environment's, which comes first anyway
            if is_name(trimmed) {
                let (name, value) = (trimmed.to_owned(), String::new());
                entries.push(Entry { line: number, name, value, is_bare: true, is_filled_in: false });
            } else {
                faults.push((number, no_pair));
            }
            continue;
        };
        let (name, value) = (name.trim().to_owned(), value.trim());
        if name.is_empty() || name.contains(char::is_whitespace) {
            faults.push((number, no_pair));
        }
        let Some(quote) = value.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
            let comment =
                value.match_indices('#').find(|(at, _)| value[..*at].is_empty() || value[..*at].ends_with([' ', '\t']));
            let value = comment.map_or(value, |(at, _)| value[..at].trim_end());
            let (is_filled_in, value) = (value.contains("${"), value.to_owned());
            entries.push(Entry { line: number, name, value, is_bare: false, is_filled_in });
            continue;
        };
        // the quote may end on a later line
        let start = first.find(quote).unwrap_or(0) + 1;
        let open = &first[start..];
        let whole = if after.is_empty() { open.to_owned() } else { format!("{open}\n{after}") };
        let Some((value, used)) = quoted(&whole, quote) else {
            faults.push((number, either("its quote does not end", "引号没有闭合")));
            continue;
        };
        let tail = whole[used..].split('\n').next().unwrap_or_default().trim();
        if !tail.is_empty() && !tail.starts_with('#') {
            faults.push((number, either("something follows its quote", "引号之后还有内容")));
        }
        let lines = whole[..used].matches('\n').count();
        for _ in 0..lines {
            rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
        }
        line += lines;
        let is_filled_in = quote == '"' && value.contains("${");
        entries.push(Entry { line: number, name, value, is_bare: false, is_filled_in });
    }
    (entries, faults)
}

/// Whether a text is a variable's name and nothing more.
fn is_name(text: &str) -> bool {
    !text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// What stands before the closing quote, and where the text goes on behind it. In double quotes `\n`, `\"` and the like
/// stand for what they say.
fn quoted(text: &str, quote: char) -> Option<(String, usize)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((place, c)) = chars.next() {
        match c {
            c if c == quote => return Some((value.replace("\r\n", "\n"), place + c.len_utf8())),
            '\\' if quote == '"' => match chars.next()?.1 {
                'n' => value.push('\n'),
                'r' => value.push('\r'),
                't' => value.push('\t'),
                c @ ('"' | '\\' | '$' | '\'') => value.push(c),
                other => value.extend(['\\', other]),
            },
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(usize, String, String)> {
        let (entries, faults) = entries(text);
        assert_eq!(faults, [], "{text:?}");
        let valued = entries.into_iter().filter(|entry| !entry.is_bare);
        valued.map(|entry| (entry.line, entry.name, entry.value)).collect()
    }

    #[test]
    fn dot_env_is_read_as_docker_compose_reads_it() {
        let text = "# old\r\nexport A=two words # by hand\r\nB='a b=c # d'\r\nC=\"\"\r\n\r\n D = x#y \r\nE=\"say \\\"so\\\"\" # q\nF='one\ntwo'\nG=# none\nH=it's\nexport\tI=tab\t# comment\nDATA_DIR\nJ=a#b #c\n";
        let expected = [
            (2, "A", "two words"),
            (3, "B", "a b=c # d"),
            (4, "C", ""),
            (6, "D", "x#y"),
            (7, "E", "say \"so\""),
            (8, "F", "one\ntwo"),
            (10, "G", ""),
            (11, "H", "it's"),
            (12, "I", "tab"),
            (14, "J", "a#b"),
        ];
        assert_eq!(read(text), expected.map(|(line, name, value)| (line, name.to_owned(), value.to_owned())));
    }

    #[test]
    fn a_line_that_is_none_is_told_of_without_its_text() {
        let (read, faults) = entries("ADMIN TOKEN hunter2\nA='open\nB=\"x\" y\nADMIN TOKEN=3\n=5\nC=1");
        assert_eq!(
            faults,
            [
                (1, "it is not NAME=value"),
                (2, "its quote does not end"),
                (3, "something follows its quote"),
                (4, "it is not NAME=value"),
                (5, "it is not NAME=value")
            ]
        );
        assert_eq!(read.last().map(|entry| (entry.line, entry.name.as_str())), Some((6, "C")));
    }

    #[test]
    fn what_others_fill_in_is_known() {
        let filled = |text| entries(text).0.first().is_some_and(|entry| entry.is_filled_in);
        assert!(filled("A=${B}/x") && filled("A=\"${B}\"") && !filled("A='${B}'") && !filled("A=$B"));
    }
}
