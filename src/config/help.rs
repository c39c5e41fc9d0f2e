//! All settings as people read them: in `nearset --help`, and in `nearset.example.toml`.

use super::load::{groups, settings};
use super::setting::Setting;
use crate::common::language::t;

/// All settings with their defaults and what they are for, as `nearset --help` shows them.
pub fn settings_help() -> String {
    let mut text = t!(
        "Settings, as environment variables or in lower case in nearset.toml:\n",
        "设置项，写成环境变量，或以小写写在 nearset.toml 里：\n"
    );
    for setting in settings() {
        let Setting { name, default, .. } = &setting;
        let default =
            if default.is_empty() { String::new() } else { t!(" [default: {default}]", " [默认：{default}]") };
        text += &format!("  {name:<26} {}{default}\n", setting.about());
    }
    text
}

/// The text of `nearset.example.toml`: every setting with its default, or with an example that is commented out.
pub fn example_file() -> String {
    let mut text = "\
# Settings of nearset. Copy this file to nearset.toml and change what you need; what is left out keeps its default.
# The same names in capitals work as environment variables and in .env, which come before this file.
"
    .to_owned();
    for (title, settings) in groups() {
        text += &format!("\n# ---- {title} ----\n");
        for setting in settings {
            text += "\n";
            for line in setting.lines.iter().filter(|line| !line.is_empty()) {
                text += &format!("# {line}\n");
            }
            text += &assignment(&setting);
        }
    }
    text
}

fn assignment(setting: &Setting) -> String {
    let (mark, value) = if setting.default.is_empty() { ("# ", setting.example) } else { ("", setting.default) };
    let value = if value.parse::<f64>().is_ok() { value.to_owned() } else { format!("{value:?}") };
    format!("{mark}{} = {value}\n", setting.name.to_lowercase())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// With UPDATE_EXAMPLE set, writes the file instead.
    #[test]
    fn the_example_file_is_what_the_settings_give() -> std::io::Result<()> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("nearset.example.toml");
        if std::env::var_os("UPDATE_EXAMPLE").is_some() {
            return std::fs::write(path, example_file());
        }
        assert!(
            std::fs::read_to_string(path)? == example_file(),
            "nearset.example.toml is not what the settings give; write it with UPDATE_EXAMPLE=1 cargo test --lib example_file"
        );
        Ok(())
    }

    #[test]
    fn every_setting_is_there_once_and_says_what_it_is_for() {
        let all = settings();
        for setting in &all {
            assert_eq!(all.iter().filter(|other| other.name == setting.name).count(), 1, "{}", setting.name);
            assert!(setting.sentence().ends_with('.'), "{}", setting.name);
        }
        let table: toml::Table = toml::from_str(&example_file()).expect("the example is TOML");
        assert_eq!(table.len(), all.iter().filter(|setting| !setting.default.is_empty()).count());
    }
}
