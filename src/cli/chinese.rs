//! The help in Chinese: our sentences by their English ones, and clap's own words.

use clap::Command;
use clap::builder::{Resettable, StyledStr};

/// What commands, arguments and their values are said to be, paragraph by paragraph.
pub(super) const PARAGRAPHS: &[(&str, &str)] = &[
    (
        "Recommends datasets beside datasets: reads the marketplace's exports, learns, evaluates itself, serves",
        "在数据集旁推荐数据集：读取数据市场的导出，学习，自我评估，提供服务",
    ),
    (
        "Recommends datasets beside datasets: reads the marketplace's exports, learns, evaluates itself, serves.",
        "在数据集旁推荐数据集：读取数据市场的导出，学习，自我评估，提供服务。",
    ),
    (
        "Settings come from flags, the environment, .env, nearset.toml, and defaults, in this order; nearset.example.toml lists them all.",
        "设置依次取自命令行参数、环境变量、.env、nearset.toml、默认值；nearset.example.toml 列出全部。",
    ),
    (
        "The folder of the warehouse, the reports and the exposure log (DATA_DIR)",
        "仓库、报表与曝光日志的目录（DATA_DIR）",
    ),
    ("The folder of model versions (MODELS_DIR)", "模型版本的目录（MODELS_DIR）"),
    ("The settings file, instead of nearset.toml", "设置文件，代替 nearset.toml"),
    ("Run the pipeline: extract, features, train, evaluate, reconcile", "运行流水线：抽取、特征、训练、评估、对账"),
    ("Run this step alone", "只运行这一步"),
    ("Run this step and all after it", "从这一步运行到最后"),
    ("Takes in what is new at the sources", "抽取数据源的新增数据"),
    ("Builds what the SQL project makes of it, up to what training reads", "构建 SQL 项目的各关系，直到训练所读的"),
    ("Trains a model version", "训练一个模型版本"),
    ("Replays held-out visits and works out the figures of lists", "回放留出的访问，计算列表的指标"),
    ("Sets the figures beside the orders, and writes reports", "与订单对账，写报表"),
    ("Read all sources again, from their first row or file on", "从第一行（第一个文件）起重新读取所有数据源"),
    ("Say what would be read and done, and do nothing", "只说会读什么、做什么，不实际执行"),
    (
        "Stands for now: 2026-10-28, 2026-10-28 09:30:00 (UTC) or 2026-10-28T09:30:00+08:00",
        "代替当前时间：2026-10-28、2026-10-28 09:30:00（UTC）或 2026-10-28T09:30:00+08:00",
    ),
    ("Let it be before the moment that the published warehouse stands for", "允许它早于已发布仓库所对应的时刻"),
    (
        "Publish what has changed in sql/ and views/, without taking in or training anything",
        "发布 sql/ 与 views/ 的改动，不抽取数据，也不训练",
    ),
    (
        "Only these: a relation, a folder such as marts or views, or +relation with all that it reads; what reads them follows",
        "只生成这些：关系，目录（如 marts、views），或 +关系（连同它所读的一切）；读取它们的随之生成",
    ),
    ("Also what has not changed since it was published", "也生成发布后没有改动的"),
    (
        "Show the first rows of a file as it is now, with all that has changed below it; nothing is published",
        "按当前文件显示前若干行，连同其上游的改动；不发布任何内容",
    ),
    (
        "A relation's name, or a file: also one that is not in the project yet",
        "关系名或文件：也可以是尚未放入项目的文件",
    ),
    ("How many rows", "行数"),
    ("Print rows, changes and tests as JSON", "以 JSON 输出数据行、改动与测试"),
    ("Print what is wrong as JSON: file, line, column, message, caret", "以 JSON 输出问题：文件、行、列、说明、标记"),
    ("Take in what is new at the sources, and nothing else", "只抽取数据源的新增数据"),
    ("The settings in force", "生效的设置"),
    (
        "Print the settings in force, each with the place it comes from; secrets are hidden",
        "显示生效的设置及各自的来源；密钥不显示",
    ),
    ("Only those with another value than the default", "只列出与默认值不同的"),
    ("As JSON", "以 JSON 输出"),
    (
        "Set the old system's evaluation files beside the published figures, and say why they differ",
        "把旧系统的评估文件与已发布的数字并列，并说明差异的原因",
    ),
    (
        "Ask a running server for all that its users ask it: lists of datasets that there are, metrics, reports",
        "像用户那样询问运行中的服务器：已有数据集的列表、监控指标、报表",
    ),
    (
        "With the server's TEST_TOKEN its lists are not logged; without, they are logged as fetched ahead and counted in no figure.",
        "设置了服务器的 TEST_TOKEN 时，列表不记入日志；否则按预取记入日志，不计入任何指标。",
    ),
    ("Past runs and their steps", "历次运行及其步骤"),
    ("How many runs to show, newest last", "显示几次运行，最新的在最后"),
    (
        "Run the jobs of schedule.toml when they are due, until told to stop",
        "按 schedule.toml 定时运行任务，直到被要求停止",
    ),
    ("List the jobs and end, as `schedule list`", "列出任务后结束，同 `schedule list`"),
    ("List the jobs: how they stand, what they did last, when they run next", "列出任务：状态、上次结果、下次时间"),
    ("Run a job's command at once, beside its schedule", "立即运行某个任务的命令，不影响其调度"),
    ("The job's name", "任务名称"),
    (
        "The moment that it stands for, as 2026-10-28 or 2026-10-28T18:00:00Z; now, where none is named",
        "所代表的时刻，如 2026-10-28 或 2026-10-28T18:00:00Z；不写则为现在",
    ),
    ("Where the scheduler looks for how it ended", "调度器查看其结果的位置"),
    (
        "One run: its steps, what was said, what was published, and how to go on",
        "一次运行：各步、提示、发布了什么、接下来怎么办",
    ),
    ("The run's id or its beginning, or `last`", "运行的编号或其开头，或 `last`（最近一次）"),
    ("The log of a run", "一次运行的日志"),
    (
        "That of this step alone: prepare, extract, features, train, evaluate, reconcile or publish",
        "只看这一步：prepare、extract、features、train、evaluate、reconcile 或 publish",
    ),
    ("Go on with what comes, until the run ends", "持续显示后续内容，直到运行结束"),
    ("The lines as they are kept, each a JSON object", "按保存的原样显示，每行一个 JSON 对象"),
    (
        "Run again what failed, with the same options: from the step that failed on, where what those before it had done is kept",
        "以相同选项重试失败的运行：之前各步的结果若已保留，则从失败的一步继续",
    ),
    ("End a run that goes on; nothing of it is published", "结束正在进行的运行；不发布任何内容"),
    ("Serve the API", "提供 API 服务"),
    (
        "Run the jobs of schedule.toml too, as `nearset schedule` does",
        "同时运行 schedule.toml 的任务，与 `nearset schedule` 相同",
    ),
    ("The address to listen on (LISTEN)", "监听的地址（LISTEN）"),
    (
        "Run on the sample data in the program (or on your own sources, where the settings name some), then serve",
        "用程序自带的示例数据运行（设置里写了自己的数据源就用它），然后提供服务",
    ),
    ("The project's files as a folder of your own, to edit", "把项目文件写成自己的文件夹，以便修改"),
    (
        "Write sql/, views/, nearset.toml and the examples of rules, experiments, jobs and receivers; no file is overwritten",
        "写出 sql/、views/、nearset.toml 以及规则、实验、任务与接收者的示例；不覆盖任何文件",
    ),
    ("The folder; the working folder where none is named", "文件夹；不写则为当前文件夹"),
    (
        "Say which files differ from those inside the program, as after an upgrade",
        "哪些文件与程序自带的不同，例如升级之后",
    ),
    ("The folder; PROJECT_DIR or the working folder where none is named", "文件夹；不写则为 PROJECT_DIR 或当前文件夹"),
    ("Print what completes commands in a shell", "输出 shell 的命令补全"),
    ("The shell", "哪种 shell"),
    ("Write the man pages", "写出 man 手册"),
    (
        "The folder they are written into, as nearset.1, nearset-run.1 and so on",
        "写入的文件夹，文件名为 nearset.1、nearset-run.1 等",
    ),
    ("Only run the pipeline", "只运行流水线"),
    (
        "Read-only SQL on the published warehouse: a query, a file, or at a prompt",
        "对已发布的仓库做只读 SQL：一条查询、一个文件，或在提示符下",
    ),
    (
        "How many rows of a table to show; 0 shows all. 1000 on a terminal, else all",
        "表格显示几行，0 为全部；终端上默认 1000 行，其他情况默认全部",
    ),
    ("Show what is longer than the screen at once, not through PAGER", "超过一屏时直接显示，不经 PAGER 翻页"),
    (
        "As it was published, whatever has changed in sql/ and views/ since",
        "按已发布的内容，不理会 sql/ 与 views/ 之后的改动",
    ),
    ("As JSON, as --format json", "以 JSON 输出，同 --format json"),
    ("As JSON, what would be done", "以 JSON 输出会做什么"),
    ("Each row's columns below each other, for people", "每行的各列上下排列，供人阅读"),
    (
        "The query, a file that holds some (it ends in .sql), or - for standard input; without one, a prompt",
        "查询、含查询的文件（以 .sql 结尾），或 - 表示标准输入；不给则进入提示符",
    ),
    ("How to write the result", "结果的格式"),
    ("Aligned columns, for people", "对齐的列，给人看"),
    ("An array of objects", "对象数组"),
    ("With a header", "带表头"),
    ("A file's bytes", "文件内容"),
    (
        "The SQL project: what there is, what feeds what, what is wrong with it",
        "SQL 项目：有哪些关系，谁读谁，哪里有错",
    ),
    (
        "Check every file: syntax, names, cycles, and (where there is a warehouse) columns and types",
        "检查每个文件：语法、名字、循环，有仓库时还检查列与类型",
    ),
    ("List macros and relations with their descriptions", "列出宏与关系及其说明"),
    ("Only this one, with its columns", "只看这一个，连同它的列"),
    ("Show what feeds what", "显示谁读谁（血缘）"),
    ("Only what this relation reads and what reads it", "只看这个关系读谁、被谁读"),
    (
        "Replay held-out visits: how good the lists are, how sure that is, what each part brings, and how old lists did beside them",
        "回放留出的访问：列表有多好、有多可靠、每个部分的贡献，以及当时的旧列表相比如何",
    ),
    (
        "Measure this saved version, on visits after it was trained; again for more, all on the same visits",
        "评估这个已保存的版本，用它训练之后的访问；可重复给出，都用同一批访问",
    ),
    ("Measure all saved versions", "评估所有已保存的版本"),
    ("Hold out the visits that began from this time on", "留出从此时起开始的访问"),
    (
        "Learn from this file of sessions instead (SessionId, ItemId, Time; tab-separated, plain or .gz)",
        "改从这个会话文件学习（SessionId、ItemId、Time，以制表符分隔，可为 .gz）",
    ),
    ("Measure on this file of sessions", "用这个会话文件评估"),
    (
        "Only /recommend/detail and /similar, not every channel and what it brings",
        "只看 /recommend/detail 与 /similar，不看各召回通道及其贡献",
    ),
    ("Write the figures as JSON", "以 JSON 输出指标"),
    (
        "Train a version, let it answer a share of the visitors, and promote it or go back by what they click",
        "训练一个版本，让它应答一部分访客，按点击情况启用或回退",
    ),
    ("Release this saved version; without it a run trains one", "发布这个已保存的版本；不写则先运行并训练一个"),
    ("The share of the visitors that it answers: 10% or 0.1", "它应答的访客比例：10% 或 0.1"),
    ("For how long, unless it is clearly worse: 30m, 12h or 3d", "持续多久（明显更差时提前结束）：30m、12h 或 3d"),
    ("How many exposures both versions must have before anything is said", "两个版本各须有多少曝光才作判断"),
    (
        "What becomes of it when the time is over and it is neither clearly better nor clearly worse",
        "到时仍分不出好坏时如何处理",
    ),
    ("It becomes current, as a run would have had it", "设为当前版本，如同普通运行"),
    ("The current version stays", "保留当前版本"),
    ("The run stands for this time, as in `nearset run`", "运行所代表的时刻，同 `nearset run`"),
    ("Tell how the release stands, or how the last one ended", "显示发布的进展，或上一次的结果"),
    (
        "Look at what was clicked, and decide where that can be; a run and the scheduler do so by themselves",
        "查看点击并在可以时作出决定；运行与调度器会自动这样做",
    ),
    ("Make the version current now", "立即把该版本设为当前版本"),
    ("End the release: the current version stays", "结束发布：保留当前版本"),
    (
        "Write warehouse, models, logs, reports and settings into one file, while everything goes on",
        "把仓库、模型、日志、报表与设置写入一个文件，期间一切照常",
    ),
    (
        "The folder it is written to, or a file ending in .tar; BACKUP_DIR where none is named",
        "写入的目录，或以 .tar 结尾的文件；不写则为 BACKUP_DIR",
    ),
    (
        "Keep the newest so many there and remove older ones; 0 keeps all (KEEP_BACKUPS)",
        "在该处保留最新的几份，删除更早的；0 为全部保留（KEEP_BACKUPS）",
    ),
    ("Take every model version, not only those that answer or are named", "备份所有模型版本，而不只是在应答或被指定的"),
    ("Read it again once it is written", "写完后再读一遍"),
    ("List the backups in a folder", "列出目录中的备份"),
    ("The folder; BACKUP_DIR where none is named", "目录；不写则为 BACKUP_DIR"),
    ("Read a backup and check every file in it", "读取一份备份并校验其中每个文件"),
    ("The backup", "备份文件"),
    ("Bring a backup back", "恢复一份备份"),
    (
        "Restore into this folder, as data/ and models/ in it, instead of DATA_DIR and MODELS_DIR",
        "恢复到该目录下的 data/ 与 models/，而不是 DATA_DIR 与 MODELS_DIR",
    ),
    ("Only these parts, with commas between", "只恢复这些部分，以逗号分隔"),
    (
        "Also where something is there already: that is moved aside, not removed",
        "已有内容时也恢复：原有内容移到一旁，不删除",
    ),
    ("The warehouse, with the history of runs", "仓库与运行历史"),
    ("The model versions that answer, or all of them", "在应答的模型版本，或全部"),
    ("Reports and the Parquet copies", "报表与 Parquet 副本"),
    ("What is scheduled, what is wrong, logs of runs", "调度与告警状态、运行日志"),
    (
        "Settings, rules, experiments, contracts, sql/ and views/ of your own",
        "设置、规则、实验、契约，自有的 sql/ 与 views/",
    ),
    ("The exposure log", "曝光日志"),
    ("What this program will change on what another one wrote", "本程序会如何改动其他版本写下的内容"),
    (
        "Look at warehouse, versions, settings and project, and say what changes and what cannot be read; nothing is changed",
        "检查仓库、版本、设置与项目，说明会改变什么、什么无法读取；不做任何改动",
    ),
    ("Model versions", "模型版本"),
    ("List the versions, with their held-out figures", "列出版本及其留出指标"),
    ("Make a version the current one", "把一个版本设为当前版本"),
    ("Go back to the version that was current before", "回退到之前的当前版本"),
    (
        "Let a version answer a share of the visitors; `off` for none",
        "让一个版本应答一部分访客（金丝雀）；`off` 为关闭",
    ),
    (
        "Let a version make lists that are logged and not shown; `off` for none",
        "让一个版本生成只记录、不展示的列表（影子）；`off` 为关闭",
    ),
    ("The version, or `off`", "版本，或 `off`"),
    (
        "For which share of the visitors (canary: 0.05) or of the requests (shadow: 0.1), 0 to 1",
        "占访客（金丝雀，默认 0.05）或请求（影子，默认 0.1）的比例，0 到 1",
    ),
    ("Experiments: where they stand, start and stop them, give variants other shares", "实验：进展、启停与流量分配"),
    (
        "All experiments: state, days, visitors, and what may be said of each variant",
        "全部实验：状态、天数、访客，以及各变体的结论",
    ),
    ("One experiment in depth, as the last run found it", "某个实验的详情，以上次运行为准"),
    ("Let an experiment run; a server takes that up within a second", "启动实验；服务会在一秒内生效"),
    ("Stop an experiment, and say how to keep one of its variants", "停止实验，并说明如何保留某个变体"),
    (
        "Give variants shares by their click rates; says what they would be, and writes them with --apply",
        "按点击率重新分配流量；默认只显示结果，--apply 才写入",
    ),
    ("Its name", "名称"),
    ("Say what makes this variant everybody's", "说明如何让所有访客都用上这个变体"),
    ("No variant gets a smaller share", "任何变体的比例不低于此值"),
    ("Write the shares to the file", "把比例写入文件"),
    ("What MLflow is told of training", "向 MLflow 上报训练"),
    ("Tell MLflow all that waits, now", "立即把待上报的内容报给 MLflow"),
    ("Versions that were trained before MLflow was there, to be told, too", "启用 MLflow 之前训练的版本，一并上报"),
    ("What MLflow has not been told yet, and why", "哪些尚未上报 MLflow，以及原因"),
    ("Who is told of what is wrong", "异常通知给谁"),
    (
        "Send a message that says that nothing is wrong, now, and say what came back",
        "立即发送一条测试消息，并说明收到的应答",
    ),
    ("Only to this receiver", "只发给这个接收者"),
    (
        "Who is told, what is wrong, what still waits, what was refused and why",
        "接收者、当前异常、待发送的消息、被拒收的消息及原因",
    ),
    (
        "Take webhooks of Alertmanager and Sentry, look for what is wrong, and tell it, until stopped",
        "接收 Alertmanager 与 Sentry 的 webhook，检查异常并发出通知，直到被停止",
    ),
    (
        "The address to listen on (NOTIFY_LISTEN), 127.0.0.1:9000 where neither says one",
        "监听的地址（NOTIFY_LISTEN）；都不写则为 127.0.0.1:9000",
    ),
    ("Have an alert no longer repeated or escalated", "确认一条告警，不再重复或升级"),
    ("Its name, as RunFailed", "告警名，如 RunFailed"),
    ("Only the one about this, as a job or a table", "只确认关于它的，如某个任务或表"),
    ("Write and show the reconciliation of some days again", "重写并显示若干天的对账"),
    ("The first day, as 2026-10-01", "起始日期，如 2026-10-01"),
    ("The last day", "结束日期"),
    ("Write one day's report again", "重写某一天的报表"),
    ("The day, as 2026-10-01", "日期，如 2026-10-01"),
    (
        "Find datasets by words: by names and tags, by what texts mean, by what pictures show",
        "按词查找数据集：按名称与标签，按文本含义，按图片内容",
    ),
    ("What is looked for", "要找什么"),
    ("How many datasets", "几个数据集"),
    (
        "Make a table of token vectors from a text model: hundreds of times quicker, a little less exact",
        "由文本模型蒸馏出一张词元向量表：快几百倍，精度略低",
    ),
    ("The folder of the model to learn from, or its name", "教师模型的目录，或名字"),
    ("The folder to write; TEXT_MODEL_PATH can name it afterwards", "写到哪个目录；之后可用 TEXT_MODEL_PATH 指定它"),
    ("How many dimensions its vectors have", "向量的维数"),
    (
        "Texts to learn from, one a line: what the table makes of texts then comes nearer to what the model does",
        "供学习的文本，每行一条：向量表对文本的表示由此更接近模型",
    ),
    (
        "Write a byte for each number: a quarter of the size, for nearset alone",
        "每个数只写一个字节：大小为四分之一，只有 nearset 能读",
    ),
    (
        "Check settings, folders, sources and model files, and say how to mend what is wrong",
        "检查设置、目录、数据源与模型文件，并说明如何修复",
    ),
];

