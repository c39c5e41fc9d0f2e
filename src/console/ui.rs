//! For whom a page is made: language, colours, place.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use chrono_tz::Tz;
use url::form_urlencoded::{Serializer, parse};

use super::pages::session;
use crate::common::language::Language;
use crate::serve::{Reader, Shared};

/// The cookies that keep a choice.
const CHOICES: [(&str, &[&str]); 2] = [("lang", &["zh", "en"]), ("theme", &["auto", "light", "dark"])];

/// For whom a page is made; whoever may not see figures gets none.
#[derive(Clone, Debug)]
pub struct Ui {
    /// The language chosen, else what the browser prefers.
    pub language: Language,
    /// auto, light or dark.
    pub theme: &'static str,
    /// The page's own address: path and query.
    pub address: String,
    /// Where its days and times are: REPORT_TIMEZONE.
    pub zone: Tz,
}

impl Ui {
    /// What is said in this language.
    pub fn say<'a>(&self, english: &'a str, chinese: &'a str) -> &'a str {
        if self.is_chinese() { chinese } else { english }
    }

    /// Whether it is Chinese.
    pub fn is_chinese(&self) -> bool {
        self.language == Language::Chinese
    }

    /// The value of a parameter of the address as it stands there, undecoded.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let (_, query) = self.address.split_once('?')?;
        query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// The page's address with other values of some parameters; an empty one is left out.
    pub fn with(&self, changes: &[(&str, &str)]) -> String {
        let (path, query) = self.address.split_once('?').unwrap_or((&self.address, ""));
        let kept = parse(query.as_bytes()).filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
        let mut all = Serializer::new(String::new());
        all.extend_pairs(kept).extend_pairs(changes.iter().filter(|(_, value)| !value.is_empty()));
        let query = all.finish();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }

    /// The page's address with one more choice, which is then kept.
    pub fn choosing(&self, name: &str, value: &str) -> String {
        let joint = if self.address.contains('?') { '&' } else { '?' };
        format!("{}{joint}{name}={value}", self.address)
    }
}

impl FromRequestParts<Shared> for Ui {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, Response> {
        let ui = Self::of(parts, state).map_err(|chosen| *chosen)?;
        match Reader::from_request_parts(parts, state).await {
            Ok(Reader) => Ok(ui),
            Err(refused) if refused.status() == StatusCode::UNAUTHORIZED => Err(session::ask(&ui)),
            Err(refused) => Err(refused),
        }
    }
}

impl Ui {
    /// For whoever sent a request, whatever they may see.
    ///
    /// # Errors
    /// The address makes a choice; the answer keeps it.
    pub fn of(parts: &Parts, state: &Shared) -> Result<Self, Box<Response>> {
        let address = parts.uri.path_and_query().map_or("/console", |all| all.as_str()).to_owned();
        if let Some(chosen) = choose(&address) {
            return Err(Box::new(chosen));
        }
        let language = match cookie(&parts.headers, "lang") {
            Some("zh") => Language::Chinese,
            Some("en") => Language::English,
            _ => accepted(&parts.headers),
        };
        let theme = cookie(&parts.headers, "theme");
        let theme = CHOICES[1].1.iter().find(|known| Some(**known) == theme).copied().unwrap_or("auto");
        let zone = state.config.parameters.report_timezone.parse().unwrap_or(Tz::UTC);
        Ok(Self { language, theme, address, zone })
    }
}

/// Keeps the choice that an address makes, and leads to the same address without it.
fn choose(address: &str) -> Option<Response> {
    let (path, query) = address.split_once('?')?;
    let (name, value) = query.split('&').find_map(choice)?;
    let rest: Vec<&str> = query.split('&').filter(|part| choice(part).is_none_or(|(other, _)| other != name)).collect();
    let place = if rest.is_empty() { path.to_owned() } else { format!("{path}?{}", rest.join("&")) };
    let kept = format!("nearset_{name}={value}; Path=/; Max-Age=31536000; SameSite=Lax");
    Some(([(header::SET_COOKIE, kept)], Redirect::to(&place)).into_response())
}

/// The choice that a part of a query makes, if it makes one.
fn choice(part: &str) -> Option<(&str, &str)> {
    let (name, value) = part.split_once('=')?;
    CHOICES.iter().any(|(choice, values)| *choice == name && values.contains(&value)).then_some((name, value))
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = all.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.into_iter().find_map(|(key, value)| (key.strip_prefix("nearset_") == Some(name)).then_some(value))
}

/// The first language of Accept-Language that is spoken here.
fn accepted(headers: &HeaderMap) -> Language {
    let wanted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let first = wanted
        .split(',')
        .map(|one| one.trim().to_lowercase())
        .find(|one| one.starts_with("zh") || one.starts_with("en"));
    if first.is_some_and(|one| one.starts_with("zh")) { Language::Chinese } else { Language::English }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_changes_by_its_parameters() {
        let address = "/console/datasets?words=%E5%9C%B0%E5%9B%BE&page=3".to_owned();
        let ui = Ui { language: Language::English, theme: "auto", address, zone: Tz::UTC };
        assert_eq!(ui.with(&[("page", "4")]), "/console/datasets?words=%E5%9C%B0%E5%9B%BE&page=4");
        assert_eq!(ui.with(&[("page", ""), ("words", "")]), "/console/datasets");
        assert_eq!(ui.choosing("lang", "zh"), "/console/datasets?words=%E5%9C%B0%E5%9B%BE&page=3&lang=zh");
    }
}
