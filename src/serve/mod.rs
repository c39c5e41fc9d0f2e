//! The API: lists from memory, each in the exposure log before it is answered.

mod answer;
mod api;
mod connections;
mod console;
mod error;
pub mod experiments;
mod lists;
mod metrics;
mod openapi;
mod overload;
mod recent_views;
mod search;
mod seats;
mod state;
mod watch;

use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::http::{Method, StatusCode};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tower_http::CompressionLevel;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};
use tower_http::limit::RequestBodyLimitLayer;

use crate::common::priority;
use crate::common::terminal::say;
use crate::config::Config;
use crate::model;
use connections::Limits;
use error::ApiError;
use recent_views::READ_BACK;
use state::Shared;

/// How long requests in flight may take to end once the server is told to stop.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(10);

/// The most bytes of a request's body: no route reads one.
const BODY: usize = 64 * 1024;

/// All routes.
fn router(state: Shared) -> Router {
    let router = Router::new()
        .route("/similar/{dataset_id}", get(lists::similar))
        .route("/recommend/detail/{dataset_id}", get(lists::detail))
        .route("/hot/trending", get(lists::trending))
        .route("/search", get(search::search))
        .route("/health", get(api::health))
        .route("/health/live", get(api::live))
        .route("/health/ready", get(api::ready))
        .route("/metrics", get(api::metrics))
        .route("/models/reload", post(api::reload))
        .route("/openapi.json", get(openapi::document))
        .route("/", get(console::page))
        .fallback(error::no_route)
        .method_not_allowed_fallback(error::wrong_method)
        .layer(CatchPanicLayer::custom(error::panicked))
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .layer(RequestBodyLimitLayer::new(BODY))
        .layer(map_response(|response: Response| async move {
            match response.status() {
                StatusCode::PAYLOAD_TOO_LARGE => ApiError::TooLarge(BODY).into_response(),
                _ => response,
            }
        }));
    let router = match cors(&state.config.serve.cors_origins) {
        Some(layer) => router.layer(layer),
        None => router,
    };
    router.with_state(state)
}

/// Lets pages of these origins ask from a browser.
fn cors(origins: &[String]) -> Option<CorsLayer> {
    let allowed = match origins {
        [] => return None,
        all if all.iter().any(|origin| origin == "*") => AllowOrigin::any(),
        some => AllowOrigin::list(some.iter().filter_map(|origin| origin.parse().ok())),
    };
    Some(CorsLayer::new().allow_origin(allowed).allow_methods([Method::GET]).max_age(Duration::from_secs(3600)))
}

/// Serves until it is told to stop (SIGTERM, or Ctrl-C), then lets requests in flight end.
pub fn serve(config: &Config) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(config.threads)
        .enable_all()
        .build()
        .context("the server's threads could not be started")?;
    runtime.block_on(serve_async(config))?;
    runtime.shutdown_timeout(SHUTDOWN_PATIENCE);
    Ok(())
}

async fn serve_async(config: &Config) -> Result<()> {
    // whoever is told that the server listens may stop it
    let told_to_stop = stop_signal()?;
    let listener = TcpListener::bind(config.serve.listen)
        .await
        .with_context(|| format!("{} cannot be listened on; choose another with --listen", config.serve.listen))?;
    let address = listener.local_addr().context("the server's address cannot be read")?;
    let state = state::start(config.clone())?;
    read_back_views(state.clone())?;
    // rules and experiments that cannot be read would show what they forbid: the operator hears of it now
    let seen = watch::look(&state);
    watch::read_rules(&state)?;
    watch::read_experiments(&state)?;
    watch::start(&state);
    let watcher = tokio::spawn(watch::watch(state.clone(), seen));
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
    connections::serve(listener, router(state.clone()), limits, stopping).await?;
    lag.abort();
    state.log.flush();
    state.shadow_log.flush();
    watcher.abort();
    tracing::info!("stopped");
    Ok(())
}

/// Reads back what was looked at. A day of many lists takes seconds: lists are answered meanwhile, and counted by themselves.
fn read_back_views(state: Shared) -> Result<()> {
    let now = chrono::Utc::now();
    let reading = std::thread::Builder::new().name("read back".to_owned()).spawn(move || {
        priority::lowest_of_thread();
        state.views.read_back(&state.config.evaluation_dir(), now, READ_BACK);
    });
    reading.context("no thread could be started to read the exposure log back")?;
    Ok(())
}

/// Takes signals that would end the process from now on; what is returned waits for one.
fn stop_signal() -> Result<impl Future<Output = ()>> {
    let listen = |kind| signal(kind).context("signals cannot be waited for");
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Tells a person what to open first.
pub fn print_where_to_look(config: &Config) -> Result<()> {
    let model = model::load_current(&config.models_dir)?;
    let Some(best) = model.parts.popular.first() else { return Ok(()) };
    let (base, item) = (format!("http://{}", config.serve.listen), model.item(best.item));
    say!("\nlook here (stop with Ctrl-C):");
    say!("  {base}/   a page to try lists on");
    say!("  {base}/similar/{}   beside “{}”", item.dataset_id, item.title);
    say!("  {base}/recommend/detail/{}?user_id=1", item.dataset_id);
    say!("  {base}/hot/trending?timeframe=7d");
    say!("  {base}/health   {base}/metrics   {base}/openapi.json");
    say!("  nearset sql \"from funnel_by_day\" --data-dir {}", config.data_dir.display());
    Ok(())
}
