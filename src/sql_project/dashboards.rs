//! Dashboards: views side by side, as `views/dashboards.toml` lists them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;
use toml::{Spanned, Value};

use super::source_file::inside;
use super::{Chart, Problem, Project};
use crate::common::files;
use crate::common::language::{Language, t};
use crate::common::likeness::hint;

/// Where they stand, in the project.
pub(super) const FILE: &str = "views/dashboards.toml";

/// All dashboards, in the order of their file.
#[derive(Debug, Default)]
pub struct Dashboards {
    /// Each with its panels.
    pub all: Vec<Dashboard>,
    text: String,
}

/// Views side by side.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dashboard {
    name: Spanned<String>,
    /// What it is called.
    pub title: Text,
    /// What it is for.
    #[serde(default)]
    pub description: Text,
    /// What stands on it, the first first.
    pub panels: Vec<Panel>,
}

/// A view on a dashboard.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Panel {
    view: Spanned<String>,
    /// What stands above it; the view's own description where nothing else is said.
    pub title: Option<Text>,
    /// How much of the page's width it takes.
    #[serde(default)]
    pub width: Width,
    chart: Option<Spanned<String>>,
    /// Only rows whose columns have these values; one of several where it is a list.
    #[serde(default)]
    pub filter: BTreeMap<String, Value>,
}

/// How wide a panel is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Width {
    /// As wide as the page.
    Full,
    /// Two beside each other.
    #[default]
    Half,
    /// Three beside each other.
    Third,
}

/// What is said, in both languages or in one for all.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Text {
    /// The same for all.
    One(String),
    /// `{ en = "…", zh = "…" }`
    Both {
        /// In English.
        en: String,
        /// In Chinese.
        zh: String,
    },
}

impl Default for Text {
    fn default() -> Self {
        Self::One(String::new())
    }
}

impl Text {
    /// It in a language.
    pub fn of(&self, language: Language) -> &str {
        match (self, language) {
            (Self::One(text), _) => text,
            (Self::Both { en, .. }, Language::English) => en,
            (Self::Both { zh, .. }, Language::Chinese) => zh,
        }
    }
}

impl Dashboard {
    /// Its name in addresses.
    pub fn name(&self) -> &str {
        self.name.get_ref()
    }
}

impl Panel {
    /// The view that it shows.
    pub fn view(&self) -> &str {
        self.view.get_ref()
    }

    /// How it draws it, where that is not as the view's header says.
    ///
    /// # Errors
    /// It is no chart.
    pub fn chart(&self) -> Result<Option<Chart>> {
        self.chart.as_ref().map(|chart| Chart::read(chart.get_ref())).transpose()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    dashboard: Vec<Dashboard>,
}

impl Dashboards {
    /// Reads `views/dashboards.toml` of the folder `project`; without one that of the working folder, else the program's own.
    ///
    /// # Errors
    /// It cannot be read or understood; the error names the line.
    pub fn read(project: Option<&Path>) -> Result<Self, Problem> {
        let own = files::read_text(&Self::place(project));
        let own = own.map_err(|error| Problem::of_file(Path::new(FILE), format!("{error:#}")))?;
        let ours = || inside().find(|(file, _)| file == Path::new(FILE)).map(|(_, text)| text.to_owned());
        Self::parse(own.or_else(|| if project.is_none() { ours() } else { None }).unwrap_or_default())
    }

    /// The file that somebody may write: in the project, or in the working folder.
    pub fn place(project: Option<&Path>) -> PathBuf {
        project.unwrap_or(Path::new(".")).join(FILE)
    }

    fn parse(text: String) -> Result<Self, Problem> {
        match toml::from_str::<File>(&text) {
            Ok(File { dashboard }) => Ok(Self { all: dashboard, text }),
            Err(error) => {
                let start = error.span().map_or(0, |span| span.start);
                Err(Problem::at_byte(Path::new(FILE), &text, start, error.message().trim_end()))
            }
        }
    }

    /// The dashboard of that name.
    ///
    /// # Errors
    /// There is none.
    pub fn get(&self, name: &str) -> Result<&Dashboard> {
        self.all.iter().find(|one| one.name() == name).with_context(|| {
            let hint = hint(name, self.all.iter().map(Dashboard::name));
            t!("{FILE} has no dashboard {name}{hint}", "{FILE} 里没有看板 {name}{hint}")
        })
    }

