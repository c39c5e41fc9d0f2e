//! Every setting, in groups, each written once. The help and `nearset.example.toml` are made of this file.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use chrono::TimeDelta;
use encoding_rs::Encoding;

use super::kinds::{
    Kind, column_or_none, connections, dimension_or_none, dimensions, encoding, from_zero, is_name, language,
    log_level, megabytes, memory, milliseconds, minutes, names, origins, parsed, path, path_or_none, project, seconds,
    seconds_from_one, share_or_auto, sites, some, switch, switch_or_auto, text, text_or_none, threads, timezone, whole,
};
use super::operations::Operations;
use super::setting::{Setting, settings};
use super::values::Values;
use super::variety::Variety;
use crate::common::ids::IdFormat;
use crate::common::language::{Language, either};
use crate::common::secrets::Secret;

/// Where a source's tables are read from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A folder of exports.
    Json,
    /// A database.
    Database(Database),
}

/// How a source is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// From JSON exports.
    Json,
    /// From its database.
    Database,
}

fn mode(text: &str) -> Option<Mode> {
    match text.to_lowercase().as_str() {
        "json" => Some(Mode::Json),
        "database" => Some(Mode::Database),
        _ => None,
    }
}

fn json_or_database() -> &'static str {
    either("json or database", "json 或 database")
}

fn mode_or_none(text: &str) -> Option<Option<Mode>> {
    if text.is_empty() { Some(None) } else { mode(text).map(Some) }
}

settings! {
    /// Which source is read how.
    pub struct Modes {
        /// Where both sources are read from: json (a folder of exports) or database.
        both: Mode = DATA_SOURCE, default "json", Kind::new(json_or_database(), mode);
        /// The same for the marketplace's tables alone.
        business: Option<Mode> = BUSINESS_DATA_SOURCE, example "database", Kind::new(json_or_database(), mode_or_none);
        /// The same for Matomo's tables alone.
        matomo: Option<Mode> = MATOMO_DATA_SOURCE, example "database", Kind::new(json_or_database(), mode_or_none);
    }
}

settings! {
    /// What the settings say of a database; whether it makes sense is found out when it is needed. For the marketplace
    /// their names begin with `BUSINESS_`, for Matomo with `MATOMO_`.
    pub struct Database with {
        /// `BUSINESS` or `MATOMO`: what the names of its settings start with.
        settings: &'static str,
    } {
        /// The MySQL or MariaDB server: a name, an address or a socket's path.
        host: String = DB_HOST, default "127.0.0.1", Kind::hidden(
            either(
                "a server's name, address or socket; a URL belongs into {prefix}DB_URL",
                "服务器的主机名、地址或 socket；URL 请写在 {prefix}DB_URL",
            ),
            |text| is_name(text).then(|| text.to_owned()),
        );
        /// Its port.
        port: u16 = DB_PORT, default "3306", Kind::new(either("a port, 1 to 65535", "端口，1 到 65535"), |text| {
            text.parse().ok().filter(|p| *p > 0)
        });
        /// Its user; SELECT is the only right that is needed.
        user: Option<String> = DB_USER, example "nearset", text_or_none();
        /// Its password.
        ///
        /// It is better kept in the environment or in .env.
        password: Option<Secret> = DB_PASSWORD, example "...", Kind::hidden(either("a text", "文本"), |text| {
            Some(some(text).map(Secret))
        });
        /// The database that holds the tables.
        name: Option<String> = DB_NAME, example "shop", Kind::hidden(
            either("a database's name; a URL belongs into {prefix}DB_URL", "数据库名；URL 请写在 {prefix}DB_URL"),
            |text| is_name(text).then(|| some(text)),
        );
        /// Instead of these: mysql://, postgres://, sqlite: or duckdb:, with user and password.
        ///
        ///   mysql://user:password@host:3306/name?ssl_mode=required   postgres://user:password@host:5432/name
        ///   sqlite:/path/shop.db   duckdb:/path/shop.duckdb
        url: Option<Secret> = DB_URL, example "...", Kind::hidden("a URL", |text| Some(some(text).map(Secret)));
    }
}

