//! Reading the command line, and what is said where it cannot be read, in the language in force.

use std::error::Error as _;
use std::io::Write;
use std::num::{ParseFloatError, ParseIntError};
use std::path::PathBuf;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, Error, ErrorFormatter, ErrorKind};
use clap::{CommandFactory, FromArgMatches};

use super::{Cli, chinese};
use crate::common::language::{self, Language};
use crate::config::{Config, Overrides};

/// The program's command line, with its sentences in the language in force.
pub fn command() -> clap::Command {
    match language::in_force() {
        Language::English => Cli::command(),
        Language::Chinese => chinese::command(Cli::command()),
    }
}

/// Reads the command line. Help is shown and wrong usage is told of here, and the process ends.
pub fn read() -> Cli {
    choose_language();
    let matches = command().try_get_matches();
    matches.and_then(|matches| Cli::from_arg_matches(&matches)).unwrap_or_else(|error| end(error))
}

/// Has everything be said in the language of the user, clap's own words too, so before the command line is read.
fn choose_language() {
    let words: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    let config = words.iter().enumerate().find_map(|(at, word)| match word.strip_prefix("--config")? {
        "" => words.get(at + 1).map(PathBuf::from),
        rest => rest.strip_prefix('=').map(PathBuf::from),
    });
    let overrides = Overrides { config, ..Overrides::default() };
    language::set(Config::language_early(&overrides));
}

fn end(error: clap::Error) -> ! {
    use ErrorKind::{DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand, DisplayVersion};
    let is_help = matches!(error.kind(), DisplayHelp | DisplayHelpOnMissingArgumentOrSubcommand | DisplayVersion);
    match (language::in_force(), is_help) {
        (Language::English, _) => error.exit(),
        (Language::Chinese, false) => error.apply::<Chinese>().exit(),
        (Language::Chinese, true) => {
            let text = chinese::help(&error.render().to_string());
            // nobody may read on
            match error.use_stderr() {
                true => writeln!(std::io::stderr(), "{text}").ok(),
                false => writeln!(std::io::stdout(), "{text}").ok(),
            };
            std::process::exit(error.exit_code())
        }
    }
}

/// Errors of usage in Chinese.
struct Chinese;

impl ErrorFormatter for Chinese {
    fn format_error(error: &Error<Self>) -> StyledStr {
        let mut text = format!("错误：{}\n", what(error));
        for (kind, thing) in [
            (ContextKind::SuggestedSubcommand, "命令"),
            (ContextKind::SuggestedArg, "参数"),
            (ContextKind::SuggestedValue, "值"),
        ] {
            if let Some(name) = said(error, kind) {
                text += &format!("\n  提示：有相近的{thing}：{name}\n");
            }
        }
        if let Some(usage) = said(error, ContextKind::Usage) {
            text += &format!("\n{}\n", chinese::help(&usage));
        }
        StyledStr::from(text + "\n详见 '--help'。\n")
    }
}

/// What is wrong, in a sentence.
fn what(error: &Error<Chinese>) -> String {
    let arg = said(error, ContextKind::InvalidArg).unwrap_or_default();
    let value = said(error, ContextKind::InvalidValue).unwrap_or_default();
    let sub = said(error, ContextKind::InvalidSubcommand).unwrap_or_default();
    let list = |kind| said(error, kind).map(|values| format!("\n  [可选值：{values}]")).unwrap_or_default();
    match error.kind() {
        ErrorKind::UnknownArgument => format!("没有 '{arg}' 这个参数"),
        ErrorKind::InvalidSubcommand => format!("没有 '{sub}' 这个命令"),
        ErrorKind::InvalidValue if value.is_empty() => format!("'{arg}' 需要一个值"),
        ErrorKind::InvalidValue => format!("'{arg}' 的值 '{value}' 无效{}", list(ContextKind::ValidValue)),
        ErrorKind::ValueValidation => format!("'{arg}' 的值 '{value}' 无效{}", cause(error)),
        ErrorKind::TooManyValues => format!("'{arg}' 多出了值 '{value}'"),
        ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => format!("'{arg}' 的值的个数不对"),
        ErrorKind::NoEquals => format!("'{arg}' 的值要用等号给出"),
        ErrorKind::MissingRequiredArgument => format!("缺少必需的参数：{arg}"),
        ErrorKind::MissingSubcommand => format!("'{sub}' 需要一个子命令{}", list(ContextKind::ValidSubcommand)),
        ErrorKind::ArgumentConflict => match said(error, ContextKind::PriorArg) {
            Some(prior) if prior != arg => format!("'{arg}' 不能与 {prior} 同时使用"),
            _ => format!("'{arg}' 不能重复给出"),
        },
        ErrorKind::InvalidUtf8 => "命令行里有不是 UTF-8 的文字".to_owned(),
        kind => format!("命令行无法理解（{kind:?}）"),
    }
}

/// Why a value cannot be used; the standard library's own words are said in Chinese.
fn cause(error: &Error<Chinese>) -> String {
    match error.source() {
        Some(cause) if cause.is::<ParseIntError>() => "：须为整数".to_owned(),
        Some(cause) if cause.is::<ParseFloatError>() => "：须为数字".to_owned(),
        Some(cause) if cause.is::<chrono::ParseError>() => "：须为日期，如 2026-10-01".to_owned(),
        Some(cause) => format!("：{cause}"),
        None => String::new(),
    }
}

/// What clap knows of an error.
fn said(error: &Error<Chinese>, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => Some(texts.join("、")),
        ContextValue::StyledStr(text) => Some(text.to_string()),
        _ => None,
    }
}