    /// What is wrong with them in this project: names that are none or there twice, views that are not there, charts that are
    /// none.
    pub fn problems(&self, project: &Project) -> Vec<Problem> {
        let relations = project.relations.iter().map(|relation| relation.name.as_str());
        self.problems_among(&relations.chain(project.broken.iter().map(|broken| broken.name.as_str())).collect())
    }

    fn problems_among(&self, views: &BTreeSet<&str>) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut names = BTreeSet::new();
        let mut tell = |place: &Spanned<String>, what: String| {
            problems.push(Problem::at_byte(Path::new(FILE), &self.text, place.span().start, what));
        };
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c);
        for dashboard in &self.all {
            let name = dashboard.name();
            if name.is_empty() || !name.chars().all(is_plain) {
                tell(
                    &dashboard.name,
                    t!("a dashboard's name is made of a-z, 0-9, _ and -", "看板名只能由 a-z、0-9、_ 和 - 组成"),
                );
            } else if !names.insert(name) {
                tell(&dashboard.name, t!("the dashboard {name} is there twice", "看板 {name} 出现两次"));
            }
            for panel in &dashboard.panels {
                if !views.contains(panel.view()) {
                    let hint = hint(panel.view(), views.iter().copied());
                    tell(&panel.view, t!("no view {}{hint}", "没有视图 {}{hint}", panel.view()));
                }
                if let (Some(place), Err(error)) = (&panel.chart, panel.chart()) {
                    tell(place, error.to_string());
                }
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Dashboards::parse(text.to_owned()).expect_err("a mistake").to_string()
    }

    #[test]
    fn a_title_is_in_both_languages_or_one_for_all() -> Result<()> {
        let text = "[[dashboard]]\nname = \"a\"\ntitle = { en = \"Orders\", zh = \"订单\" }\n\
            panels = [{ view = \"x\", title = \"X\", width = \"full\", filter = { stage = [\"a\", \"b\"] } }]";
        let read = Dashboards::parse(text.to_owned())?;
        let one = read.get("a")?;
        assert_eq!((one.title.of(Language::English), one.title.of(Language::Chinese)), ("Orders", "订单"));
        assert_eq!(one.panels[0].title.as_ref().map(|title| title.of(Language::Chinese)), Some("X"));
        assert_eq!((one.panels[0].width, one.panels[0].filter.len()), (Width::Full, 1));
        let missing = read.get("b").expect_err("none").to_string();
        assert!(missing.starts_with("views/dashboards.toml has no dashboard b"), "{missing}");
        Ok(())
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let head = "# 看板\n[[dashboard]]\nname = \"a\"\ntitle = \"A\"\n";
        assert!(error(&format!("{head}panel = []")).starts_with("views/dashboards.toml:5: unknown field `panel`"));
        assert!(error(&format!("{head}panels = [")).starts_with("views/dashboards.toml:5: "));
        let text = format!(
            "{head}panels = [\n  {{ view = \"covrage\" }},\n  {{ view = \"coverage\", chart = \"lines x=a y=b\" }},\n]\n\
             [[dashboard]]\nname = \"a\"\ntitle = \"B\"\npanels = []\n[[dashboard]]\nname = \"A b\"\ntitle = \"B\"\npanels = []\n"
        );
        let read = Dashboards::parse(text).expect("a file");
        let said: Vec<_> = read
            .problems_among(&BTreeSet::from(["coverage"]))
            .into_iter()
            .map(|problem| (problem.line, problem.column, problem.message))
            .collect();
        assert_eq!(said.len(), 4, "{said:#?}");
        for (line, column, what) in [
            (6, 12, "no view covrage; did you mean coverage?"),
            (7, 32, "chart: \"lines\" is none of"),
            (10, 8, "there twice"),
            (14, 8, "is made of"),
        ] {
            assert!(
                said.iter().any(|(l, c, text)| (*l, *c) == (Some(line), Some(column)) && text.contains(what)),
                "{line}:{column} {what}: {said:#?}"
            );
        }
    }
}
