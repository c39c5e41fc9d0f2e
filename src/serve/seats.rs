//! Seats of connections: how many there are, which are at work, and which is given up when another one comes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until, timeout};

/// How many answers of one connection may be made and not yet taken, beyond the one that every connection may have; further
/// requests of it wait.
const MORE_ANSWERS: usize = 7;

/// As many may be there of all connections together: some 30 MB, whoever takes nothing.
const MORE_ANSWERS_OF_ALL: usize = 1024;

/// An answer is taken within so many times the patience for slow clients, however it trickles.
const PATIENCE_OF_AN_ANSWER: u32 = 2;

/// Connections beyond the limit that may ask how the server is.
const RESERVE: usize = 16;

/// A connection is not given up before it had the time to ask something.
const GRACE: Duration = Duration::from_millis(10);

/// All seats of a server: ordinary ones, and a few where only probes are answered.
pub struct Seats {
    ordinary: Row,
    reserve: Row,
    /// Turns that connections share.
    shared: Arc<Semaphore>,
}

/// Seats of one kind.
struct Row {
    limit: usize,
    taken: Arc<Taken>,
}

#[derive(Default)]
struct Taken {
    seats: Mutex<Vec<Arc<Seat>>>,
    /// Somebody has left.
    freed: Notify,
}

/// What a row can offer to one more connection.
enum Offer {
    Here(Place),
    /// One is leaving, or has come so lately that it may be about to ask.
    Soon,
    /// All are at work.
    Full,
}

impl Seats {
    pub fn new(limit: usize) -> Self {
        let row = |limit| Row { limit, taken: Arc::default() };
        Self { ordinary: row(limit), reserve: row(RESERVE), shared: Arc::new(Semaphore::new(MORE_ANSWERS_OF_ALL)) }
    }

    /// A seat for one more connection. Where there is none, the one that has been idle longest is told to leave; where all are
    /// at work it is one of the reserve's.
    pub async fn take(&self) -> Place {
        loop {
            let row = match self.ordinary.offer(|| Seat::new(false, self.shared.clone())) {
                Offer::Here(place) => return place,
                Offer::Soon => &self.ordinary,
                Offer::Full => match self.reserve.offer(|| Seat::new(true, self.shared.clone())) {
                    Offer::Here(place) => return place,
                    Offer::Soon | Offer::Full => &self.reserve,
                },
            };
            timeout(GRACE, row.taken.freed.notified()).await.ok();
        }
    }
}

impl Row {
    fn offer(&self, seat: impl FnOnce() -> Seat) -> Offer {
        let mut seats = lock(&self.taken.seats);
        if seats.len() < self.limit {
            let seat = Arc::new(seat());
            seats.push(seat.clone());
            return Offer::Here(Place { seat, row: self.taken.clone() });
        }
        let now = Instant::now();
        let (mut idlest, mut is_soon) = (None, false);
        for seat in seats.iter() {
            let visit = lock(&seat.visit);
            let idle = now.saturating_duration_since(visit.last);
            if visit.is_leaving {
                return Offer::Soon;
            } else if visit.is_busy(seat.is_reserve) {
                continue;
            } else if idle < GRACE {
                is_soon |= seat.is_reserve || visit.begun == 0;
            } else if idlest.is_none_or(|(longest, _)| idle > longest) {
                idlest = Some((idle, seat));
            }
        }
        match idlest {
            Some((_, seat)) => {
                lock(&seat.visit).is_leaving = true;
                seat.leave.notify_one();
                Offer::Soon
            }
            None if is_soon => Offer::Soon,
            None => Offer::Full,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A seat that is taken, until it is dropped.
pub struct Place {
    pub seat: Arc<Seat>,
    row: Arc<Taken>,
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.row.seats).retain(|seat| !Arc::ptr_eq(seat, &self.seat));
        self.row.freed.notify_one();
    }
}

/// One connection's account of what it asks.
pub struct Seat {
    pub is_reserve: bool,
    visit: Mutex<Visit>,
    turns: Turns,
    leave: Notify,
}

/// Who may make an answer now.
struct Turns {
    own: Arc<Semaphore>,
    more: Arc<Semaphore>,
    shared: Arc<Semaphore>,
}

impl Turns {
    fn new(shared: Arc<Semaphore>) -> Self {
        Self { own: Arc::new(Semaphore::new(1)), more: Arc::new(Semaphore::new(MORE_ANSWERS)), shared }
    }

