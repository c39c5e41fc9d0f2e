//! Settings of the system that nearset replaces, whose names are not nearset's own: what each is called here, or why it is
//! not read. Names that are the same there and here need no row.

use std::borrow::Cow;
use std::path::Path;

use super::values::{Origin, Overridden, Values};
use crate::common::finding::{Finding, Verdict};
use crate::common::language::{either, t};

/// What nearset does with one of them.
pub(super) enum Use {
    /// It is a setting of another name, whose value follows from this one's.
    Named(&'static str, Turned),
    /// It names the files that are read in place of `.env` and what lies over it.
    EnvFiles,
    /// It is not read, and nobody misses what it did: why, in English and Chinese.
    Needless(&'static str, &'static str),
    /// It is not read, and what it did is not done: what is so instead.
    Missed(&'static str, &'static str),
}

/// How a value of the old name is one of the new.
pub(super) enum Turned {
    /// It is the same.
    Same,
    /// It is a port, of an address that is the default's.
    Port,
}

/// One or more of them.
pub(super) struct OldName {
    /// Names; `*` at the beginning or the end stands for anything.
    names: &'static [&'static str],
    pub(super) what: Use,
}

const fn named(name: &'static [&'static str], ours: &'static str, turned: Turned) -> OldName {
    OldName { names: name, what: Use::Named(ours, turned) }
}

const fn needless(names: &'static [&'static str], english: &'static str, chinese: &'static str) -> OldName {
    OldName { names, what: Use::Needless(english, chinese) }
}

const fn missed(names: &'static [&'static str], english: &'static str, chinese: &'static str) -> OldName {
    OldName { names, what: Use::Missed(english, chinese) }
}

/// All of them; the first that fits a name counts.
static OLD_NAMES: &[OldName] = &[
    named(&["EXPERIMENT_CONFIG_PATH"], "EXPERIMENTS_FILE", Turned::Same),
    named(&["MATOMO_SOURCE"], "MATOMO_DATA_SOURCE", Turned::Same),
    named(&["TEXT_EMBEDDING_MODEL"], "SBERT_MODEL", Turned::Same),
    named(&["RECOMMEND_API_HOST_PORT"], "LISTEN", Turned::Port),
    OldName { names: &["ENV_FILE"], what: Use::EnvFiles },
    needless(
        &["MLFLOW_ARTIFACT_*", "MLFLOW_BACKEND_*", "MLFLOW_S3_*"],
        "these are of the MLflow server itself, which keeps what nearset tells it",
        "这些属于 MLflow 服务自身，由它保存 nearset 上报的内容",
    ),
    missed(
        &["SENTRY_DSN"],
        "nothing is sent to Sentry; errors are in the log and counted in error_total, and what is wrong is told by notifications",
        "不向 Sentry 发送任何内容；错误见日志与 error_total，异常由通知告知",
    ),
    needless(
        &["REDIS_*", "FEATURE_REDIS_URL"],
        "lists and features are in the server's own memory; CACHE_MB says how much lists may take",
        "列表与特征都在服务自身的内存里；列表缓存大小由 CACHE_MB 决定",
    ),
    needless(&["DB_POOL_*"], "a run holds few connections and for a short while", "一次运行只用少量连接，用完即关"),
    needless(
        &["EXTRACT_*"],
        "tables are read in bounded memory whatever their size; see DB_OVERLAP_MINUTES, DB_RETRIES, DB_TIMEOUT_SECONDS",
        "无论表多大都以有限内存读取；参见 DB_OVERLAP_MINUTES、DB_RETRIES、DB_TIMEOUT_SECONDS",
    ),
    needless(
        &["SIMILARITY_*", "USE_FAISS_RECALL"],
        "neighbours are found exactly, and among more than 20,000 datasets by an index of nearset's own",
        "近邻精确计算；超过 2 万个数据集时用自带的索引",
    ),
    needless(
        &["RANKER_*", "MAX_RANKING_SAMPLES"],
        "the ranker that does best on held-out visits is kept; TRAIN_SECONDS says how long one is looked for",
        "保留在留出访问上表现最好的排序器；TRAIN_SECONDS 决定搜索多久",
    ),
    needless(
        &["TEXT_EMBED_*"],
        "how texts are read follows from the model's folder and the machine",
        "文本如何处理由模型目录与本机决定",
    ),
    needless(
        &["HF_*"],
        "nothing is ever downloaded; HF_HOME and HF_HUB_CACHE are looked in for models where they stand in the environment",
        "从不下载任何东西；环境变量 HF_HOME、HF_HUB_CACHE 所指目录会用来查找模型",
    ),
    needless(
        &["TIMEOUT_*", "RECO_THREAD_POOL_WORKERS"],
        "BUDGET_MS and SHED_MS bound how long an answer takes; THREADS is what a run uses",
        "应答时限由 BUDGET_MS 与 SHED_MS 决定；THREADS 管运行的线程数",
    ),
    needless(
        &["*_TTL*"],
        "a cached list lives as long as the model version it was made by",
        "缓存的列表与生成它的模型版本同寿命",
    ),
    needless(&["AIRFLOW_*"], "a run is one program, started by a timer", "一次运行就是一个程序，由定时器启动"),
    needless(&["*_HOST_PORT"], "there is one server, on LISTEN", "只有一个服务，监听 LISTEN"),
];

