//! What each setting is for, in Chinese, by its English sentence.

/// The sentences in the order of the help.
pub(super) const SENTENCES: &[(&str, &str)] = &[
    (
        "Where both sources are read from: json (a folder of exports) or database.",
        "两个数据源从哪里读：json（导出文件目录）或 database（数据库）。",
    ),
    ("The same for the marketplace's tables alone.", "同上，只管业务库的表。"),
    ("The same for Matomo's tables alone.", "同上，只管 Matomo 的表。"),
    ("The folder of JSON exports.", "JSON 导出文件的目录。"),
    (
        "What exports are encoded in that are not UTF-8, such as gbk, gb18030, big5.",
        "非 UTF-8 导出文件的编码，如 gbk、gb18030、big5。",
    ),
    ("What the names of Matomo's tables start with; may be empty.", "Matomo 表名的前缀，可为空。"),
    (
        "How far before the watermark a database is read again, for rows committed late.",
        "增量读取从水位往前多读几分钟，以免漏掉提交较晚的行。",
    ),
    (
        "How often a lost connection is tried again, after 1, 2, 4, 8 ... seconds.",
        "连接断开后的重试次数，间隔 1、2、4、8…… 秒。",
    ),
    ("How long a database may be silent before its connection counts as lost.", "数据库多少秒没有响应即视为断开。"),
    (
        "Where DuckDB's extensions are; those of nearset's package, else DuckDB's own folder, where empty.",
        "DuckDB 扩展所在目录；为空时用 nearset 安装包自带的，其次用 DuckDB 自己的目录。",
    ),
    ("Columns no source is asked for (* stands for anything).", "从不读取的列（* 匹配任意字符）。"),
    (
        "Schema contracts (YAML) that source tables are held to; config/schema_contracts.yaml where empty, if it is there.",
        "检查数据源各表的契约文件（YAML）；为空时用 config/schema_contracts.yaml（存在时）。",
    ),
    (
        "The MySQL or MariaDB server: a name, an address or a socket's path.",
        "MySQL 或 MariaDB 服务器：主机名、地址或 socket 路径。",
    ),
    ("Its port.", "端口。"),
    ("Its user; SELECT is the only right that is needed.", "用户，只需要 SELECT 权限。"),
    ("Its password.", "密码。"),
    ("The database that holds the tables.", "表所在的数据库名。"),
    (
        "Instead of these: mysql://, postgres://, sqlite: or duckdb:, with user and password.",
        "代替以上各项的连接串：mysql://、postgres://、sqlite: 或 duckdb:，含用户和密码。",
    ),
    ("The folder of the warehouse, the reports and the exposure log.", "仓库、报表与曝光日志的目录。"),
    ("The folder of model versions.", "模型版本的目录。"),
    (
        "The folder of sql/ and views/; where empty the working folder, if it has sql/, else the program's own.",
        "sql/ 与 views/ 所在目录；为空时用当前目录（其中有 sql/ 时），否则用程序自带的。",
    ),
    (
        "Whether the old system's Parquet files are written, too, under their old names (sql/legacy/): on or off.",
        "是否同时以旧名字写出旧系统的 Parquet 文件（sql/legacy/）：on 或 off。",
    ),
    (
        "How many seconds a run gives each file of views/; one that takes longer keeps its last good rows.",
        "运行中 views/ 每个文件的时限（秒）；超时者保留上次成功的数据。",
    ),
    (
        "The most memory a run may take, training included; DuckDB spills to disk to keep to it.",
        "一次运行的内存上限，训练也算在内；超出时 DuckDB 会落盘。",
    ),
    ("How many threads a run uses; 0 is all cores.", "一次运行的线程数；0 为全部核。"),
    (
        "The folder of daily reports; DATA_DIR/evaluation/daily_reports where empty.",
        "日报的目录；为空时为 DATA_DIR/evaluation/daily_reports。",
    ),
    ("How much is logged: error, warning, info, debug or trace.", "日志的详细程度，从 error 到 trace。"),
    (
        "The language of the command line: en, zh, or auto, which asks LANGUAGE, LC_ALL, LC_MESSAGES and LANG.",
        "命令行的语言：en、zh，或 auto（看 LANGUAGE、LC_ALL、LC_MESSAGES、LANG）。",
    ),
    (
        "The folder image_url is relative to; DATA_JSON_DIR where empty.",
        "image_url 所相对的目录；为空时用 DATA_JSON_DIR。",
    ),
    (
        "A sentence-transformers folder for texts, or none; a table of English tokens that nearset carries where empty.",
        "文本模型（sentence-transformers）目录，或 none（不用）；为空时用 nearset 自带的英文词元向量表。",
    ),
    (
        "The same by its name, looked for in the folders where Python keeps models.",
        "同上，但写模型名，在 Python 存放模型的目录里查找。",
    ),
    (
        "How much the text model counts beside words, from 0 to 1; auto is chosen from the catalogue and its visits.",
        "文本模型相对于词面占多少权重，0 到 1；auto 由目录及其访问决定。",
    ),
    (
        "A folder of models, looked in first for SBERT_MODEL and CLIP_MODEL_PATH.",
        "模型目录，查找 SBERT_MODEL 与 CLIP_MODEL_PATH 时最先看这里。",
    ),
    (
        "A CLIP folder (or its name) for pictures; pictures are not looked at where empty.",
        "图像模型 CLIP 的目录（或名字）；为空时不看图片。",
    ),
    ("The time zone of the marketplace's own times (an IANA name).", "业务库时间所在时区（IANA 名）。"),
    ("The time zone that days in reports are cut in.", "报表按哪个时区切分日期。"),
    (
        "The custom dimensions searched for a request id, in this order.",
        "在 Matomo 的哪些自定义维度里找请求号，按此顺序。",
    ),
    (
        "The custom dimension that holds the request id; those of MATOMO_REQUEST_DIMENSIONS are searched after it.",
        "请求号所在的自定义维度；其后再找 MATOMO_REQUEST_DIMENSIONS 里的。",
    ),
    (
        "The custom dimension that holds click_{position}_{dataset}; those of MATOMO_POSITION_DIMENSIONS are searched after it.",
        "click_{位置}_{数据集} 所在的自定义维度；其后再找 MATOMO_POSITION_DIMENSIONS 里的。",
    ),
    (
        "The custom dimensions searched for click_{position}_{dataset}, in this order.",
        "在哪些自定义维度里找 click_{位置}_{数据集}，按此顺序。",
    ),
    (
        "The sites of Matomo (idsite) whose rows count, with commas between; all where empty.",
        "哪些 Matomo 站点（idsite）的行计入，以逗号分隔；为空时全部计入。",
    ),
    (
        "The column of user that Matomo's user ids are looked up in where they are no ids, such as email.",
        "Matomo 的用户号不是 ID 时，到 user 表的哪一列去找，如 email。",
    ),
    (
        "A visit with more actions than this is a bot's and counts nowhere.",
        "动作数超过此值的访问视为爬虫，不计入任何指标。",
    ),
    (
        "How much a dataset that is like one above it moves down a list; 0 is not at all.",
        "数据集与排在前面的相似时后移的幅度；0 为不后移。",
    ),
    (
        "The most datasets of one provider among a list's first ten; 0 is no limit.",
        "列表前十项里同一供应方最多几项；0 为不限。",
    ),
    (
        "The share of /recommend/detail lists in which one place tries a dataset that just missed the list.",
        "/recommend/detail 的列表里，有多大比例拿出一个位置试一个差一点入选的数据集。",
    ),
    (
        "The share of /recommend/detail lists in which one place tries a new dataset that is near the page.",
        "/recommend/detail 的列表里，有多大比例拿出一个位置试一个与页面相近的新数据集。",
    ),
    (
        "Who counts in no figure and in no training (addresses, agents, users, times, lists); DATA_DIR/exclude.toml where empty.",
        "不计入任何指标与训练的对象（地址、User-Agent、用户、时段、列表）；为空时为 DATA_DIR/exclude.toml。",
    ),
    (
        "Rules for lists (never, pin, boost, demote); DATA_DIR/rules.toml where empty.",
        "列表规则文件（never、pin、boost、demote）；为空时为 DATA_DIR/rules.toml。",
    ),
    (
        "Whether cheap, little used and stale datasets stand behind all others in the list of popular ones.",
        "热门列表里，低价、少有人用、久无动静的数据集是否排在其余之后。",
    ),
    ("A dataset that costs less, or whose price is unknown, is cheap.", "价格低于此值或价格未知的数据集视为低价。"),
    ("A dataset with fewer views and orders together is little used.", "浏览与订单合计少于此值的数据集视为少有人用。"),
    (
        "A dataset whose latest view or order is more days ago is stale.",
        "最近一次浏览或订单距今超过此天数的数据集视为久无动静。",
    ),
    (
        "About how many seconds' worth of one core's work the best ranker is looked for; 0 learns none.",
        "搜索最佳排序器的计算量，约合单核多少秒；0 为不学排序器。",
    ),
    (
        "How far an exposure is before its list is answered: none (in memory), os (survives the server), disk (survives the machine).",
        "应答列表之前曝光写到哪一步：none（内存）、os（服务进程退出不丢）、disk（机器断电不丢）。",
    ),
    (
        "At how many megabytes the exposure log begins a new file; 0 is only every day.",
        "曝光日志满多少 MB 换新文件；0 为只按天换。",
    ),
    ("The address the server listens on.", "服务监听的地址。"),
    (
        "How answers and the exposure log write ids: number or string.",
        "应答与曝光日志里 ID 的写法：number（数字）或 string（字符串）。",
    ),
    ("How many megabytes of finished lists the server keeps.", "列表缓存的大小，单位 MB。"),
    (
        "How many connections the server holds at a time; for more, idle ones make room.",
        "同时保持的连接数上限；超出时空闲连接让位。",
    ),
    ("How long a client may take to send a request or to take its answer.", "客户端发完请求或收完应答的时限，单位秒。"),
    (
        "Whose pages may ask the API from a browser: origins with commas between, or *.",
        "允许哪些网页从浏览器调用 API：源（origin），以逗号分隔，或 *。",
    ),
    (
        "How late a list may be before it is made the short way (over_budget); 0 is no limit.",
        "列表超过多少毫秒改走捷径（over_budget）；0 为不限。",
    ),
    (
        "How late the server may be before it turns requests away with 503; 0 is never.",
        "服务积压超过多少毫秒以 503 拒绝请求；0 为从不拒绝。",
    ),
    (
        "Experiments (TOML, or the old system's YAML); DATA_DIR/experiments.toml where empty.",
        "实验文件（TOML，或旧系统的 YAML）；为空时为 DATA_DIR/experiments.toml。",
    ),
    (
        "Where this server stands, as its metrics say it (recommendation_service_info).",
        "本服务所处的环境，写进指标 recommendation_service_info。",
    ),
    (
        "The token for admin routes (Authorization: Bearer ...); they are off without one.",
        "管理接口的令牌（Authorization: Bearer ...）；不设则管理接口关闭。",
    ),
    (
        "The token of test requests (X-Test-Token: ...), whose lists are not logged; without one there are none.",
        "测试请求的令牌（X-Test-Token: ...），其列表不记入日志；不设则没有测试请求。",
    ),
    (
        "Who may see /reports: off (nobody), local (from this machine, or with the admin token), on (whoever asks).",
        "谁可以看 /reports：off（谁也不行）、local（本机，或持管理令牌）、on（所有人）。",
    ),
    (
        "The proxy that requests to others go through, such as http://proxy:3128; none to this machine do.",
        "访问外部所经的代理，如 http://proxy:3128；访问本机不经代理。",
    ),
    (
        "Hosts that are reached without the proxy, as names and addresses: `.example.cn` stands for all below it.",
        "不经代理访问的主机（名称或地址）；`.example.cn` 代表其下所有主机。",
    ),
    ("How many seconds a request may take.", "一个请求最多等几秒。"),
    (
        "The jobs of `nearset schedule` (TOML); DATA_DIR/schedule.toml where empty, and the usual four where that is not there.",
        "`nearset schedule` 的任务（TOML）；为空时用 DATA_DIR/schedule.toml，该文件不存在时用惯常的四个任务。",
    ),
    (
        "Who is told of what (TOML); DATA_DIR/notify.toml where empty.",
        "什么事通知谁（TOML）；为空时用 DATA_DIR/notify.toml。",
    ),
    (
        "The address at which Alertmanager's webhooks are taken; none where empty.",
        "接收 Alertmanager webhook 的地址；为空则不接收。",
    ),
    (
        "The company's id at WeCom; with it and the three below all is told through its application.",
        "企业微信的企业 ID；与下面三项一起设置后，一切经该应用通知。",
    ),
    ("The secret of the application at WeCom.", "企业微信应用的 Secret。"),
    ("The number of the application at WeCom.", "企业微信应用的 AgentId。"),
    ("Who is told at WeCom: user ids with | between them, or @all.", "企业微信中通知谁：用户 ID，以 | 分隔，或 @all。"),
    (
        "The MLflow server (http or https) or folder (file:) that runs are told to; none where empty.",
        "把运行上报到哪个 MLflow 服务（http 或 https）或目录（file:）；为空则不上报。",
    ),
    ("The experiment that they are told under.", "上报到哪个实验。"),
    (
        "The name in MLflow's registry that versions stand under; that of the experiment where empty.",
        "各版本在 MLflow 模型注册表中的名称；为空则用实验的名称。",
    ),
    (
        "The alias in MLflow's registry of the version that answers; none where empty.",
        "MLflow 模型注册表中当前版本的别名；为空则不设别名。",
    ),
    ("The user at the MLflow server.", "MLflow 服务的用户。"),
    ("A token instead of user and password.", "代替用户与密码的令牌。"),
    ("How a line of the log looks: text or json.", "日志每行的格式：text 或 json。"),
    (
        "How many milliseconds a request takes before it is logged as slow; 0 is never.",
        "请求超过多少毫秒记为慢请求；0 表示从不。",
    ),
    (
        "Where traces go (OTLP over HTTP); none are made where empty.",
        "链路追踪发往何处（OTLP over HTTP）；为空则不产生。",
    ),
    ("Whether every request is logged when it is answered: on or off.", "是否为每个请求记一行日志：on 或 off。"),
    (
        "Which requests are traced, by OpenTelemetry's names; parentbased_ asks the caller's traceparent first.",
        "追踪哪些请求，用 OpenTelemetry 的名称；parentbased_ 先看调用方的 traceparent。",
    ),
    (
        "The share of requests that a sampler with traceidratio takes, 0 to 1.",
        "带 traceidratio 的采样器所取的请求比例，0 到 1。",
    ),
    ("What this server is called in traces.", "链路追踪中本服务的名称。"),
    ("How many model versions are kept, the newest; 0 is all.", "保留最新的几个模型版本；0 表示全部。"),
    (
        "How many days packed exposure logs are kept once a run has taken them in; 0 is for ever.",
        "已压缩且已读入的曝光日志保留多少天；0 表示永久。",
    ),
    ("How many backups are kept in BACKUP_DIR, the newest; 0 is all.", "BACKUP_DIR 中保留最新的几份备份；0 表示全部。"),
    (
        "Where `nearset backup` writes; DATA_DIR/backups where empty.",
        "`nearset backup` 写到哪里；为空时为 DATA_DIR/backups。",
    ),
    ("How many days logs of runs are kept; 0 is for ever.", "运行日志保留多少天；0 表示永久。"),
    (
        "Whether a run that fails keeps what its steps had done, for `nearset runs retry`: on or off.",
        "运行失败时是否保留已完成各步的结果，供 `nearset runs retry` 使用：on 或 off。",
    ),
    (
        "How many days daily reports and reconciliations are kept; 0 is for ever.",
        "日报与对账文件保留多少天；0 表示永久。",
    ),
    (
        "The token of analysts (Authorization: Bearer ...): POST /sql and previews in the console; they are off without one.",
        "分析师令牌（Authorization: Bearer ...）：用于 POST /sql 和控制台里的预览；不设置则关闭。",
    ),
    ("How many megabytes of memory a query to the server may use.", "对服务的一次查询最多可用多少 MB 内存。"),
    ("How many seconds a query to the server may take.", "对服务的一次查询最多可运行多少秒。"),
    ("How many rows POST /sql and GET /views/{name} give at most.", "POST /sql 与 GET /views/{name} 最多返回多少行。"),
    ("How many queries the server answers at the same time; others wait.", "服务同时执行多少个查询，其余排队。"),
];