settings! {
    /// How the marketplace's tables and Matomo's come in.
    pub struct Sources with {
        /// The marketplace's tables.
        business: Source,
        /// Matomo's tables.
        matomo: Source,
    } {
        /// The folder of JSON exports.
        ///
        /// It holds dataset.json and what else there is.
        json_dir: Option<PathBuf> = DATA_JSON_DIR, example "exports", path_or_none();
        /// What exports are encoded in that are not UTF-8, such as gbk, gb18030, big5.
        ///
        /// Names are those of web pages. UTF-8 and UTF-16 are told by themselves.
        json_encoding: Option<&'static Encoding> = JSON_ENCODING, example "gbk", encoding();
        /// What the names of Matomo's tables start with; may be empty.
        matomo_prefix: String = MATOMO_TABLE_PREFIX, default "matomo_", text();
        /// How far before the watermark a database is read again, for rows committed late.
        overlap: TimeDelta = DB_OVERLAP_MINUTES, default "10", minutes();
        /// How often a lost connection is tried again, after 1, 2, 4, 8 ... seconds.
        retries: u32 = DB_RETRIES, default "5", whole();
        /// How long a database may be silent before its connection counts as lost.
        timeout: Duration = DB_TIMEOUT_SECONDS, default "120", seconds_from_one();
        /// Where DuckDB's extensions are; those of nearset's package, else DuckDB's own folder, where empty.
        ///
        /// The package's are in lib/nearset/extensions beside bin, DuckDB's own in ~/.duckdb/extensions.
        extension_dir: Option<PathBuf> = DUCKDB_EXTENSION_DIRECTORY, example "/opt/nearset/extensions", path_or_none();
        /// Columns no source is asked for (* stands for anything).
        ///
        /// Columns nearset uses are always read.
        leave_out: Vec<String> = LEAVE_OUT_COLUMNS, default "password,passwd,pwd,*_password,salt,*secret*,*token*", names();
        /// Schema contracts (YAML) that source tables are held to; config/schema_contracts.yaml where empty, if it is there.
        ///
        /// Else DATA_DIR/schema_contracts.yaml. Without any, the columns that nearset needs must be there.
        contracts_file: Option<PathBuf> = SCHEMA_CONTRACTS, example "config/schema_contracts.yaml", path_or_none();
    }
}

settings! {
    /// The models that texts and pictures are read with. Nothing is ever downloaded.
    pub struct Models {
        /// The folder image_url is relative to; DATA_JSON_DIR where empty.
        ///
        /// A folder in it that is called as a dataset's id holds its pictures: up to four of them, by name, stand for it. Where
        /// this is empty, DATA_JSON_DIR/images is looked in first.
        image_root: Option<PathBuf> = DATASET_IMAGE_ROOT, example "exports", path_or_none();
        /// A sentence-transformers folder for texts, or none; a table of English tokens that nearset carries where empty.
        ///
        /// BERT, XLM-RoBERTa, or a distilled table. It joins TF-IDF and LSA where it helps.
        text_model: Option<String> =
            TEXT_MODEL_PATH, example "/opt/models/paraphrase-multilingual-MiniLM-L12-v2", text_or_none();
        /// The same by its name, looked for in the folders where Python keeps models.
        sbert_model: Option<String> = SBERT_MODEL, example "all-MiniLM-L6-v2", text_or_none();
        /// How much the text model counts beside words, from 0 to 1; auto is chosen from the catalogue and its visits.
        text_model_weight: Option<f32> = TEXT_MODEL_WEIGHT, default "auto", share_or_auto();
        /// A folder of models, looked in first for SBERT_MODEL and CLIP_MODEL_PATH.
        home: Option<PathBuf> = SENTENCE_TRANSFORMERS_HOME, example "/opt/models", path_or_none();
        /// A CLIP folder (or its name) for pictures; pictures are not looked at where empty.
        clip_model: Option<String> = CLIP_MODEL_PATH, example "/opt/models/clip-ViT-B-32", text_or_none();
    }
}