/// Clap's own words in a help; what holds another stands before it.
const CLAP: &[(&str, &str)] = &[
    ("Usage: ", "用法："),
    ("Usage:", "用法："),
    ("Commands:", "命令："),
    ("Arguments:", "参数："),
    ("Options:", "选项："),
    ("Possible values:", "可选值："),
    ("[possible values: ", "[可选值："),
    ("[default: ", "[默认："),
    ("[OPTIONS]", "[选项]"),
    ("[COMMAND]", "[命令]"),
    ("<COMMAND>", "<命令>"),
    ("Print help (see more with '--help')", "显示帮助（--help 更详细）"),
    ("Print help (see a summary with '-h')", "显示帮助（-h 只看摘要）"),
    ("Print help", "显示帮助"),
    ("Print version", "显示版本"),
    ("Print this message or the help of the given subcommand(s)", "显示本帮助，或某个子命令的帮助"),
];

/// A command and all below it with their sentences in Chinese.
pub(super) fn command(command: Command) -> Command {
    let (about, long_about) = (in_chinese(command.get_about()), in_chinese(command.get_long_about()));
    let mut command = command.mut_args(|arg| {
        let (help, long_help) = (in_chinese(arg.get_help()), in_chinese(arg.get_long_help()));
        arg.help(help).long_help(long_help)
    });
    let below: Vec<String> = command.get_subcommands().map(|below| below.get_name().to_owned()).collect();
    for name in below {
        command = command.mut_subcommand(name, self::command);
    }
    command.about(about).long_about(long_about)
}

