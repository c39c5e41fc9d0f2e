//! The server from its start to its end.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::http::connections::{self, Limits};
use super::http::watching::Watching;
use super::recent_views::READ_BACK;
use super::routes::{Pages, router};
use super::state::{Shared, State};
use super::upkeep::Upkeep;
use crate::common::language::{either, t};
use crate::common::priority;
use crate::common::terminal::{say, shell_word};
use crate::config::Config;
use crate::model;

/// How long requests in flight may take to end once the server is told to stop.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(10);

/// Serves lists and `pages` until it is told to stop (SIGTERM, or Ctrl-C), then lets requests in flight end.
///
/// # Errors
/// It cannot listen, or the log, rules or experiments cannot be used as they are.
pub fn serve(config: &Config, pages: Pages) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(config.threads)
        .enable_all()
        .build()
        .context(either("the server's threads could not be started", "服务的线程未能启动"))?;
    runtime.block_on(serve_async(config, pages))?;
    runtime.shutdown_timeout(SHUTDOWN_PATIENCE);
    Ok(())
}

async fn serve_async(config: &Config, pages: Pages) -> Result<()> {
    // whoever is told that the server listens may stop it
    let told_to_stop = stop_signal()?;
    let listener = TcpListener::bind(config.serve.listen).await.with_context(|| unusable(config.serve.listen))?;
    let address = listener.local_addr().context(either("the server's address cannot be read", "无法得知服务的地址"))?;
    let state = State::open(config.clone())?;
    // what cannot be read would show what it forbids, and count what it takes out: the operator hears of it now
    state.exclusions.read(config, &state.visitors)?;
    read_back_views(state.clone())?;
    let upkeep = Upkeep::begin(state.clone());
    state.deployments.read_rules()?;
    state.deployments.read_experiments()?;
    state.deployments.start();
    let upkeep = tokio::spawn(upkeep.run());
    let warmed = state.clone();
    tokio::spawn(async move { warmed.desk.warm().await });
    let measured = state.clone();
    let lag = tokio::spawn(async move { measured.lag.measure().await });
    tracing::info!("listening on http://{address}");
    let (stop, stopping) = tokio::sync::watch::channel(false);
    tokio::spawn(async move {
        told_to_stop.await;
        tracing::info!("stopping: requests in flight are answered first");
        stop.send(true).ok();
    });
    let limits = Limits {
        connections: config.serve.max_connections,
        slow: config.serve.slow_client,
        patience: SHUTDOWN_PATIENCE,
    };
    let watching = Watching::of(&config.operations.logs);
    connections::serve(listener, router(state.clone(), pages), limits, watching, stopping).await?;
    lag.abort();
    state.log.flush();
    state.shadow_log.flush();
    upkeep.abort();
    tracing::info!("stopped");
    Ok(())
}

/// Reads back what was looked at. A day of many lists takes seconds: lists are answered meanwhile, and counted by themselves.
fn read_back_views(state: Shared) -> Result<()> {
    let now = chrono::Utc::now();
    let reading = std::thread::Builder::new().name("read back".to_owned()).spawn(move || {
        priority::lowest_of_thread();
        state.views.read_back(&state.config.evaluation_dir(), now, READ_BACK, &state.exclusions.now());
    });
    reading
        .context(either("no thread could be started to read the exposure log back", "读回曝光日志的线程未能启动"))?;
    Ok(())
}

/// Takes signals that would end the process from now on; what is returned waits for one.
fn stop_signal() -> Result<impl Future<Output = ()>> {
    let listen = |kind| signal(kind).context(either("signals cannot be waited for", "无法等待信号"));
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Tries the address: whoever works for minutes first and serves then knows before.
///
/// # Errors
/// It cannot be listened on.
pub fn check_address(config: &Config) -> Result<()> {
    std::net::TcpListener::bind(config.serve.listen).map(drop).with_context(|| unusable(config.serve.listen))
}

fn unusable(address: SocketAddr) -> String {
    let port = address.port();
    t!(
        "{address} cannot be listened on: choose another with --listen, as in --listen 127.0.0.1:8001, or stop what \
         listens there (`ss -ltnp 'sport = :{port}'` names it)",
        "无法监听 {address}：请用 --listen 换一个地址，例如 --listen 127.0.0.1:8001，或停止占用它的程序\
         （`ss -ltnp 'sport = :{port}'` 会给出名称）"
    )
}

/// Tells a person what to open first, and which commands go on from here.
///
/// # Errors
/// There is no current version, or it cannot be loaded.
pub fn print_where_to_look(config: &Config) -> Result<()> {
    let model = model::load_current(&config.models_dir)?;
    let Some(best) = model.parts.popular.first() else { return Ok(()) };
    let (base, item) = (format!("http://{}", config.serve.listen), model.item(best.item));
    say!("\n{}", either("look here (stop with Ctrl-C):", "从这里看起（按 Ctrl-C 停止）："));
    say!("  {base}/   {}", either("a page to try lists on", "可试看列表的页面"));
    say!("  {base}/similar/{}   {}", item.dataset_id, t!("beside “{}”", "“{}”旁边的推荐", item.title));
    say!("  {base}/recommend/detail/{}?user_id=1", item.dataset_id);
    say!("  {base}/hot/trending?timeframe=7d");
    say!("  {base}/health   {base}/metrics   {base}/openapi.json");
    say!("\n{}", either("and in another terminal, from any folder:", "再开一个终端，在任意文件夹运行："));
    // a hint stops no server
    let program = std::env::current_exe().unwrap_or_else(|_| "nearset".into());
    let absolute = |dir: &PathBuf| std::path::absolute(dir).unwrap_or_else(|_| dir.clone());
    let folders = [("--data-dir", &config.data_dir), ("--models-dir", &config.models_dir)];
    let flags = folders.map(|(flag, dir)| format!("{flag} {}", shell_word(&absolute(dir).display().to_string())));
    let program = shell_word(&program.display().to_string()).into_owned();
    for command in ["sql \"from funnel_by_day\"", "views list", "models list", "--help"] {
        let flags = if command == "--help" { String::new() } else { format!(" {}", flags.join(" ")) };
        say!("  {program} {command}{flags}");
    }
    Ok(())
}