settings! {
    /// What the SQL files read with `getvariable`.
    pub struct Parameters {
        /// The time zone of the marketplace's own times (an IANA name).
        ///
        /// Matomo keeps UTC.
        business_timezone: String = BUSINESS_TIMEZONE, default "UTC", timezone();
        /// The time zone that days in reports are cut in.
        report_timezone: String = REPORT_TIMEZONE, default "UTC", timezone();
        /// The custom dimension that holds the request id; those of MATOMO_REQUEST_DIMENSIONS are searched after it.
        request_dimension: Option<u32> = MATOMO_REQUEST_DIMENSION, example "4", dimension_or_none();
        /// The custom dimensions searched for a request id, in this order.
        request_dimensions: Vec<u32> = MATOMO_REQUEST_DIMENSIONS, default "4,2,3,1", dimensions();
        /// The custom dimension that holds click_{position}_{dataset}; those of MATOMO_POSITION_DIMENSIONS are searched after it.
        position_dimension: Option<u32> = MATOMO_POSITION_DIMENSION, example "5", dimension_or_none();
        /// The custom dimensions searched for click_{position}_{dataset}, in this order.
        position_dimensions: Vec<u32> = MATOMO_POSITION_DIMENSIONS, default "5", dimensions();
        /// The sites of Matomo (idsite) whose rows count, with commas between; all where empty.
        ///
        /// The relation matomo_sites tells which there are.
        matomo_sites: Vec<u32> = MATOMO_SITE_ID, example "1", sites();
        /// The column of user that Matomo's user ids are looked up in where they are no ids, such as email.
        ///
        /// In any case of letters; it is read whatever LEAVE_OUT_COLUMNS says. A name that several users have, or none, is nobody's.
        user_column: Option<String> = MATOMO_USER_COLUMN, example "email", column_or_none();
        /// A visit with more actions than this is a bot's and counts nowhere.
        bot_max_actions: u32 = BOT_MAX_ACTIONS, default "100", whole();
    }
}

settings! {
    /// How lists are made.
    pub struct Lists {
        /// How much a dataset that is like one above it moves down a list; 0 is not at all.
        ///
        /// Behind it may stand what holds for lists of one source in its place, and what a device adds or takes:
        /// 0.1, search=0.6, home=0.3, mobile=-0.1
        diversity: Variety = VARIETY, default "0.1", Kind::new(
            either(
                "a number from 0 to 10, or such as 0.1, search=0.6, mobile=-0.1",
                "0 到 10 的数，或如 0.1, search=0.6, mobile=-0.1",
            ),
            Variety::read,
        );
        /// The most datasets of one provider among a list's first ten; 0 is no limit.
        provider_limit: usize = PROVIDER_LIMIT, default "0", whole();
        /// The share of /recommend/detail lists in which one place tries a dataset that just missed the list.
        ///
        /// The exposure log says with which probability.
        exploration: f64 = EXPLORATION, default "0.02", Kind::new(either("a number from 0 to 0.5", "0 到 0.5 的数"), |text| {
            text.parse().ok().filter(|number| (0.0..=0.5).contains(number))
        });
        /// The share of /recommend/detail lists in which one place tries a new dataset that is near the page.
        ///
        /// New is one of the last 30 days that lists have hardly shown (new_datasets.sql); the likelier it is to be clicked best, by
        /// what little is known, the more often it is tried. The exposure log says with which probability.
        new_exploration: f64 = NEW_EXPLORATION, default "0", Kind::new(either("a number from 0 to 0.5", "0 到 0.5 的数"), |text| {
            text.parse().ok().filter(|number| (0.0..=0.5).contains(number))
        });
        /// Rules for lists (never, pin, boost, demote); DATA_DIR/rules.toml where empty.
        ///
        /// See rules.example.toml.
        rules_file: Option<PathBuf> = RULES_FILE, example "rules.toml", path_or_none();
        /// Whether cheap, little used and stale datasets stand behind all others in the list of popular ones.
        ///
        /// true, false, or auto: where the environment or .env sets one of the next three, as the old system's did. None is left
        /// out, so that no list gets short.
        popular_filter: Option<bool> = POPULAR_ENABLE_FILTER, default "auto", switch_or_auto();
        /// A dataset that costs less, or whose price is unknown, is cheap.
        popular_min_price: f64 = POPULAR_MIN_PRICE, default "0.5", from_zero();
        /// A dataset with fewer views and orders together is little used.
        popular_min_interaction: u32 = POPULAR_MIN_INTERACTION, default "10", whole();
        /// A dataset whose latest view or order is more days ago is stale.
        popular_max_inactive_days: u32 = POPULAR_MAX_INACTIVE_DAYS, default "730", whole();
    }
}

settings! {
    /// How the ranker is learned.
    pub struct Train {
        /// About how many seconds' worth of one core's work the best ranker is looked for; 0 learns none.
        ///
        /// One of each kind is tried in any case. The work is worked out from the data and not measured: a slow machine trains
        /// what a fast one does. Without a ranker, lists keep the order of hand-made weights.
        budget: Duration = TRAIN_SECONDS, default "300", seconds();
    }
}

/// How far an exposure is before its list is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// In the server's memory.
    None,
    /// With the operating system: it survives the end of the process.
    Os,
    /// On the disk: it survives the end of the machine.
    Disk,
}

