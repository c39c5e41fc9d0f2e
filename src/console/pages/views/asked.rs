//! Which rows of a view are asked for: conditions on columns, an order, a page. Names of columns are checked against the view,
//! values are parameters of the query.

use serde_json::Value;
use url::form_urlencoded::{self, parse};

use crate::query::Column;
use crate::warehouse::ident;

/// How many rows a page has.
pub const PER_PAGE: usize = 50;

/// How a column is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Test {
    Is,
    IsNot,
    Contains,
    AtLeast,
    AtMost,
}

impl Test {
    /// All of them, by what stands behind a column in addresses.
    pub const ALL: [(&'static str, Self); 5] =
        [("", Self::Is), ("ne", Self::IsNot), ("like", Self::Contains), ("gte", Self::AtLeast), ("lte", Self::AtMost)];

    /// What people call it.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Is => "=",
            Self::IsNot => "≠",
            Self::Contains => "∋",
            Self::AtLeast => "≥",
            Self::AtMost => "≤",
        }
    }
}

/// A condition on a column.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// Which.
    pub column: String,
    /// How.
    pub test: Test,
    /// With what.
    pub value: String,
}

impl Condition {
    /// As addresses say it.
    pub fn pair(&self) -> (String, String) {
        let (name, _) = Test::ALL.into_iter().find(|(_, test)| *test == self.test).unwrap_or(Test::ALL[0]);
        let value = if self.test == Test::Contains { format!("%{}%", self.value) } else { self.value.clone() };
        (if name.is_empty() { self.column.clone() } else { format!("{}.{name}", self.column) }, value)
    }

    fn sql(&self, column: &Column, place: usize) -> String {
        let (name, kind) = (ident(&column.name), &column.r#type);
        match self.test {
            Test::Is => format!("{name} = cast(${place} as {kind})"),
            Test::IsNot => format!("{name} is distinct from cast(${place} as {kind})"),
            Test::AtLeast => format!("{name} >= cast(${place} as {kind})"),
            Test::AtMost => format!("{name} <= cast(${place} as {kind})"),
            Test::Contains => format!("contains(cast({name} as varchar), cast(${place} as varchar))"),
        }
    }
}

/// What a page's address asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked {
    /// All of them hold.
    pub conditions: Vec<Condition>,
    /// A column, and whether the largest come first.
    pub order: Option<(String, bool)>,
    /// From 1.
    pub page: usize,
}

