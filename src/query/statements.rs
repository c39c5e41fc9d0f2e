//! A text with any number of statements, parted as DuckDB's own scanner parts it: quotes, dollar quotes and nested comments
//! hide what is in them. `\G` ends a statement, too, and asks for its rows one below the other.

use std::ops::Range;

/// What a token is, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A keyword or a name, as it is written.
    Word,
    /// A name in double quotes.
    Name,
    /// A string in any quotes.
    Text,
    /// `--` to the line's end, or `/* … */`.
    Comment,
    /// `;`
    End,
    /// `\G`
    VerticalEnd,
    /// Anything else: an operator, a number's digit, a bracket.
    Mark,
}

/// A part of a text; blanks between tokens belong to none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Its bytes.
    pub place: Range<usize>,
}

/// A statement in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// From its first token to its last, without comments around it and what ends it.
    pub place: Range<usize>,
    /// Whether `\G` ends it.
    pub is_vertical: bool,
}

/// The tokens of a text, in order.
pub fn tokens(text: &str) -> impl Iterator<Item = Token> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        at += text[at..].find(|c: char| !is_blank(c))?;
        let (kind, length) = token(&text[at..]);
        let place = at..at + length;
        at = place.end;
        Some(Token { kind, place })
    })
}

/// The statements of a text; what holds nothing but comments is none.
pub fn statements(text: &str) -> Vec<Statement> {
    let mut found = Vec::new();
    let mut open: Option<Range<usize>> = None;
    for Token { kind, place } in tokens(text) {
        match kind {
            Kind::Comment => {}
            Kind::End | Kind::VerticalEnd => {
                found.extend(open.take().map(|place| Statement { place, is_vertical: kind == Kind::VerticalEnd }));
            }
            _ => open = Some(open.map_or(place.start, |open| open.start)..place.end),
        }
    }
    found.extend(open.map(|place| Statement { place, is_vertical: false }));
    found
}

/// Whether a text ends where a statement does: nothing more has to be typed.
pub fn is_complete(text: &str) -> bool {
    let mut last = None;
    for Token { kind, place } in tokens(text) {
        match kind {
            Kind::Comment if text[place.clone()].starts_with("/*") && !text[place].ends_with("*/") => return false,
            Kind::Comment => {}
            kind => last = Some(kind),
        }
    }
    last.is_none_or(|last| matches!(last, Kind::End | Kind::VerticalEnd))
}

/// The first word of a statement, in small letters.
pub fn first_word(statement: &str) -> String {
    let word = tokens(statement).find(|token| token.kind == Kind::Word);
    word.map_or_else(String::new, |word| statement[word.place].to_lowercase())
}

/// As DuckDB has it: blanks of Unicode part words, too.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || c == '\u{feff}' || c == '\u{200b}'
}

fn begins_word(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || (!c.is_ascii() && !is_blank(c))
}

fn goes_on(c: char) -> bool {
    begins_word(c) || c.is_ascii_digit() || c == '$'
}

/// What stands at the beginning of a text that is not empty, and how many bytes it takes.
fn token(text: &str) -> (Kind, usize) {
    let first = text.chars().next().unwrap_or_default();
    let word = || text.find(|c| !goes_on(c)).unwrap_or(text.len());
    match first {
        ';' => (Kind::End, 1),
        '\\' if text.starts_with("\\G") => (Kind::VerticalEnd, 2),
        '\'' => (Kind::Text, quoted(text, '\'')),
        '"' => (Kind::Name, quoted(text, '"')),
        '-' if text.starts_with("--") => (Kind::Comment, text.find(['\n', '\r']).unwrap_or(text.len())),
        '/' if text.starts_with("/*") => (Kind::Comment, comment(text)),
        '$' => dollar_quoted(text).map_or((Kind::Mark, 1), |length| (Kind::Text, length)),
        'e' | 'E' if text[1..].starts_with('\'') => (Kind::Text, 1 + escaped(&text[1..])),
        _ if begins_word(first) => (Kind::Word, word()),
        _ => (Kind::Mark, first.len_utf8()),
    }
}

/// The length of what stands in quotes, in which a doubled quote stands for itself.
fn quoted(text: &str, quote: char) -> usize {
    let mut at = 1;
    while let Some(end) = text[at..].find(quote) {
        at += end + 1;
        if !text[at..].starts_with(quote) {
            return at;
        }
        at += 1;
    }
    text.len()
}

/// The length of a string with backslashes, also where it goes on in quotes on a later line.
fn escaped(text: &str) -> usize {
    let mut at = 1;
    loop {
        match text[at..].find(['\'', '\\']).map(|found| at + found) {
            None => return text.len(),
            Some(place) if text[place..].starts_with('\\') => {
                at = place + 1 + text[place + 1..].chars().next().map_or(0, char::len_utf8);
            }
            Some(place) if text[place + 1..].starts_with('\'') => at = place + 2,
            Some(place) => {
                let rest = &text[place + 1..];
                let blanks = rest.find(|c: char| !c.is_ascii_whitespace()).unwrap_or(rest.len());
                if !rest[blanks..].starts_with('\'') || !rest[..blanks].contains(['\n', '\r']) {
                    return place + 1;
                }
                at = place + 1 + blanks + 1;
            }
        }
    }
}