fn durability(text: &str) -> Option<Durability> {
    match text.to_lowercase().as_str() {
        "none" => Some(Durability::None),
        "os" => Some(Durability::Os),
        "disk" => Some(Durability::Disk),
        _ => None,
    }
}

settings! {
    /// The exposure log.
    pub struct Exposures {
        /// How far an exposure is before its list is answered: none (in memory), os (survives the server), disk (survives
        /// the machine).
        ///
        /// With none it is written within 0.1 s; with disk, requests share a sync.
        sync: Durability = EXPOSURE_SYNC, default "os", Kind::new(either("none, os or disk", "none、os 或 disk"), durability);
        /// At how many megabytes the exposure log begins a new file; 0 is only every day.
        ///
        /// Full files are compressed aside.
        rotate_mb: u64 = EXPOSURE_ROTATE_MB, default "256", megabytes();
        /// Who counts in no figure and in no training (addresses, agents, users, times, lists); DATA_DIR/exclude.toml where empty.
        ///
        /// See exclude.example.toml.
        exclude_file: Option<PathBuf> = EXCLUDE_FILE, example "exclude.toml", path_or_none();
    }
}

/// Who may see the reports that the server shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Nobody.
    Nobody,
    /// Whoever asks on this machine, without a proxy between, or holds the admin token.
    Local,
    /// Whoever asks.
    All,
}

fn readers(text: &str) -> Option<Readers> {
    match text.to_lowercase().as_str() {
        "off" => Some(Readers::Nobody),
        "local" => Some(Readers::Local),
        "on" => Some(Readers::All),
        _ => None,
    }
}

settings! {
    /// The server.
    pub struct Serve {
        /// The address the server listens on.
        listen: SocketAddr = LISTEN, default "127.0.0.1:8000", parsed(either(
            "an address with a port, as in 127.0.0.1:8000",
            "带端口的地址，如 127.0.0.1:8000",
        ));
        /// How answers and the exposure log write ids: number or string.
        ///
        /// Browsers and JSON.parse change digits of numbers above 9007199254740991 (2^53 - 1); ids in requests are the same.
        id_format: IdFormat =
            ID_FORMAT, default "number", Kind::new(either("number or string", "number 或 string"), IdFormat::named);
        /// How many megabytes of finished lists the server keeps.
        cache_mb: u64 = CACHE_MB, default "64", megabytes();
        /// How many connections the server holds at a time; for more, idle ones make room.
        max_connections: usize = MAX_CONNECTIONS, default "4096", connections();
        /// How long a client may take to send a request or to take its answer.
        ///
        /// In seconds; and how long it may say nothing.
        slow_client: Duration = SLOW_CLIENT_SECONDS, default "15", seconds_from_one();
        /// Whose pages may ask the API from a browser: origins with commas between, or *.
        ///
        /// Nobody's, where it is empty.
        cors_origins: Vec<String> =
            CORS_ORIGINS, example "https://data.example.cn, https://www.example.cn", origins();
        /// How late a list may be before it is made the short way (over_budget); 0 is no limit.
        ///
        /// In milliseconds. Lists in the cache are answered as they are.
        budget: Duration = BUDGET_MS, default "20", milliseconds();
        /// How late the server may be before it turns requests away with 503; 0 is never.
        ///
        /// In milliseconds, beyond the budget.
        shed: Duration = SHED_MS, default "250", milliseconds();
        /// Experiments (TOML, or the old system's YAML); DATA_DIR/experiments.toml where empty.
        ///
        /// See experiments.example.toml. Where neither is there, experiments.yaml of the old system, in DATA_DIR or in config/ of
        /// the working folder.
        experiments_file: Option<PathBuf> = EXPERIMENTS_FILE, example "experiments.toml", path_or_none();
        /// Where this server stands, as its metrics say it (recommendation_service_info).
        environment: String = ENVIRONMENT, default "production", text();
        /// The token for admin routes (Authorization: Bearer ...); they are off without one.
        admin_token: Option<String> = ADMIN_TOKEN, example "...", text_or_none();
        /// The token of test requests (X-Test-Token: ...), whose lists are not logged; without one there are none.
        test_token: Option<String> = TEST_TOKEN, example "...", text_or_none();
        /// Who may see /reports: off (nobody), local (from this machine, or with the admin token), on (whoever asks).
        ///
        /// A browser that is asked for a password takes the admin token as it. What a proxy hands on is not from this machine.
        reports: Readers = REPORTS, default "local", Kind::new(either("off, local or on", "off、local 或 on"), readers);
    }
}

