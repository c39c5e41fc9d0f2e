//! Where a database is, read from its settings or its URL, and how DuckDB attaches it.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use percent_encoding::percent_decode_str;
use url::Url;

use crate::common::language::{either, t};
use crate::common::secrets::scrub;
use crate::config::{Database, Secret};

/// The kinds of database that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Mysql,
    Postgres,
    Sqlite,
    Duckdb,
}

/// Where a database is.
#[derive(Debug)]
pub struct Address {
    pub kind: Kind,
    /// A server's name or address, or the path of its socket; empty for a file.
    pub host: String,
    pub port: u16,
    pub user: Option<String>,
    pub password: Option<Secret>,
    /// The database's name, or the file's path.
    pub name: String,
    /// What the URL's query says beyond this, such as `ssl_mode=required`.
    pub options: Vec<(String, String)>,
}

impl Kind {
    /// DuckDB's extension for it, by the name of its file; DuckDB reads its own files without.
    pub fn extension(self) -> Option<&'static str> {
        match self {
            Self::Mysql => Some("mysql_scanner"),
            Self::Postgres => Some("postgres_scanner"),
            Self::Sqlite => Some("sqlite_scanner"),
            Self::Duckdb => None,
        }
    }

    /// The name of its type in `ATTACH`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mysql => "mysql",
            Self::Postgres => "postgres",
            Self::Sqlite => "sqlite",
            Self::Duckdb => "duckdb",
        }
    }

    pub fn is_server(self) -> bool {
        matches!(self, Self::Mysql | Self::Postgres)
    }
}

impl Address {
    /// Reads the settings; an error names the setting and never its value.
    pub fn read(database: &Database) -> Result<Self> {
        match &database.url {
            Some(url) => Self::from_url(url).with_context(|| {
                t!(
                    "{}_DB_URL cannot be used (its value is not shown)",
                    "{}_DB_URL 无法使用（值不显示）",
                    database.settings
                )
            }),
            None => {
                let setting = |value: &Option<String>, name: &str| {
                    value.clone().with_context(|| {
                        t!(
                            "{0}_DB_{name} is not set; {0}_DATA_SOURCE=database needs it (or {0}_DB_URL)",
                            "未设置 {0}_DB_{name}；{0}_DATA_SOURCE=database 需要它（或 {0}_DB_URL）",
                            database.settings
                        )
                    })
                };
                Ok(Self {
                    kind: Kind::Mysql,
                    host: database.host.clone(),
                    port: database.port,
                    user: Some(setting(&database.user, "USER")?),
                    password: database.password.clone(),
                    name: setting(&database.name, "NAME")?,
                    options: Vec::new(),
                })
            }
        }
    }

    fn from_url(secret: &Secret) -> Result<Self> {
        let text = secret.0.as_str();
        let (scheme, rest) = text.split_once(':').with_context(forms)?;
        // a driver's name behind a plus, as SQLAlchemy writes it, changes nothing
        let kind = match scheme.split('+').next().unwrap_or(scheme) {
            "mysql" | "mariadb" => Kind::Mysql,
            "postgres" | "postgresql" => Kind::Postgres,
            "sqlite" => Kind::Sqlite,
            "duckdb" => Kind::Duckdb,
            _ => bail!(forms()),
        };
        let address =
            |host: String, port, name| Self { kind, host, port, user: None, password: None, name, options: Vec::new() };
        if !kind.is_server() {
            // sqlite:file, sqlite:/file, and SQLAlchemy's sqlite:///file (relative) and sqlite:////file
            let path = rest.strip_prefix("///").unwrap_or(rest);
            if path.is_empty() || path.starts_with("//") && rest.strip_prefix("///").is_none() {
                bail!(forms());
            }
            return Ok(address(String::new(), 0, decode(path)?));
        }
        // the parser's own errors are general enough to be shown
        let url = Url::parse(text).map_err(|e| anyhow::anyhow!("{e}; {}", forms()))?;
        let name = decode(url.path().trim_start_matches('/'))?;
        if name.is_empty() {
            bail!(t!("it names no database; {}", "没有写数据库名；{}", forms()));
        }
        let port = url.port().unwrap_or(if kind == Kind::Mysql { 3306 } else { 5432 });
        let host = decode(url.host_str().filter(|h| !h.is_empty()).unwrap_or("127.0.0.1"))?;
        let mut found = address(host.trim_matches(['[', ']']).to_owned(), port, name);
        found.user = Some(decode(url.username())?).filter(|u| !u.is_empty());
        found.password = url.password().map(decode).transpose()?.map(Secret);
        for (option, value) in url.query_pairs() {
            match option.as_ref() {
                "socket" | "unix_socket" => found.host = value.into_owned(),
                "charset" => {}
                _ => found.options.push((option.into_owned(), value.into_owned())),
            }
        }
        Ok(found)
    }

    /// The database in words that hold no secret, as the warehouse keeps them.
    pub fn shown(&self) -> String {
        let text = match self.kind.is_server() {
            true if self.host.starts_with('/') => format!("{} {} {}", self.kind.name(), self.host, self.name),
            true => format!("{} {}:{}/{}", self.kind.name(), self.host, self.port, self.name),
            false => format!("{} {}", self.kind.name(), self.name),
        };
        scrub(&text).into_owned()
    }

    pub fn path(&self) -> PathBuf {
        PathBuf::from(&self.name)
    }
}

/// What a URL may look like.
fn forms() -> &'static str {
    either(
        "expected mysql://user:password@host:3306/name, postgres://user:password@host:5432/name, sqlite:path or \
         duckdb:path, with special characters of names and passwords as %XX",
        "应为 mysql://user:password@host:3306/name、postgres://user:password@host:5432/name、sqlite:path 或 \
         duckdb:path，名字与密码中的特殊字符写成 %XX",
    )
}

fn decode(text: &str) -> Result<String> {
    Ok(percent_decode_str(text)
        .decode_utf8()
        .context(either("a %XX in it is no UTF-8", "其中的 %XX 不是 UTF-8"))?
        .into_owned())
}