    /// The turn of its own that a connection has, or one that it shares with others; nobody closes the semaphores.
    async fn take(&self) -> Vec<OwnedSemaphorePermit> {
        let more = async { [self.more.clone().acquire_owned().await, self.shared.clone().acquire_owned().await] };
        tokio::select! {
            biased;
            own = self.own.clone().acquire_owned() => own.into_iter().collect(),
            more = more => more.into_iter().flatten().collect(),
        }
    }
}

struct Visit {
    /// When a request was last begun, answered or taken; in the reserve, when it came.
    last: Instant,
    /// Requests at work, and since when their answers wait to be taken.
    requests: Vec<(u64, Option<Instant>)>,
    begun: u64,
    is_leaving: bool,
}

impl Visit {
    /// Whether it may not be given up. In the reserve nobody is waited for who does not take a probe's answer.
    fn is_busy(&self, is_reserve: bool) -> bool {
        self.requests.iter().any(|(_, since)| !is_reserve || since.is_none())
    }
}

impl Seat {
    fn new(is_reserve: bool, shared: Arc<Semaphore>) -> Self {
        let visit = Visit { last: Instant::now(), requests: Vec::new(), begun: 0, is_leaving: false };
        Self { is_reserve, visit: Mutex::new(visit), turns: Turns::new(shared), leave: Notify::new() }
    }

    /// Begins a request as soon as few enough of this connection's answers wait to be taken.
    pub async fn begin(self: &Arc<Self>) -> Held {
        let turn = self.turns.take().await;
        let mut visit = lock(&self.visit);
        let number = visit.begun;
        visit.begun += 1;
        self.touch(&mut visit);
        visit.requests.push((number, None));
        drop(visit);
        Held { seat: self.clone(), number, _turn: turn }
    }

    fn touch(&self, visit: &mut Visit) {
        if !self.is_reserve {
            visit.last = Instant::now();
        }
    }

    /// Waits until this connection is asked to make room.
    pub async fn told_to_leave(&self) {
        self.leave.notified().await;
    }

    /// Waits until no request was begun, answered or taken for this long, or one answer waits too long to be taken.
    pub async fn stale(&self, slow: Duration) {
        while let Some(next) = self.look(slow) {
            sleep_until(next).await;
        }
    }

    /// When to look again; `None` where it is stale.
    fn look(&self, slow: Duration) -> Option<Instant> {
        let (visit, now) = (lock(&self.visit), Instant::now());
        let is_late = |since: &Instant| now.saturating_duration_since(*since) >= slow * PATIENCE_OF_AN_ANSWER;
        if visit.requests.iter().filter_map(|(_, since)| since.as_ref()).any(is_late) {
            return None;
        }
        // what takes long on our side is no fault of the client
        let is_at_work = visit.requests.iter().any(|(_, since)| since.is_none());
        let next = if is_at_work { now } else { visit.last } + slow;
        (next > now).then_some(next)
    }
}

/// A request with its answer, until the last byte of it is taken.
pub struct Held {
    seat: Arc<Seat>,
    number: u64,
    _turn: Vec<OwnedSemaphorePermit>,
}

impl Held {
    /// The answer is made; from now on it is the client who takes time.
    pub fn answered(&self) {
        let (mut visit, now) = (lock(&self.seat.visit), Instant::now());
        self.seat.touch(&mut visit);
        if let Some((_, since)) = visit.requests.iter_mut().find(|(number, _)| *number == self.number) {
            *since = Some(now);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut visit = lock(&self.seat.visit);
        self.seat.touch(&mut visit);
        visit.requests.retain(|(number, _)| *number != self.number);
    }
}

/// Bytes of an answer that hold its request: they go where hyper buffers them, and tell when they are written.
pub fn holding(bytes: Bytes, held: &Arc<Held>) -> Bytes {
    struct Holding {
        bytes: Bytes,
        _held: Arc<Held>,
    }
    impl AsRef<[u8]> for Holding {
        fn as_ref(&self) -> &[u8] {
            &self.bytes
        }
    }
    Bytes::from_owner(Holding { bytes, _held: held.clone() })
}