impl Asked {
    /// What the query of an address asks for, where a view has these columns; what names none of them is passed over. A form
    /// that adds a condition sends `column`, `test` and `value`.
    pub fn read(query: &str, columns: &[Column]) -> Self {
        let pairs: Vec<(String, String)> = parse(query.as_bytes()).into_owned().collect();
        let last = |wanted: &str| pairs.iter().rev().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        let has = |name: &str| columns.iter().any(|column| column.name == name);
        let test = |name: &str| Test::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, test)| test);
        let condition = |column: &str, test: Test, value: &str| {
            let value = if test == Test::Contains { value.trim_matches('%') } else { value };
            (has(column) && !value.is_empty()).then(|| Condition {
                column: column.to_owned(),
                test,
                value: value.to_owned(),
            })
        };
        let mut asked =
            Self { page: last("page").and_then(|page| page.parse().ok()).unwrap_or(1).max(1), ..Self::default() };
        for (name, value) in &pairs {
            let (column, known) = match name.rsplit_once('.') {
                Some((column, end)) if !has(name) => (column, test(end)),
                _ => (name.as_str(), Some(Test::Is)),
            };
            let is_of_page = ["page", "sort", "column", "test", "value"].contains(&name.as_str());
            asked.conditions.extend(known.filter(|_| !is_of_page).and_then(|test| condition(column, test, value)));
        }
        if let (Some(column), Some(value)) = (last("column"), last("value")) {
            asked.conditions.extend(condition(
                column,
                test(last("test").unwrap_or_default()).unwrap_or(Test::Is),
                value,
            ));
        }
        asked.conditions.dedup();
        asked.order = last("sort").and_then(|sort| {
            let (name, is_down) = sort.strip_prefix('-').map_or((sort, false), |name| (name, true));
            has(name).then(|| (name.to_owned(), is_down))
        });
        asked
    }

    /// The rows that it asks for, with the parameters.
    pub fn rows(&self, view: &str, columns: &[Column]) -> (String, Vec<Value>) {
        let (conditions, parameters) = self.conditions(columns);
        let order = self.order.as_ref().map_or(String::new(), |(name, is_down)| {
            format!(" order by {} {} nulls last", ident(name), if *is_down { "desc" } else { "asc" })
        });
        let offset = (self.page - 1).saturating_mul(PER_PAGE);
        (format!("select * from {}{conditions}{order} limit {PER_PAGE} offset {offset}", ident(view)), parameters)
    }

    /// How many there are in all.
    pub fn count(&self, view: &str, columns: &[Column]) -> (String, Vec<Value>) {
        let (conditions, parameters) = self.conditions(columns);
        (format!("select count(*) as rows from {}{conditions}", ident(view)), parameters)
    }

    /// All of them, as a chart draws them.
    pub fn all(&self, view: &str, columns: &[Column]) -> (String, Vec<Value>) {
        let (conditions, parameters) = self.conditions(columns);
        (format!("select * from {}{conditions}", ident(view)), parameters)
    }

    fn conditions(&self, columns: &[Column]) -> (String, Vec<Value>) {
        let mut parts = Vec::new();
        let mut parameters = Vec::new();
        for condition in &self.conditions {
            if let Some(column) = columns.iter().find(|column| column.name == condition.column) {
                parameters.push(Value::String(condition.value.clone()));
                parts.push(condition.sql(column, parameters.len()));
            }
        }
        let text = if parts.is_empty() { String::new() } else { format!(" where {}", parts.join(" and ")) };
        (text, parameters)
    }

    /// The query of an address that asks for the same rows at `GET /views/{name}`, or for a page without some condition.
    pub fn query(&self, without: Option<usize>, more: &[(&str, &str)]) -> String {
        let mut all = form_urlencoded::Serializer::new(String::new());
        let kept = self.conditions.iter().enumerate().filter(|(place, _)| Some(*place) != without);
        for (_, condition) in kept {
            let (name, value) = condition.pair();
            all.append_pair(&name, &value);
        }
        all.extend_pairs(more);
        all.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Vec<Column> {
        [("day", "DATE"), ("a b\"c", "DECIMAL(18,2)"), ("hit_rate@10", "DOUBLE")]
            .map(|(name, kind)| Column { name: name.to_owned(), r#type: kind.to_owned() })
            .into()
    }

    #[test]
    fn an_address_says_conditions_order_and_page() {
        let read = |query: &str| Asked::read(query, &columns());
        let asked = read("day.gte=2026-10-01&a+b%22c=1'+or+1%3D1&nothing=7&page=3&sort=-day&lang=zh");
        let (sql, parameters) = asked.rows("v", &columns());
        assert_eq!(
            sql,
            "select * from \"v\" where \"day\" >= cast($1 as DATE) and \"a b\"\"c\" = cast($2 as DECIMAL(18,2)) \
             order by \"day\" desc nulls last limit 50 offset 100"
        );
        assert_eq!(parameters, ["2026-10-01", "1' or 1=1"]);
        assert_eq!(asked.query(Some(1), &[("format", "csv")]), "day.gte=2026-10-01&format=csv");
        assert_eq!(read("sort=x&page=0&day="), Asked { page: 1, ..Asked::default() });
    }

    #[test]
    fn a_form_adds_a_condition_to_those_there_are() {
        let asked = Asked::read("day=2026-10-01&column=hit_rate%4010&test=lte&value=0.5", &columns());
        let pairs: Vec<_> = asked.conditions.iter().map(Condition::pair).collect();
        let expected = [("day", "2026-10-01"), ("hit_rate@10.lte", "0.5")];
        assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let found = Asked::read("day.like=%252026%25", &columns());
        assert_eq!((found.conditions[0].value.as_str(), found.conditions[0].pair().1.as_str()), ("2026", "%2026%"));
    }
}
