//! Connections: HTTP/1.1 and HTTP/2 on one port, with limits on how many, how large and how slow, and an orderly end.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt;

/// The most bytes of a request line with all its headers.
const HEAD: usize = 16 * 1024;

/// The most requests at a time on one HTTP/2 connection.
const STREAMS: u32 = 128;

/// What connections may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub connections: usize,
    /// How long a client may take to send a request's head or to take up bytes of its answer, and may say nothing at all.
    pub slow: Duration,
    /// How long requests in flight may take to end once the server is told to stop.
    pub patience: Duration,
}

/// Takes up connections until `stop` says so; those that are answered then are waited for.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
) -> Result<()> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits.slow).max_buf_size(HEAD);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEAD as u32)
        .keep_alive_interval(limits.slow)
        .keep_alive_timeout(limits.slow);
    let service = TowerToHyperService::new(router.map_request(|request: Request<Incoming>| request.map(Body::new)));
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(limits.connections));
    loop {
        // who finds no place waits in the listener's queue
        let place = tokio::select! {
            place = places.clone().acquire_owned() => place.context("connections are closed")?,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // out of file descriptors, or a client that was gone at once: others may fare better
                    tracing::debug!("a connection was not taken up: {error}");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                }
            },
            _ = stop.wait_for(|stop| *stop) => break,
        };
        if let Err(error) = prepare(&stream, limits.slow) {
            tracing::debug!("a connection's options: {error}");
        }
        let mut stream = Box::pin(TimeoutStream::new(stream));
        stream.as_mut().set_read_timeout_pinned(Some(limits.slow));
        stream.as_mut().set_write_timeout_pinned(Some(limits.slow));
        let connection = builder.serve_connection(TokioIo::new(stream), service.clone()).into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!("a connection ended: {error}");
            }
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(limits.patience, graceful.shutdown()).await.is_err() {
        tracing::warn!("some connections did not end in {} s and were cut", limits.patience.as_secs());
    }
    Ok(())
}

/// Small answers leave at once; a client that takes up nothing for too long is cut off by the operating system.
fn prepare(stream: &TcpStream, slow: Duration) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    rustix::net::sockopt::set_tcp_user_timeout(stream, slow.as_millis() as u32)?;
    Ok(())
}