/// What the groups of settings are called.
pub(super) const TITLES: &[(&str, &str)] = &[
    ("Where rows come from", "数据来源"),
    ("The marketplace's database", "业务库"),
    ("Matomo's database", "Matomo 数据库"),
    ("Folders, memory, threads, language", "目录、内存、线程、语言"),
    ("Models of texts and pictures", "文本与图像模型"),
    ("Time zones and visits", "时区与访问"),
    ("Lists", "列表"),
    ("Training", "训练"),
    ("The exposure log", "曝光日志"),
    ("The server", "服务"),
    ("Queries to the server", "对服务的查询"),
    ("Requests to others", "访问外部"),
    ("The schedule", "定时任务"),
    ("Notifications", "通知"),
    ("MLflow", "MLflow"),
    ("Logs and traces", "日志与链路追踪"),
    ("What is kept", "保留多久"),
];

/// The Chinese of a group's title.
pub(super) fn title(english: &'static str) -> &'static str {
    TITLES.iter().find(|(title, _)| *title == english).map_or(english, |(_, chinese)| chinese)
}

/// The Chinese of a setting's sentence.
pub(super) fn of(sentence: &str) -> Option<&'static str> {
    SENTENCES.iter().find(|(english, _)| *english == sentence).map(|(_, chinese)| *chinese)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::config::load::groups;
    use crate::config::settings;

    #[test]
    fn every_setting_has_its_chinese_and_no_sentence_is_stale() {
        let there: BTreeSet<String> = settings().iter().map(|setting| setting.sentence()).collect();
        let translated: BTreeSet<String> = SENTENCES.iter().map(|(english, _)| (*english).to_owned()).collect();
        assert_eq!(translated.len(), SENTENCES.len(), "a sentence is there twice");
        let missing: Vec<_> = there.difference(&translated).collect();
        let stale: Vec<_> = translated.difference(&there).collect();
        assert!(
            missing.is_empty() && stale.is_empty(),
            "src/config/chinese.rs lacks {missing:#?}, needs no {stale:#?}"
        );
    }

    #[test]
    fn every_group_has_its_chinese_title() {
        let titles: Vec<&str> = groups().into_iter().map(|(title, _)| title).collect();
        assert_eq!(titles, TITLES.iter().map(|(english, _)| *english).collect::<Vec<_>>());
    }
}