/// The length of a comment, in which others may be.
fn comment(text: &str) -> usize {
    let (mut at, mut depth) = (2, 1);
    while let Some(found) = text[at..].find(['*', '/']) {
        at += found;
        if text[at..].starts_with("/*") {
            (at, depth) = (at + 2, depth + 1);
        } else if text[at..].starts_with("*/") {
            (at, depth) = (at + 2, depth - 1);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// The length of `$tag$ … $tag$`, where that is one.
fn dollar_quoted(text: &str) -> Option<usize> {
    let tag = &text[1..=text[1..].find('$')?];
    let is_tag = tag.chars().all(goes_on) && tag.chars().next().is_none_or(begins_word);
    let mark = &text[..tag.len() + 2];
    is_tag.then(|| text[mark.len()..].find(mark).map_or(text.len(), |end| end + 2 * mark.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts(text: &str) -> Vec<&str> {
        statements(text).into_iter().map(|one| &text[one.place]).collect()
    }

    #[test]
    fn what_quotes_and_comments_hide_parts_nothing() {
        for (text, expected) in [
            ("select 1; select 2", &["select 1", "select 2"][..]),
            (" ;; -- nothing\n/* ; */;", &[]),
            ("select ';', 'it''s;', \"a;\"\"b\"; select 2;", &["select ';', 'it''s;', \"a;\"\"b\"", "select 2"]),
            ("select /* a /* b; */ ; */ 1; select 2", &["select /* a /* b; */ ; */ 1", "select 2"]),
            ("-- a; b\nselect 1 -- c; d", &["select 1"]),
            ("select $$a;b$$, $中$;$$;$中$; select $1", &["select $$a;b$$, $中$;$$;$中$", "select $1"]),
            ("select 1 as a$b$c; select 2 as d$b$", &["select 1 as a$b$c", "select 2 as d$b$"]),
            (
                "select e'a\\';b', E'\\\\'; select 'a\\'; select 3",
                &["select e'a\\';b', E'\\\\'", "select 'a\\'", "select 3"],
            ),
            ("select e'a'\n'b\\';c'; select 2", &["select e'a'\n'b\\';c'", "select 2"]),
            ("select '中文；'；", &["select '中文；'；"]),
            ("select 1 /* left open; ", &["select 1"]),
            ("select 'left open; ", &["select 'left open; "]),
        ] {
            assert_eq!(parts(text), expected, "{text}");
        }
    }

    #[test]
    fn a_backslash_and_a_letter_end_a_statement_outside_of_quotes_alone() {
        let text = "select 1\\G select '\\G'; select 3";
        let found: Vec<(&str, bool)> =
            statements(text).into_iter().map(|one| (&text[one.place], one.is_vertical)).collect();
        assert_eq!(found, [("select 1", true), ("select '\\G'", false), ("select 3", false)]);
    }

    #[test]
    fn a_text_is_complete_where_a_statement_ends() {
        for text in ["", "-- a", "select 1;", "select 1; -- done", "select ';';", "select 1\\G"] {
            assert!(is_complete(text), "{text}");
        }
        for text in ["select 1", "select ';", "select 1 -- ;", "select 1; select", "$$;", "/* ;"] {
            assert!(!is_complete(text), "{text}");
        }
        assert_eq!(first_word("/* a */ -- b\n Describe x"), "describe");
    }

    proptest! {
        /// DuckDB's parser finds as many statements in the whole as in its parts one by one: wherever it takes the text.
        #[test]
        fn statements_are_parted_as_duckdb_parts_them(
            pieces in prop::collection::vec(prop::sample::select(&[
                ";", "'", "''", "\"", "$$", "$a$", "$", "--", "\n", "/*", "*/", "\\", "e'", "E'a\\'", "select 1", " as ", "a",
                "a$b", "中", "1", "-", "*", ",", " ", "\t", "'x;y'", "\"p;q\"", "from range(2)", "\u{a0}",
            ][..]), 0..14),
        ) {
            let text = pieces.concat();
            let db = crate::warehouse::small().expect("DuckDB");
            let count = |text: &str| -> Option<u64> {
                let sql = "select json_array_length(tree, '$.statements')
                           from (select json_serialize_sql(cast(? as varchar)) as tree) where not (tree->>'error')::boolean";
                db.query_row(sql, [text], |row| row.get(0)).ok()
            };
            if let Some(whole) = count(&text) {
                let parts = parts(&text);
                prop_assert_eq!(whole, parts.len() as u64, "{}", &text);
                for part in parts {
                    prop_assert_eq!(count(part), Some(1), "{} of {}", part, &text);
                }
            }
        }
    }
}
