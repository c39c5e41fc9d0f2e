//! The forms in which versions were ever written, and which nearset reads each. Whoever changes [`FORMAT`](crate::model::FORMAT)
//! adds a row, and to those that are not read any more the last release that did.

use serde::Deserialize;

use crate::common::language::t;

/// One form of a version's files.
struct Form {
    number: u32,
    /// The first release that reads it.
    since: &'static str,
    /// The last release that reads it; `None` where this one does.
    until: Option<&'static str>,
}

/// All of them, the oldest first.
const FORMS: [Form; 4] = [
    Form { number: 1, since: "0.1.0-alpha", until: Some("0.1.0-alpha") },
    Form { number: 2, since: "0.1.0-alpha", until: Some("0.1.0-alpha") },
    // before the manifest had a checksum of its own
    Form { number: 3, since: "0.1.0", until: None },
    Form { number: 4, since: "0.1.0", until: None },
];

/// Whether this program reads versions of that form.
pub fn is_read(format: u32) -> bool {
    FORMS.iter().any(|form| form.number == format && form.until.is_none())
}

/// Which nearset reads a version of that form, which `writer` wrote, in words: "nearset 0.1.0".
pub fn readers(format: u32, writer: &str) -> String {
    match FORMS.iter().find(|form| form.number == format) {
        Some(Form { since, until: Some(until), .. }) if since == until => format!("nearset {since}"),
        Some(Form { since, until: Some(until), .. }) => t!("nearset {since} to {until}", "nearset {since} 至 {until}"),
        Some(Form { since, until: None, .. }) => t!("nearset {since} or newer", "nearset {since} 或更新版本"),
        // newer than all that are known here: whoever wrote it reads it
        None => t!("nearset {writer} or newer", "nearset {writer} 或更新版本"),
    }
}

/// What every manifest says, of whatever form.
#[derive(Deserialize)]
struct Stamp {
    #[serde(default)]
    format: u32,
    nearset_version: String,
}

/// What is said of a manifest that cannot be understood because it is of a form that is not read; `None` where it is of one
/// that is.
pub(super) fn unread_text(text: &[u8]) -> Option<String> {
    let stamp: Stamp = serde_json::from_slice(text).ok()?;
    (!is_read(stamp.format)).then(|| unread(stamp.format, &stamp.nearset_version))
}

/// Why this program does not read a version of a form, which one does, and what to do.
pub fn unread(format: u32, writer: &str) -> String {
    t!(
        "it is of form {format}, written by nearset {writer}, and this is {}; {} reads it, and `nearset run` trains a version that \
         this one can read",
        "其格式为 {format}，由 nearset {writer} 写成，而本程序是 {}；{} 能读；用 `nearset run` 可训练一个本程序能读的版本",
        env!("CARGO_PKG_VERSION"),
        readers(format, writer)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FORMAT;

    #[test]
    fn what_is_written_is_read_and_every_form_has_its_row() {
        assert!(is_read(FORMAT) && FORMS.last().is_some_and(|form| form.number == FORMAT));
        assert!((1..).zip(&FORMS).all(|(number, form)| form.number == number));
        assert_eq!(readers(2, "0.1.0"), "nearset 0.1.0-alpha");
        assert_eq!(readers(99, "7.0.0"), "nearset 7.0.0 or newer");
        assert!(!is_read(99) && !is_read(2));
    }
}
