//! Whether queries to the server are safe: who may ask them, and whether the machine has the memory.

use crate::common::finding::{Finding, Verdict};
use crate::common::language::t;
use crate::common::memory;
use crate::config::Config;

/// A token of fewer characters can be guessed.
const SHORT: usize = 16;

/// The analysts' token, and the memory of queries.
pub fn queries(config: &Config) -> Vec<Finding> {
    let odd = |text: String| Finding::new(Verdict::Odd, "queries", text);
    let (memory_mb, at_once) = (config.queries.memory_mb, config.queries.at_once as u64);
    let mut found = Vec::new();
    if let Some(token) = config.queries.analyst_token.as_ref().map(|token| token.0.as_str()) {
        if token.chars().count() < SHORT {
            found.push(odd(t!(
                "ANALYST_TOKEN has fewer than {SHORT} characters and can be guessed; `openssl rand -hex 16` makes one",
                "ANALYST_TOKEN 不足 {SHORT} 个字符，容易被猜出；可用 `openssl rand -hex 16` 生成"
            )));
        }
        let others = [("ADMIN_TOKEN", &config.serve.admin_token), ("TEST_TOKEN", &config.serve.test_token)];
        for (name, _) in others.iter().filter(|(_, other)| other.as_deref() == Some(token)) {
            found.push(odd(t!(
                "ANALYST_TOKEN is also {name}: whoever has one has the other; give each its own",
                "ANALYST_TOKEN 与 {name} 相同，有其一者即有其二；请分别设置"
            )));
        }
    }
    // analysts' queries, and as many of pages
    let queries = 2 * at_once * memory_mb;
    let (run, machine) = (config.memory_limit / 1_000_000, memory::of_machine() / 1_000_000);
    if machine > 0 && queries + run > machine {
        found.push(odd(t!(
            "2 x SQL_AT_ONCE ({at_once}) queries of SQL_MEMORY_MB ({memory_mb} MB) and a run of MEMORY_LIMIT ({run} MB) \
             may take {} MB together, and the machine has {machine} MB; lower one of them",
            "2 x SQL_AT_ONCE（{at_once}）个查询各用 SQL_MEMORY_MB（{memory_mb} MB），加上运行的 MEMORY_LIMIT（{run} MB），\
             合计可达 {} MB，而本机只有 {machine} MB；请调低其中一项",
            queries + run
        )));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_is_short_or_another_ones_is_told_of_and_never_shown() -> anyhow::Result<()> {
        let said = |values: &[(&str, &str)]| -> anyhow::Result<Vec<String>> {
            let found =
                queries(&Config::for_test(&[values, &[("MEMORY_LIMIT", "128MB"), ("SQL_MEMORY_MB", "1")]].concat())?);
            Ok(found.into_iter().map(|finding| finding.text).collect())
        };
        assert_eq!(said(&[("ANALYST_TOKEN", "0123456789abcdef")])?, Vec::<String>::new());
        let found = said(&[("ANALYST_TOKEN", "hunter2"), ("ADMIN_TOKEN", "hunter2")])?;
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(!found.join(" ").contains("hunter2"), "{found:?}");
        assert_eq!(said(&[("MEMORY_LIMIT", "900TB")])?.len(), usize::from(memory::of_machine() > 0));
        Ok(())
    }
}
