//! A table of `notify.toml`, read field by field: what is unknown, of another kind or not there is named with its line.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use toml::{Spanned, Value};

use crate::common::language::t;
use crate::common::likeness::hint;
use crate::common::secrets::{self, Secret};
use crate::config;

/// A table as TOML has it.
pub type Table = BTreeMap<Spanned<String>, Spanned<Value>>;

/// A file's name and text, for what is said of its lines.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The file.
    pub path: &'a Path,
    /// What is in it.
    pub text: &'a str,
}

impl Place<'_> {
    /// The file and the line of a byte in it.
    pub fn at(&self, byte: usize) -> String {
        let line = self.text[..byte.min(self.text.len())].matches('\n').count() + 1;
        format!("{}:{line}", self.path.display())
    }
}

/// A table whose fields are asked for one after the other.
pub struct Fields<'a> {
    place: Place<'a>,
    start: usize,
    all: BTreeMap<String, (usize, Value)>,
    asked: RefCell<Vec<&'static str>>,
}

impl<'a> Fields<'a> {
    /// Those of a table that begins at a byte.
    pub fn of(place: Place<'a>, start: usize, table: Table) -> Self {
        let fields = table.into_iter().map(|(key, value)| {
            let start = key.span().start;
            (key.into_inner(), (start, value.into_inner()))
        });
        Self { place, start, all: fields.collect(), asked: RefCell::default() }
    }

    /// Those of a table in a field; none where it is not there.
    pub fn table(&self, name: &'static str, expected: &str) -> Result<Option<Fields<'a>>> {
        match self.find(name) {
            None => Ok(None),
            Some((start, Value::Table(table))) => {
                let fields = table.iter().map(|(key, value)| (key.clone(), (*start, value.clone()))).collect();
                Ok(Some(Self { place: self.place, start: *start, all: fields, asked: RefCell::default() }))
            }
            Some(_) => Err(self.fault(name, expected)),
        }
    }

    fn find(&self, name: &'static str) -> Option<&(usize, Value)> {
        self.asked.borrow_mut().push(name);
        self.all.get(name)
    }

    /// The error that a field is not what it should be.
    pub fn fault(&self, name: &str, expected: &str) -> anyhow::Error {
        let at = self.place.at(self.all.get(name).map_or(self.start, |(start, _)| *start));
        anyhow!(t!("{at}: {name} should be {expected}", "{at}：{name} 应为：{expected}"))
    }

    /// A text, in which `${NAME}` stands for a variable of the environment or of `.env`.
    pub fn text(&self, name: &'static str) -> Result<Option<String>> {
        match self.find(name) {
            None => Ok(None),
            Some((start, Value::String(text))) => Ok(Some(self.filled(*start, name, text)?)),
            Some((_, Value::Integer(number))) => Ok(Some(number.to_string())),
            Some(_) => Err(self.fault(name, "\"…\"")),
        }
    }

    /// The same where it must be there.
    pub fn needed(&self, name: &'static str) -> Result<String> {
        let text = self.text(name)?.filter(|text| !text.is_empty());
        text.ok_or_else(|| {
            let at = self.place.at(self.start);
            anyhow!(t!("{at}: {name} is missing here", "{at}：这里缺少 {name}"))
        })
    }

    /// A text that is never shown.
    pub fn secret(&self, name: &'static str) -> Result<Option<Secret>> {
        Ok(self.text(name)?.map(hidden))
    }

    /// The same where it must be there.
    pub fn needed_secret(&self, name: &'static str) -> Result<Secret> {
        self.needed(name).map(hidden)
    }

    /// A list of texts; one text is a list of one.
    pub fn list(&self, name: &'static str) -> Result<Vec<String>> {
        match self.find(name) {
            None => Ok(Vec::new()),
            Some((start, Value::String(text))) => Ok(vec![self.filled(*start, name, text)?]),
            Some((start, Value::Array(all))) => {
                let text = |value: &Value| {
                    let text = value.as_str().ok_or_else(|| self.fault(name, "[\"…\", \"…\"]"))?;
                    self.filled(*start, name, text)
                };
                all.iter().map(text).collect()
            }
            Some(_) => Err(self.fault(name, "[\"…\", \"…\"]")),
        }
    }

    /// Yes or no.
    pub fn flag(&self, name: &'static str) -> Result<bool> {
        match self.find(name) {
            None => Ok(false),
            Some((_, Value::Boolean(is))) => Ok(*is),
            Some(_) => Err(self.fault(name, "true | false")),
        }
    }

    /// Something that a text is read as.
    pub fn read<T>(
        &self,
        name: &'static str,
        expected: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>> {
        self.text(name)?.map(|text| read(&text).ok_or_else(|| self.fault(name, expected))).transpose()
    }

    /// All fields as texts, whatever their names.
    pub fn all(&self) -> Result<Vec<(String, String)>> {
        let text =
            |name: &str, value: &'_ Value| value.as_str().map(str::to_owned).ok_or_else(|| self.fault(name, "\"…\""));
        self.all.iter().map(|(name, (_, value))| Ok((name.clone(), text(name, value)?))).collect()
    }

    /// Fails where there is a field that nobody asked for.
    pub fn end(self) -> Result<()> {
        let asked = self.asked.into_inner();
        let unknown = self.all.iter().filter(|(name, _)| !asked.contains(&name.as_str()));
        let Some((name, (start, _))) = unknown.min_by_key(|(_, (start, _))| *start) else { return Ok(()) };
        let at = self.place.at(*start);
        let hint = hint(name, asked.iter().copied());
        let known = asked.join(", ");
        bail!(t!(
            "{at}: {name} is not known here{hint} (known are {known})",
            "{at}：这里没有 {name}{hint}（可用：{known}）"
        ))
    }

    /// A text with each `${NAME}` in it filled in.
    fn filled(&self, start: usize, name: &str, text: &str) -> Result<String> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let at = self.place.at(start);
            let (variable, after) = after
                .split_once('}')
                .with_context(|| t!("{at}: {name}: ${{ does not end", "{at}：{name}：${{ 没有闭合"))?;
            let value = config::variable(variable)?.with_context(|| {
                t!(
                    "{at}: {name}: {variable} is neither in the environment nor in .env",
                    "{at}：{name}：环境变量与 .env 中都没有 {variable}"
                )
            })?;
            filled += before;
            filled += &value;
            rest = after;
        }
        Ok(filled + rest)
    }
}

fn hidden(text: String) -> Secret {
    secrets::register(&text);
    Secret(text)
}
