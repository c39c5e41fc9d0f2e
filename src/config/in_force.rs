//! The settings in force, as `nearset config show` lists them.

use serde::Serialize;

use super::chinese;
use super::load::groups;
use super::setting::Setting;
use super::values::{Origin, Values, is_secret};
use crate::common::language::{either, t};
use crate::common::secrets::scrub;

/// A setting with the value it has.
#[derive(Clone, Debug, Serialize)]
pub struct InForce {
    /// Its name in the environment.
    pub name: String,
    /// Its value, empty where it has none, `***` where nobody may read it.
    pub value: String,
    /// Where the value stands.
    pub origin: String,
    /// Whether the value is another than the default.
    #[serde(skip)]
    pub is_changed: bool,
    /// What it is for, in a sentence.
    #[serde(skip)]
    pub about: String,
    /// The value it has where nobody sets it.
    #[serde(skip)]
    pub default: &'static str,
}

/// All settings with their values, each group with its title.
pub fn in_force(values: &Values) -> Vec<(&'static str, Vec<InForce>)> {
    let one = |setting: Setting| {
        let about = setting.about();
        let Setting { name, default, .. } = setting;
        let (value, origin) = values.get(&name);
        let is_changed = value != default;
        let value = if is_secret(&name) && !value.is_empty() { "***" } else { value };
        let origin = match values.written(&name) {
            Some((old, _)) => t!("{origin} ({old})", "{origin}（{old}）"),
            None => origin.to_string(),
        };
        InForce { value: scrub(value).into_owned(), origin, is_changed, name, about, default }
    };
    let groups = groups().into_iter();
    let shown = |title| either(title, chinese::title(title));
    groups.map(|(title, all)| (shown(title), all.into_iter().map(one).collect())).collect()
}

/// Where the settings that somebody has set stand, with their number in each place.
pub fn places(values: &Values) -> String {
    let mut places: Vec<(String, usize)> = Vec::new();
    for setting in super::settings() {
        let place = match values.get(&setting.name).1 {
            Origin::Default => continue,
            Origin::Flag(_) => either("flags", "命令行").to_owned(),
            origin @ Origin::Environment => origin.to_string(),
            Origin::Line(file, _) => file.clone(),
        };
        match places.iter_mut().find(|(known, _)| *known == place) {
            Some((_, count)) => *count += 1,
            None => places.push((place, 1)),
        }
    }
    if places.is_empty() {
        return t!("none is set: all have their defaults", "均为默认值");
    }
    let places: Vec<String> =
        places.into_iter().map(|(place, count)| t!("{count} from {place}", "{place}：{count} 项")).collect();
    t!("{}; `nearset config show` lists all", "{}；`nearset config show` 列出全部", places.join(either(", ", "，")))
}
