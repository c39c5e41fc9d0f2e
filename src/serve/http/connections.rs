//! Connections: HTTP/1.1 and HTTP/2 on one port, with limits on how many, how large and how slow, and an orderly end.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderName, HeaderValue, Request, Response, Version, header};
use axum::response::IntoResponse;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulConnection;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tower::ServiceExt;

use super::ApiError;
use super::refusals::Refusals;
use super::request_id::{self, REQUEST_ID};
use super::slots::{Slot, SlotGuard, Slots, guarded};
use super::watching::Watching;
use crate::common::about::{self, Part};

/// The most bytes of a request line with all its headers.
const HEAD: usize = 16 * 1024;

/// The most requests at a time on one HTTP/2 connection.
const STREAMS: u32 = 32;

/// The most requests of one HTTP/2 connection that may be taken back before they are looked at.
const RESETS: usize = 32;

/// The most bytes of bodies that one HTTP/2 connection may send before they are read (the least that HTTP/2 allows).
const WINDOW: u32 = 65_535;

/// The most bytes of one answer that HTTP/2 buffers beyond what it cannot divide.
const SEND_BUFFER: usize = 16 * 1024;

/// How long a connection of the reserve may last.
const PROBE_PATIENCE: Duration = Duration::from_secs(1);

/// Descriptors that are not for connections: logs, models, and the reserve.
const DESCRIPTORS_KEPT: usize = 64;

/// How long an answer took, in seconds with four decimals.
pub(super) static RESPONSE_TIME: HeaderName = HeaderName::from_static("x-response-time");

/// What connections may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many at a time.
    pub connections: usize,
    /// How long a client may take to send a request's head or to take up its answer, and may ask nothing at all.
    pub slow: Duration,
    /// How long requests in flight may take to end once the server is told to stop.
    pub patience: Duration,
}

/// Takes up connections until `stop` says so; those that are answered then are waited for.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    watching: Watching,
    mut stop: watch::Receiver<bool>,
) -> Result<()> {
    let builder = protocols(limits.slow);
    let slots = Slots::new(below_descriptors(limits.connections));
    // every connection holds a sender: when the last is dropped, all have ended
    let (open, mut all_ended) = mpsc::channel::<()>(1);
    while let Some((stream, peer, guard)) = tokio::select! {
        next = next(&listener, &slots) => Some(next),
        _ = stop.wait_for(|stop| *stop) => None,
    } {
        if let Err(error) = prepare(&stream, limits.slow) {
            tracing::debug!("a connection's options: {error}");
        }
        let (router, slot) = (router.clone(), guard.slot.clone());
        let service = service_fn(move |request| answer(router.clone(), slot.clone(), peer, watching, request));
        let connection = builder.serve_connection(TokioIo::new(Refusals::new(stream, HEAD)), service).into_owned();
        let (stop, open) = (stop.clone(), open.clone());
        tokio::spawn(async move {
            attend(connection, &guard, limits, stop).await;
            drop(open);
        });
    }
    drop((listener, open));
    if tokio::time::timeout(limits.patience, all_ended.recv()).await.is_err() {
        tracing::warn!("some connections did not end in {} s and were cut", limits.patience.as_secs());
    }
    Ok(())
}

/// What both protocols allow.
fn protocols(slow: Duration) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(slow).max_buf_size(HEAD);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        // what is beyond this is refused by a bare 431; between the two, in the form of all errors
        .max_header_list_size(2 * HEAD as u32)
        .max_pending_accept_reset_streams(RESETS)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_send_buf_size(SEND_BUFFER);
    builder
}

