//! `nearset notify`.

use std::net::SocketAddr;

use anyhow::{Result, anyhow, bail, ensure};
use clap::{Args, Subcommand};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::examples::examples;
use crate::common::errors::describe;
use crate::common::language::{either, t};
use crate::common::terminal::{left, say};
use crate::config::Config;
use crate::operations::notify::{self, Overview, Routing};
use crate::operations::{Duties, Stop, watch};

/// Where the old gateway listened.
const USUAL: &str = "127.0.0.1:9000";

#[derive(Debug, Subcommand)]
pub enum Notify {
    /// Send a message that says that nothing is wrong, now, and say what came back
    #[command(after_help = examples(&["notify test"]))]
    Test {
        /// Only to this receiver
        receiver: Option<String>,
    },
    /// Who is told, what is wrong, what still waits, what was refused and why
    #[command(after_help = examples(&["notify list", "notify list --json"]))]
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Take webhooks of Alertmanager and Sentry, look for what is wrong, and tell it, until stopped
    #[command(after_help = examples(&["notify serve", "notify serve --listen 127.0.0.1:9001"]))]
    Serve(Gateway),
    /// Have an alert no longer repeated or escalated
    #[command(after_help = examples(&["notify ack RunFailed"]))]
    Ack {
        /// Its name, as RunFailed
        name: String,
        /// Only the one about this, as a job or a table
        #[arg(long)]
        subject: Option<String>,
    },
}

#[derive(Debug, Args)]
pub struct Gateway {
    /// The address to listen on (NOTIFY_LISTEN), 127.0.0.1:9000 where neither says one
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
}

impl Notify {
    pub fn run(self, config: &Config) -> Result<()> {
        match self {
            Self::Test { receiver } => test(config, receiver.as_deref()),
            Self::List { json: true } => {
                say!("{}", serde_json::to_string_pretty(&notify::overview(config)?)?);
                Ok(())
            }
            Self::List { json: false } => {
                list(&notify::overview(config)?);
                Ok(())
            }
            Self::Serve(gateway) => gateway.run(config),
            Self::Ack { name, subject } => ack(config, &name, subject.as_deref()),
        }
    }
}

/// The routing, where there is anybody to tell.
fn routing(config: &Config) -> Result<Routing> {
    let routing = Routing::of(config)?;
    ensure!(
        !routing.receivers.is_empty(),
        t!(
            "nobody is told of anything: write {} (notify.example.toml shows how), or set WEIXIN_CORP_ID, WEIXIN_CORP_SECRET \
             and WEIXIN_AGENT_ID",
            "没有任何接收者：请编写 {}（参见 notify.example.toml），或设置 WEIXIN_CORP_ID、WEIXIN_CORP_SECRET、WEIXIN_AGENT_ID",
            config.notify_path().display()
        )
    );
    Ok(routing)
}

fn test(config: &Config, wanted: Option<&str>) -> Result<()> {
    let routing = routing(config)?;
    let receivers: Vec<_> =
        routing.receivers.iter().filter(|receiver| wanted.is_none_or(|name| receiver.name == name)).collect();
    if let (Some(name), true) = (wanted, receivers.is_empty()) {
        let names: Vec<&str> = routing.receivers.iter().map(|receiver| receiver.name.as_str()).collect();
        bail!(t!("there is no receiver {name}; there are {}", "没有接收者 {name}；现有 {}", names.join(", ")));
    }
    let mut failed = 0;
    for receiver in receivers {
        match notify::try_receiver(config, receiver) {
            Ok(said) => say!("{}", t!("{}: arrived: {said}", "{}：已送达：{said}", receiver.name)),
            Err(error) => {
                failed += 1;
                say!("{}", t!("{}: not arrived: {}", "{}：未送达：{}", receiver.name, describe(&error)));
            }
        }
    }
    match failed {
        0 => Ok(()),
        failed => Err(anyhow!(t!("{failed} receivers were not reached", "有 {failed} 个接收者未送达"))),
    }
}

fn list(overview: &Overview) {
    if overview.receivers.is_empty() {
        say!("{}", either("nobody is told of anything", "没有任何接收者"));
    } else {
        let (receivers, routes) = (overview.receivers.len(), overview.routes);
        say!(
            "{}",
            t!(
                "{receivers} receivers, {routes} routes ({})",
                "{receivers} 个接收者，{routes} 条路由（{}）",
                overview.origin
            )
        );
    }
    for receiver in &overview.receivers {
        say!("  {} {} {}", left(&receiver.name, 16), left(receiver.kind, 12), receiver.address);
    }
    say!(
        "{}",
        match overview.firing.len() {
            0 => either("nothing is wrong that was told", "没有已通知的异常").to_owned(),
            count => t!("{count} things are wrong:", "{count} 项异常："),
        }
    );
    for firing in &overview.firing {
        let since = firing.since.format("%Y-%m-%d %H:%M:%S");
        say!("  {} {} {since}  {}", left(firing.severity.name(), 9), left(&firing.title(), 24), firing.summary);
    }
    for waiting in overview.waiting.iter().filter(|waiting| waiting.letters + waiting.notices > 0) {
        let (name, letters, notices) = (&waiting.receiver, waiting.letters, waiting.notices);
        let why = waiting.error.as_ref().map_or(String::new(), |error| format!(": {error}"));
        say!(
            "{}",
            t!(
                "{name} has not got {letters} messages yet{why}; {notices} notices wait for their time",
                "{name} 还有 {letters} 条消息未送达{why}；{notices} 条通知未到时间"
            )
        );
    }
    for refused in &overview.refused {
        let (name, title, error) = (&refused.receiver, &refused.title, &refused.error);
        say!("{}", t!("{name} refused {title:?}: {error}", "{name} 拒收 {title:?}：{error}"));
    }
}

fn ack(config: &Config, name: &str, subject: Option<&str>) -> Result<()> {
    let spared = notify::acknowledge(config, &routing(config)?, name, subject)?;
    say!(
        "{}",
        match spared {
            0 => t!("nothing of {name} was to be said again", "{name} 没有待重复或升级的通知"),
            _ => t!(
                "{name} is no longer repeated or escalated ({spared} messages)",
                "{name} 不再重复或升级（{spared} 条消息）"
            ),
        }
    );
    Ok(())
}

impl Gateway {
    fn run(self, config: &Config) -> Result<()> {
        routing(config)?;
        let usual = USUAL.parse()?;
        let listener = notify::listener(self.listen.or(config.operations.notify.listen).unwrap_or(usual))?;
        let stop = Stop::default();
        let mut signals = Signals::new([SIGTERM, SIGINT])?;
        let handle = signals.handle();
        let duties = Duties::begin(config, [watch::duty(), notify::delivery_duty()])?;
        let served = std::thread::scope(|scope| {
            scope.spawn(|| {
                if signals.forever().next().is_some() {
                    stop.tell();
                }
            });
            let served = notify::serve(config, listener, &stop);
            handle.close();
            served
        });
        duties.end();
        served
    }
}
