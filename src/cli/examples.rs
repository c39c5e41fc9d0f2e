//! Examples, which end the help of each command. A test runs them all.

use crate::common::language::either;

/// The end of a command's help: command lines that work as they are.
pub fn examples(lines: &[&str]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| format!("  nearset {line}")).collect();
    format!("{}\n{}", either("Examples:", "示例："), lines.join("\n"))
}