fn in_chinese(text: Option<&StyledStr>) -> Resettable<StyledStr> {
    let paragraphs = |text: &StyledStr| text.to_string().split("\n\n").map(sentence).collect::<Vec<_>>().join("\n\n");
    text.map(|text| StyledStr::from(paragraphs(text))).into()
}

/// The Chinese of a paragraph; a test holds that there is one.
fn sentence(english: &str) -> &str {
    PARAGRAPHS.iter().find(|(text, _)| *text == english).map_or(english, |(_, chinese)| chinese)
}

/// A help that clap made, with clap's own words and what it says of values in Chinese.
pub(super) fn help(text: &str) -> String {
    let line = |line: &str| match line.trim_start().strip_prefix("- ").and_then(|value| value.split_once(':')) {
        Some((_, said)) => line.replace(said.trim(), sentence(said.trim())),
        None => line.to_owned(),
    };
    let text = text.lines().map(line).collect::<Vec<_>>().join("\n");
    CLAP.iter().fold(text, |text, (english, chinese)| text.replace(english, chinese))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    /// Everything that a command and those below it say of themselves.
    fn said(command: &Command, texts: &mut BTreeSet<String>) {
        let mut add = |text: Option<&StyledStr>| {
            let text = text.map(|text| text.to_string()).unwrap_or_default();
            texts.extend(text.split("\n\n").filter(|text| !text.is_empty()).map(str::to_owned));
        };
        add(command.get_about());
        add(command.get_long_about());
        for arg in command.get_arguments() {
            add(arg.get_help());
            add(arg.get_long_help());
            arg.get_possible_values().iter().for_each(|value| add(value.get_help()));
        }
        command.get_subcommands().for_each(|below| said(below, texts));
    }

    #[test]
    fn every_help_text_has_its_chinese_and_none_is_stale() {
        let mut there = BTreeSet::new();
        said(&Cli::command(), &mut there);
        let translated: BTreeSet<String> = PARAGRAPHS.iter().map(|(english, _)| (*english).to_owned()).collect();
        assert_eq!(translated.len(), PARAGRAPHS.len(), "a text is there twice");
        let missing: Vec<_> = there.difference(&translated).collect();
        let stale: Vec<_> = translated.difference(&there).collect();
        assert!(missing.is_empty() && stale.is_empty(), "src/cli/chinese.rs lacks {missing:#?}, needs no {stale:#?}");
    }
}
