//! The comparison as a person reads it.

use std::fmt;

use super::differences::{Comparison, Line};
use crate::common::language::{either, t};
use crate::common::progress::grouped;
use crate::common::terminal::{left, right};

/// How wide the figures are.
const WIDTH: usize = 14;

/// A figure with as many digits as it needs.
fn shown(figure: f64) -> String {
    if figure.fract() == 0.0 && figure.abs() < 1e15 {
        let sign = if figure < 0.0 { "-" } else { "" };
        return format!("{sign}{}", grouped(figure.abs() as u64));
    }
    if figure.abs() >= 10.0 { format!("{figure:.2}") } else { format!("{figure:.4}") }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.lines();
        for of_file in lines.chunk_by(|a, b| a.file == b.file) {
            table(of_file, f)?;
        }
        for unreadable in &self.unreadable {
            writeln!(f, "{}", t!("cannot be read: {unreadable}", "无法读取：{unreadable}"))?;
        }
        if !self.left_out.is_empty() {
            let all = self.left_out.join(", ");
            writeln!(f, "{}", t!("not compared: {all}", "未比较：{all}"))?;
        }
        Ok(())
    }
}

/// One file's figures that differ, and how many do not.
fn table(lines: &[Line], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let differing: Vec<&Line> = lines.iter().filter(|line| line.differing > 0).collect();
    let days = lines.iter().map(|line| line.days).max().unwrap_or_default();
    let days = if days > 1 { t!(", {days} days", "，{days} 天") } else { String::new() };
    let same = lines.len() - differing.len();
    let file = lines.first().map_or("", |line| line.file.as_str());
    writeln!(f, "{}", t!("{file}{days}: {same} figures are the same", "{file}{days}：{same} 项相同"))?;
    if differing.is_empty() {
        return Ok(());
    }
    let name = |line: &Line| match line.days {
        1 => line.figure.clone(),
        days => t!("{} ({} of {days} days)", "{}（{days} 天中 {} 天）", line.figure, line.differing),
    };
    let width = differing.iter().map(|line| name(line).chars().count()).max().unwrap_or_default().max(10);
    let head = |english: &'static str, chinese: &'static str| right(either(english, chinese), WIDTH);
    writeln!(
        f,
        "  {}{}{}{}  {}",
        left(either("figure", "指标"), width),
        head("old", "旧系统"),
        head("nearset", "nearset"),
        head("difference", "差"),
        either("why", "原因")
    )?;
    for line in differing {
        let difference = line.nearset.map(|new| new - line.old);
        let figure = |value: Option<f64>| right(&value.map_or("-".to_owned(), shown), WIDTH);
        let why = line.why.as_deref().unwrap_or_default();
        let (old, new, gap) = (figure(Some(line.old)), figure(line.nearset), figure(difference));
        writeln!(f, "  {}{old}{new}{gap}  {why}", left(&name(line), width))?;
    }
    Ok(())
}