/// The next connection, once there is a slot for it.
async fn next(listener: &TcpListener, slots: &Slots) -> (TcpStream, SocketAddr, SlotGuard) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, slots.take().await),
            Err(error) => {
                // out of file descriptors, or a client that was gone at once: others may fare better
                tracing::debug!("a connection was not taken up: {error}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

/// Keeps a connection until it ends, is stale, has to make room, or the server stops.
async fn attend<C>(connection: C, guard: &SlotGuard, limits: Limits, mut stop: watch::Receiver<bool>)
where
    C: GracefulConnection<Error: std::fmt::Display>,
{
    let (mut connection, slot) = (pin!(connection), &guard.slot);
    let said = |ended: Result<(), C::Error>| {
        if let Err(error) = ended {
            tracing::debug!("a connection ended: {error}");
        }
    };
    let patience = tokio::select! {
        biased;
        ended = connection.as_mut() => return said(ended),
        () = slot.told_to_leave() => Duration::ZERO,
        () = tokio::time::sleep(PROBE_PATIENCE), if slot.is_reserve => Duration::ZERO,
        () = slot.stale(limits.slow) => limits.slow,
        _ = stop.wait_for(|stop| *stop) => limits.patience,
    };
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        biased;
        ended = connection => said(ended),
        () = slot.told_to_leave() => {}
        () = tokio::time::sleep(patience) => tracing::debug!("a connection was cut"),
    }
}

/// Answers one request, and says under which id and how long it took.
async fn answer(
    router: Router,
    slot: Arc<Slot>,
    peer: SocketAddr,
    watching: Watching,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let watched = watching.begin(&request);
    let id = request_id::given(request.headers()).map_or_else(request_id::new_id, str::to_owned);
    about::answering(id.clone(), watched.trace_id(), async move {
        let mut response = routed(router, slot, peer, request).await?;
        let status = response.status();
        let headers = response.headers_mut();
        // a list has its own
        if !headers.contains_key(&REQUEST_ID)
            && let Ok(id) = HeaderValue::try_from(id)
        {
            headers.insert(REQUEST_ID.clone(), id);
        }
        if let Ok(seconds) = HeaderValue::try_from(format!("{:.4}", watched.elapsed().as_secs_f64())) {
            headers.insert(RESPONSE_TIME.clone(), seconds);
        }
        watching.end(watched, status);
        Ok(response)
    })
    .await
}

/// Hands one request to its route; its connection counts as at work until all of the answer is written.
async fn routed(
    router: Router,
    slot: Arc<Slot>,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let came = Instant::now();
    let in_flight = slot.begin().await;
    about::took(Part::Turn, came.elapsed());
    let version = request.version();
    let mut response = if slot.is_reserve && !is_probe(request.uri().path()) {
        ApiError::Overloaded.into_response()
    } else if let Some(error) = too_long(&request) {
        error.into_response()
    } else {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        let response = router.oneshot(request).await?;
        in_flight.answered();
        let in_flight = Arc::new(in_flight);
        response.map(|body| Body::new(body.map_frame(move |frame| frame.map_data(|bytes| guarded(bytes, &in_flight)))))
    };
    if slot.is_reserve && version < Version::HTTP_2 {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

/// The error of a request whose head is too long. Both protocols let some through that are: what arrives at once, say.
fn too_long<B>(request: &Request<B>) -> Option<ApiError> {
    /// What stands between and behind the parts.
    const EACH: usize = 4;
    let path = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    let headers = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + EACH);
    match () {
        () if path > HEAD => Some(ApiError::AddressTooLong(HEAD)),
        () if path + headers.sum::<usize>() > HEAD => Some(ApiError::HeadTooLarge(HEAD)),
        () => None,
    }
}

/// Whether a path is asked for to learn how the server is.
fn is_probe(path: &str) -> bool {
    path.starts_with("/health") || path == "/metrics"
}

/// As many connections as are wanted and descriptors allow. A process may raise its own limit up to the hard one.
fn below_descriptors(wanted: usize) -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = current == maximum || setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_ok();
    let Some(descriptors) = (if raised { maximum } else { current }) else { return wanted };
    let most = usize::try_from(descriptors).unwrap_or(usize::MAX).saturating_sub(DESCRIPTORS_KEPT).max(1);
    if wanted > most {
        tracing::warn!(
            "MAX_CONNECTIONS is {wanted}, and this process may open {descriptors} files: {most} connections are held at \
             a time; raise the limit (ulimit -n, LimitNOFILE) or lower MAX_CONNECTIONS"
        );
    }
    wanted.min(most)
}

/// Small answers leave at once; a client that takes up nothing for too long is cut off by the operating system.
fn prepare(stream: &TcpStream, slow: Duration) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    rustix::net::sockopt::set_tcp_user_timeout(stream, slow.as_millis() as u32)?;
    Ok(())
}
