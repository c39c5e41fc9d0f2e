//! Which of a source's names stand for which columns: `createTime`, `CREATE_TIME` and `Create Time` are all `create_time`.

use std::collections::BTreeMap;

use super::tables::Table;
use crate::common::language::t;

/// Columns that every raw table has of its own.
const OWN: [&str; 3] = ["_changed_at", "_file", "_row"];

/// The names that a source's table has, each with the column it is kept as.
#[derive(Debug, Default)]
pub struct Names {
    /// The column each of the source's names is read as.
    pub columns: BTreeMap<String, String>,
    /// Columns nearset knows that have several names there, which no plain reading takes for one.
    pub clashing: BTreeMap<String, Vec<String>>,
    /// What a person should know of it.
    pub notes: Vec<String>,
}

/// The column of a table that a name stands for, where nearset knows of one.
pub fn known(table: &Table, name: &str) -> Option<&'static str> {
    let alike = |column: &&str| !name.starts_with('_') && letters(column).eq(letters(name));
    table.columns().find(|column| *column == name).or_else(|| table.columns().find(alike))
}

/// What tells names apart: letters and digits, in any case.
fn letters(name: &str) -> impl Iterator<Item = char> {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase)
}

/// Whether a name can be no column's: it is empty, or that of a column which nearset adds.
pub fn is_unusable(name: &str) -> bool {
    name.trim().is_empty() || OWN.contains(&name.to_lowercase().as_str())
}

impl Names {
    /// Whether all of these columns are there.
    pub fn has(&self, columns: &[&str]) -> bool {
        columns.iter().all(|column| self.columns.values().any(|c| c == column))
    }

    /// Sorts a source's names out. Of names that differ by case alone and that nearset does not know, the first stays.
    pub fn of(table: &Table, names: impl IntoIterator<Item = String>) -> Self {
        let mut sorted = Self::default();
        let mut renamed = Vec::new();
        let mut left_out = Vec::new();
        let mut kept: BTreeMap<String, String> = BTreeMap::new();
        let mut claims: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for name in names {
            match known(table, &name) {
                Some(column) => claims.entry(column).or_default().push(name),
                None if is_unusable(&name) => left_out.push(format!("{name:?}")),
                None => match kept.get(&name.to_lowercase()) {
                    Some(first) => left_out.push(t!("{name} (beside {first})", "{name}（已有 {first}）")),
                    None => {
                        kept.insert(name.to_lowercase(), name.clone());
                        sorted.columns.insert(name.clone(), name);
                    }
                },
            }
        }
        for (column, mut names) in claims {
            names.sort_by_key(|name| name != column);
            match names.as_slice() {
                [name] if name != column => renamed.push(t!("{name} as {column}", "{name} 作 {column}")),
                [_] => {}
                _ => {
                    sorted.clashing.insert(column.to_owned(), names.clone());
                }
            }
            sorted.columns.extend(names.into_iter().map(|name| (name, column.to_owned())));
        }
        sorted.notes.extend(sorted.clashing.iter().map(|(column, names)| {
            let all = names.join(", ");
            t!(
                "{all} are all read as {column}; where a row has several, the first of them that is not empty counts",
                "{all} 都按 {column} 读取；同一行有多个时，取其中第一个非空的"
            )
        }));
        if !renamed.is_empty() {
            let all = renamed.join(", ");
            sorted.notes.push(t!("{all}: read as the columns they stand for", "{all}：按其所指的列读取"));
        }
        if !left_out.is_empty() {
            let all = left_out.join(", ");
            sorted.notes.push(t!(
                "left out, since no column can be called so beside those there are: {all}",
                "以下列名不可用或与已有列相同，已略去：{all}"
            ));
        }
        sorted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::tables::TABLES;

    #[test]
    fn known_columns_are_told_in_every_spelling_and_no_two_are_spelled_alike() {
        for table in TABLES {
            let spelled: Vec<String> = table.columns().map(|c| c.replace('_', "")).collect();
            for (column, spelled) in table.columns().zip(&spelled) {
                assert_eq!(known(table, &column.to_uppercase()), Some(column));
                assert_eq!(known(table, spelled), Some(column), "{}", table.name);
            }
        }
        let dataset = &TABLES[1];
        for name in ["createTime", "CreateTime", "create-time", " create_time ", "\u{feff}create_time", "CREATE TIME"] {
            assert_eq!(known(dataset, name), Some("create_time"), "{name}");
        }
        assert_eq!(known(dataset, "create_times"), None);
    }

    #[test]
    fn of_names_that_clash_the_known_column_takes_all_and_the_unknown_one_the_first() {
        let names = ["ID", "price", "Price", "Colour", "colour", "", "_row", "_FILE", "价格", "a.b", "it's"];
        let sorted = Names::of(&TABLES[1], names.map(str::to_owned));
        let read: Vec<String> = sorted.columns.iter().map(|(name, column)| format!("{name}={column}")).collect();
        assert_eq!(read, ["Colour=Colour", "ID=id", "Price=price", "a.b=a.b", "it's=it's", "price=price", "价格=价格"]);
        assert_eq!(sorted.clashing["price"], ["price", "Price"]);
        let notes = sorted.notes.join("\n");
        for part in
            ["price, Price are all read as price", "ID as id", "colour (beside Colour), \"\", \"_row\", \"_FILE\""]
        {
            assert!(notes.contains(part), "{notes}");
        }
    }
}
