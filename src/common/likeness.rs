//! What a name that is none was probably meant to be.

use crate::common::language::t;

/// From how like two names are (Jaro-Winkler, 1 where they are the same) one may be a slip for the other.
const LIKE: f64 = 0.85;

/// What `name` was probably meant to be, as an end to the sentence that refuses it; empty where nothing is near.
pub fn hint<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let near = known
        .map(|other| (strsim::jaro_winkler(other, name), other))
        .filter(|(likeness, _)| *likeness > LIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    near.map(|(_, other)| t!("; did you mean {other}?", "；是否指 {other}？")).unwrap_or_default()
}

/// Which of the known names one misses by a letter (by two, where it is long); none where it is known itself. Stricter than
/// [`hint`], for names that may well be somebody else's.
pub fn near_miss<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let misses = |other: &str| strsim::damerau_levenshtein(other, name);
    let nearest = known.map(|other| (misses(other), other)).min_by_key(|(distance, _)| *distance);
    nearest.filter(|(distance, other)| *distance > 0 && distance * 6 <= other.len().min(12)).map(|(_, other)| other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_told_and_another_name_is_not() {
        let known = || ["CACHE_MB", "LISTEN", "DATA_DIR", "BUSINESS_DB_PASSWORD"].into_iter();
        assert_eq!(hint("CAHCE_MB", known()), "; did you mean CACHE_MB?");
        assert_eq!(hint("colour", known()), "");
        for (name, near) in [
            ("CAHCE_MB", Some("CACHE_MB")),
            ("LISTENS", Some("LISTEN")),
            ("BUSINES_DB_PASWORD", Some("BUSINESS_DB_PASSWORD")),
            ("LISTEN", None),
            ("LISTEN_FDS", None),
            ("HF_HUB_OFFLINE", None),
            ("DATA_MIN", None),
        ] {
            assert_eq!(near_miss(name, known()), near, "{name}");
        }
    }
}