impl OldName {
    /// What a name was in the old system, where it is not nearset's own.
    pub(super) fn of(name: &str) -> Option<&'static Self> {
        let fits = |pattern: &&str| match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
            (Some(end), Some(_)) => name.contains(end.trim_end_matches('*')),
            (Some(end), None) => name.ends_with(end),
            (None, Some(start)) => name.starts_with(start),
            (None, None) => *pattern == name,
        };
        OLD_NAMES.iter().find(|old| old.names.iter().any(fits))
    }
}

impl Turned {
    /// The value that the new name has; else what was expected of the old one's.
    pub(super) fn value(&self, text: &str) -> Result<String, &'static str> {
        match self {
            Self::Same => Ok(text.to_owned()),
            Self::Port => match text.parse::<u16>() {
                Ok(port) if port > 0 => Ok(format!("127.0.0.1:{port}")),
                _ => Err(either("a port, 1 to 65535", "端口，1 到 65535")),
            },
        }
    }
}

/// One that was found.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) origin: Origin,
    pub(super) old: &'static OldName,
}

/// What was found of the old system, and what is made of it: the files of its family, its names, and which of two counts.
pub fn old_names(values: &Values) -> Vec<Finding> {
    let finding = |verdict, text| Finding::new(verdict, "settings", text);
    let mut told: Vec<Finding> = files(values).into_iter().map(|text| finding(Verdict::Fine, text)).collect();
    let mut groups: Vec<(&Found, Cow<'_, str>, Vec<String>)> = Vec::new();
    let mut all: Vec<&Found> = values.old().iter().collect();
    all.sort_by_key(|found| match &found.origin {
        Origin::Line(file, line) => (values.env_files().iter().position(|other| other == file), *line),
        _ => (None, 0),
    });
    for found in all {
        match &found.old.what {
            Use::Named(ours, turned) => told.push(renamed(values, found, ours, turned)),
            Use::EnvFiles => {}
            Use::Needless(..) | Use::Missed(..) => {
                let (place, name) = placed(&found.name, &found.origin);
                let same =
                    groups.iter_mut().find(|(first, known, _)| std::ptr::eq(first.old, found.old) && *known == place);
                match same {
                    Some((_, _, names)) => names.push(name),
                    None => groups.push((found, place, vec![name])),
                }
            }
        }
    }
    for (found, place, names) in groups {
        let names = names.join(either(", ", "、"));
        let said = |why: &str| t!("{place}: {names} not read: {why}", "{place}：{names} 不读取：{why}");
        match found.old.what {
            Use::Missed(english, chinese) => told.push(finding(Verdict::Odd, said(either(english, chinese)))),
            Use::Needless(english, chinese) => told.push(finding(Verdict::Fine, said(either(english, chinese)))),
            _ => {}
        }
    }
    told
}

/// What is said of a name that is called otherwise here.
fn renamed(values: &Values, found: &Found, ours: &str, turned: &Turned) -> Finding {
    let Found { name, value, origin, .. } = found;
    let finding = |verdict, text| Finding::new(verdict, "settings", text);
    if values.written(ours).is_some_and(|(old, _)| old == name) {
        return finding(Verdict::Fine, t!("{origin}: {name} is read as {ours}", "{origin}：{name} 作为 {ours} 读取"));
    }
    let (other, place) = values.get(ours);
    match turned.value(value) {
        Ok(meant) if meant == other => finding(
            Verdict::Fine,
            t!("{origin}: {name} says the same as {ours} ({place})", "{origin}：{name} 与 {ours}（{place}）一致"),
        ),
        _ => finding(
            Verdict::Odd,
            t!(
                "{origin}: {name} is passed over, since {ours} ({place}) has another value, and counts",
                "{origin}：{name} 已忽略：{ours}（{place}）的值不同，以后者为准"
            ),
        ),
    }
}

/// A place without its line, and a name with it.
fn placed<'a>(name: &str, origin: &'a Origin) -> (Cow<'a, str>, String) {
    match origin {
        Origin::Line(file, line) => (Cow::Borrowed(file), t!("{name} (line {line})", "{name}（第 {line} 行）")),
        other => (Cow::Owned(other.to_string()), name.to_owned()),
    }
}

