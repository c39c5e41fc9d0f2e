//! The project as people read it: what there is, and what is in one relation.

use anyhow::Result;
use comfy_table::Table;
use comfy_table::presets::NOTHING;

use super::{DataTest, Macro, Project, Relation, macros};
use crate::common::language::{either, t};

impl Project {
    /// A line for each macro and relation: where it is, its name, what it is.
    pub fn listing(&self) -> String {
        let macros = self.macros.iter().map(|one| (macros::FOLDER, one.call(), one.description.clone()));
        let relations = self.relations.iter().map(|one| {
            let chart = one.chart.as_ref().map_or(String::new(), |chart| format!(" [chart: {}]", chart.text()));
            (one.room.folder(), one.name.clone(), format!("{}{chart}", one.description))
        });
        table(macros.chain(relations).map(|(room, name, text)| [room.to_owned(), name, text]).collect())
    }

    /// What a relation or a macro is, and its columns as its file describes them.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn describe(&self, name: &str) -> Result<String> {
        match self.macros.iter().find(|one| one.name == name) {
            Some(one) => Ok(format!("{} ({})\n  {}\n", one.call(), one.file.display(), one.description)),
            None => self.get(name).map(Relation::describe),
        }
    }
}

impl Macro {
    /// How it is called.
    fn call(&self) -> String {
        format!("{}({})", self.name, self.parameters)
    }
}

impl Relation {
    fn describe(&self) -> String {
        let key = if self.key.is_empty() {
            String::new()
        } else {
            t!(", one row for each {}", "，每个 {} 一行", self.key.join(", "))
        };
        let columns: Vec<_> =
            self.columns.iter().map(|column| [format!("  {}", column.name), column.sentence.clone()]).collect();
        let head = format!("{} ({}{key})\n  {}\n", self.name, self.file.display(), self.description);
        let test = |test: &DataTest| {
            let severity = if self.is_held_to(test) { "" } else { either("only told", "仅提示") };
            [format!("  {}", test.kind.name()), test.kind.text(), severity.to_owned()]
        };
        let tests: Vec<_> = self.tests.iter().map(test).collect();
        let tested = if tests.is_empty() { String::new() } else { t!("tests:\n", "测试：\n") + &table(tests) };
        head + &table(columns) + &tested
    }
}

/// Rows with their cells below each other.
fn table<const COLUMNS: usize>(rows: Vec<[String; COLUMNS]>) -> String {
    let mut table = Table::new();
    table.load_preset(NOTHING).add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt() + "\n"
}
