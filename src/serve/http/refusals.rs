//! What hyper refuses by itself (a request that is malformed, or whose head is too long) it answers without a body, before any
//! route sees it. Here such an answer leaves in the form of all other errors, and a head that does not end in time gets one.

use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use axum::http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::ApiError;
use super::connections::RESPONSE_TIME;
use super::request_id::{REQUEST_ID, new_id};

/// The most bytes that are thrown away of a request that was refused.
const LINGER: usize = 1 << 20;

/// The stream of one connection.
pub struct Refusals {
    stream: TcpStream,
    /// The most bytes of a head.
    head: usize,
    state: State,
    /// When the first byte of a request was read.
    began: Instant,
    /// Whether what was read of the head is a line and no more: the next line may be the empty one that ends it.
    at_line_start: bool,
    /// Whether bytes were written: what is read after them may be the rest of a body.
    has_answered: bool,
    /// What is left to send of an error in hyper's place.
    instead: Vec<u8>,
    /// How many bytes are read and thrown away before the connection is closed: a system takes an answer back that it sent
    /// where the other side's bytes were not all read.
    unread: usize,
}

/// What was read of a request that is not answered.
#[derive(Clone, Copy, Default, PartialEq)]
enum State {
    /// Nothing.
    #[default]
    Idle,
    /// A part of its first line.
    FirstLine,
    /// The first line, and some of what follows it.
    Headers,
    /// A head that ended; perhaps a body, and further requests.
    Whole,
    /// Binary frames follow, in which this has no say.
    Http2,
}

impl Refusals {
    /// A stream on which a request's head may have so many bytes.
    pub fn new(stream: TcpStream, head: usize) -> Self {
        Self {
            stream,
            head,
            state: State::Idle,
            began: Instant::now(),
            at_line_start: false,
            has_answered: false,
            instead: Vec::new(),
            unread: 0,
        }
    }

    fn has_read(&mut self, bytes: &[u8]) {
        if self.state == State::Idle {
            self.began = Instant::now();
            if bytes.starts_with(b"PRI ") {
                self.state = State::Http2;
            }
        }
        for byte in bytes {
            self.state = match (self.state, byte) {
                (State::Http2 | State::Whole, _) => return,
                // empty lines before a request count for nothing
                (State::Idle, b'\r' | b'\n') => continue,
                (_, b'\n') if self.at_line_start => State::Whole,
                (_, b'\n') => State::Headers,
                (State::Idle, _) => State::FirstLine,
                (state, _) => state,
            };
            self.at_line_start = *byte == b'\n' || (*byte == b'\r' && self.at_line_start);
        }
    }

    /// An answer of ours is on its way; the body that one of them refuses stays unread.
    fn answers(&mut self, bytes: &[u8]) {
        self.has_answered = true;
        if self.state != State::Http2 {
            (self.state, self.at_line_start) = (State::Idle, false);
            if bytes.starts_with(b"HTTP/1.1 413 ") {
                self.unread = LINGER;
            }
        }
    }

    /// The error that is meant by bytes that hyper writes; `None` where they are an answer of ours, which has a body.
    fn meant(&self, bytes: &[u8]) -> Option<ApiError> {
        const NO_BODY: &[u8] = b"\r\ncontent-length: 0\r\n";
        let code = bytes.strip_prefix(b"HTTP/1.1 ").filter(|_| self.state != State::Http2)?.get(..3)?;
        let status = StatusCode::from_bytes(code).ok().filter(StatusCode::is_client_error)?;
        if !bytes.ends_with(b"\r\n\r\n") || !bytes.windows(NO_BODY.len()).any(|part| part == NO_BODY) {
            return None;
        }
        Some(match status {
            StatusCode::URI_TOO_LONG => ApiError::AddressTooLong(self.head),
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE if self.state == State::FirstLine => {
                ApiError::AddressTooLong(self.head)
            }
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => ApiError::HeadTooLarge(self.head),
            _ => ApiError::BadRequest("this is no request of HTTP/1.0, HTTP/1.1 or HTTP/2".to_owned()),
        })
    }
}

/// An error as an HTTP/1.1 answer after which the connection ends; the request `began` then.
fn answer(error: ApiError, began: Instant) -> io::Result<Vec<u8>> {
    let status = error.status();
    let body = serde_json::to_vec(&error.body())?;
    let mut answer = Vec::new();
    write!(
        answer,
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\ncache-control: no-store\r\n\
         connection: close\r\n{REQUEST_ID}: {}\r\n{RESPONSE_TIME}: {:.4}\r\n\r\n",
        body.len(),
        new_id(),
        began.elapsed().as_secs_f64(),
    )?;
    answer.extend(body);
    Ok(answer)
}

impl AsyncRead for Refusals {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        // asked for once more, the system says that the other side has left; tokio would wait to be told, and hyper, which asks
        // before a request is taken up, would not learn it
        let read = loop {
            ready!(self.stream.poll_read_ready(cx))?;
            match self.stream.try_read(buffer.initialize_unfilled()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => break read?,
            }
        };
        buffer.advance(read);
        self.has_read(&buffer.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Refusals {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.instead.is_empty() {
            let Some(error) = self.meant(bytes) else {
                self.answers(bytes);
                return Pin::new(&mut self.stream).poll_write(cx, bytes);
            };
            self.instead = answer(error, self.began)?;
            (self.state, self.unread, self.has_answered) = (State::Idle, LINGER, true);
        }
        // hyper's own bytes are written once all in their place is
        while !self.instead.is_empty() {
            let this = &mut *self;
            let written = ready!(Pin::new(&mut this.stream).poll_write(cx, &this.instead))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            this.instead.drain(..written);
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        let mut bin = [0; 4096];
        while self.unread > 0 {
            let mut buffer = ReadBuf::new(&mut bin);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
            self.unread = match buffer.filled().len() {
                0 => 0,
                read => self.unread.saturating_sub(read),
            };
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match parts {
            // a refusal of hyper's is in one piece
            [one] => self.poll_write(cx, one),
            _ => {
                self.answers(parts.first().map_or(&[], |part| part));
                Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl Drop for Refusals {
    /// A connection that ends in the middle of its first head was too slow, or is gone and hears nothing.
    fn drop(&mut self) {
        if matches!(self.state, State::FirstLine | State::Headers)
            && !self.has_answered
            && let Ok(answer) = answer(ApiError::TooSlow, self.began)
        {
            self.stream.try_write(&answer).ok();
        }
    }
}