settings! {
    /// The queries that a server answers, of its pages and of analysts.
    pub struct Queries {
        /// The token of analysts (Authorization: Bearer ...): POST /sql and previews in the console; they are off without one.
        ///
        /// The admin token opens them, too.
        analyst_token: Option<Secret> = ANALYST_TOKEN, example "...", Kind::hidden(
            either("a text", "文本"),
            |text| Some(some(text).map(Secret)),
        );
        /// How many megabytes of memory a query to the server may use.
        memory_mb: u64 = SQL_MEMORY_MB, default "512", megabytes();
        /// How many seconds a query to the server may take.
        timeout: Duration = SQL_SECONDS, default "30", seconds_from_one();
        /// How many rows POST /sql and GET /views/{name} give at most.
        rows: usize = SQL_ROWS, default "100000", whole();
        /// How many queries the server answers at the same time; others wait.
        at_once: usize = SQL_AT_ONCE, default "2", whole();
    }
}

settings! {
    /// How nearset makes requests of its own; it makes none that no setting asks for.
    pub struct Outgoing {
        /// The proxy that requests to others go through, such as http://proxy:3128; none to this machine do.
        proxy: Option<Secret> = HTTPS_PROXY, example "...", Kind::hidden(either("a URL", "URL"), |text| Some(some(text).map(Secret)));
        /// Hosts that are reached without the proxy, as names and addresses: `.example.cn` stands for all below it.
        no_proxy: Vec<String> = NO_PROXY, example "matomo.example.cn, .internal", names();
        /// How many seconds a request may take.
        timeout: Duration = OUTGOING_TIMEOUT_SECONDS, default "10", seconds_from_one();
    }
}

settings! {
    /// The settings in force: those that every room needs, and the groups of the others.
    pub struct Config with {
        /// Where rows come from.
        sources: Sources,
        /// What texts and pictures are read with.
        models: Models,
        /// What SQL files are told.
        parameters: Parameters,
        /// How lists are made.
        lists: Lists,
        /// How the ranker is learned.
        train: Train,
        /// How exposures are logged.
        exposures: Exposures,
        /// How lists are served.
        serve: Serve,
        /// What queries to the server may use.
        queries: Queries,
        /// How others are reached.
        outgoing: Outgoing,
        /// What operations do.
        operations: Operations,
        /// All of this as it was found, with the place of each.
        found: Arc<Values>,
        /// The values that a process gets which works for this one: none of them is secret.
        handed_on: Arc<BTreeMap<String, String>>,
    } {
        /// The folder of the warehouse, the reports and the exposure log.
        data_dir: PathBuf = DATA_DIR, default "data", path();
        /// The folder of model versions.
        models_dir: PathBuf = MODELS_DIR, default "models", path();
        /// The folder of sql/ and views/; where empty the working folder, if it has sql/, else the program's own.
        ///
        /// `nearset project init` writes the program's own out. With them, views/ of the working folder is read too.
        project: Option<PathBuf> = PROJECT_DIR, example "/srv/nearset", project();
        /// Whether the old system's Parquet files are written, too, under their old names (sql/legacy/): on or off.
        ///
        /// With off, those that nearset wrote before are removed by the next run.
        legacy_files: bool = LEGACY_FILES, default "on", switch();
        /// How many seconds a run gives each file of views/; one that takes longer keeps its last good rows.
        view_limit: Duration = VIEW_SECONDS, default "300", seconds_from_one();
        /// The most memory a run may take, training included; DuckDB spills to disk to keep to it.
        memory_limit: u64 = MEMORY_LIMIT, default "4GB", memory();
        /// How many threads a run uses; 0 is all cores.
        threads: usize = THREADS, default "0", threads();
        /// The folder of daily reports; DATA_DIR/evaluation/daily_reports where empty.
        ///
        /// With --data-dir they are in that folder in any case.
        daily_reports: Option<PathBuf> = DAILY_REPORT_DIR, example "reports", path_or_none();
        /// How much is logged: error, warning, info, debug or trace.
        ///
        /// NEARSET_LOG in the environment, a filter of the tracing crate, comes before it.
        log_level: &'static str = LOG_LEVEL, default "info", log_level();
        /// The language of the command line: en, zh, or auto, which asks LANGUAGE, LC_ALL, LC_MESSAGES and LANG.
        language: Option<Language> = UI_LANGUAGE, default "auto", language();
    }
}