/// The files that were read beside the environment, what each sets, and which counts where two do.
fn files(values: &Values) -> Vec<String> {
    let files = values.env_files();
    let mut told = Vec::new();
    if files.len() > 1 {
        let listed = files.iter().rev().map(String::as_str).collect::<Vec<_>>().join(either(", ", "、"));
        told.push(t!("files that count one before the other: {listed}", "以下文件前者优先：{listed}"));
    }
    for file in files {
        let set: Vec<String> = super::settings()
            .iter()
            .filter_map(|setting| match (values.get(&setting.name).1, values.written(&setting.name)) {
                (Origin::Line(from, line), None) if from == file => {
                    Some(t!("{} (line {line})", "{}（第 {line} 行）", setting.name))
                }
                _ => None,
            })
            .collect();
        if !set.is_empty() {
            told.push(t!("{file} sets {}", "{file} 设置了 {}", set.join(either(", ", "、"))));
        }
    }
    let overridden: Vec<String> = values
        .overridden()
        .iter()
        .map(|Overridden { name, counts, passed_over }| {
            t!("{name} ({counts}, not {passed_over})", "{name}（取 {counts}，不取 {passed_over}）")
        })
        .collect();
    if !overridden.is_empty() {
        let listed = overridden.join(either(", ", "、"));
        told.push(t!("set in two files: {listed}", "两个文件都有设置：{listed}"));
    }
    told
}

/// The files that ENV_FILE names.
pub(super) fn listed(text: &str) -> Vec<String> {
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    names.map(|name| Path::new(name).strip_prefix("./").unwrap_or(Path::new(name)).display().to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::settings;

    #[test]
    fn no_setting_of_nearset_is_an_old_name_and_every_other_name_leads_to_one() {
        let settings = settings();
        for setting in &settings {
            assert!(OldName::of(&setting.name).is_none(), "{}", setting.name);
        }
        for old in OLD_NAMES {
            if let Use::Named(ours, _) = old.what {
                assert!(settings.iter().any(|setting| setting.name == ours), "{ours}");
            }
        }
    }

    #[test]
    fn every_old_name_is_in_the_migration_table() {
        for page in [include_str!("../../docs/migration.md"), include_str!("../../docs/migration.zh-CN.md")] {
            for name in OLD_NAMES.iter().flat_map(|old| old.names) {
                assert!(page.contains(&format!("`{name}`")), "{name}");
            }
        }
    }

    #[test]
    fn every_ignored_name_has_its_reason() {
        let is_needless = |name: &str| matches!(OldName::of(name).map(|old| &old.what), Some(Use::Needless(..)));
        for name in [
            "REDIS_URL",
            "FEATURE_REDIS_URL",
            "DB_POOL_SIZE",
            "EXTRACT_CHUNK_SIZE",
            "SIMILARITY_TOP_K",
            "USE_FAISS_RECALL",
            "RANKER_TRIALS",
            "MAX_RANKING_SAMPLES",
            "TEXT_EMBED_BATCH",
            "HF_HUB_OFFLINE",
            "TIMEOUT_RECALL",
            "RECO_THREAD_POOL_WORKERS",
            "CACHE_TTL",
            "LIST_TTL_SECONDS",
            "AIRFLOW_UID",
            "GRAFANA_HOST_PORT",
        ] {
            assert!(is_needless(name), "{name}");
        }
        assert!(["TTL", "PATH", "MY_REDIS_X", "HOST_PORT_X"].iter().all(|name| OldName::of(name).is_none()));
    }

    #[test]
    fn a_port_is_one_of_this_machine() {
        assert_eq!(Turned::Port.value("8001").as_deref(), Ok("127.0.0.1:8001"));
        assert!(["0", "", "x", "127.0.0.1:8000", "70000"].iter().all(|text| Turned::Port.value(text).is_err()));
    }

    #[test]
    fn files_are_listed_with_commas() {
        assert_eq!(listed(" ./.env, conf/.env.prod ,"), [".env", "conf/.env.prod"]);
    }
}
