//! Slots for connections: how many there are, which are at work, and which is given up when another one comes.

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

/// All slots of a server: ordinary ones, and a few where only probes are answered.
pub struct Slots {
    ordinary: Pool,
    reserve: Pool,
    /// Permits that connections share.
    shared: Arc<Semaphore>,
}

/// Slots of one kind.
struct Pool {
    limit: usize,
    taken: Arc<Taken>,
}

#[derive(Default)]
struct Taken {
    slots: Mutex<Vec<Arc<Slot>>>,
    /// Somebody has left.
    freed: Notify,
}

/// What a pool can offer to one more connection.
enum Offer {
    Here(SlotGuard),
    /// One is leaving, or has come so lately that it may be about to ask.
    Soon,
    /// All are at work.
    Full,
}

impl Slots {
    /// So many ordinary ones, and the reserve.
    pub fn new(limit: usize) -> Self {
        let pool = |limit| Pool { limit, taken: Arc::default() };
        Self { ordinary: pool(limit), reserve: pool(RESERVE), shared: Arc::new(Semaphore::new(MORE_ANSWERS_OF_ALL)) }
    }

    /// A slot for one more connection. Where there is none, the one that has been idle longest is told to leave; where all are
    /// at work it is one of the reserve's.
    pub async fn take(&self) -> SlotGuard {
        loop {
            let pool = match self.ordinary.offer(|| Slot::new(false, self.shared.clone())) {
                Offer::Here(guard) => return guard,
                Offer::Soon => &self.ordinary,
                Offer::Full => match self.reserve.offer(|| Slot::new(true, self.shared.clone())) {
                    Offer::Here(guard) => return guard,
                    Offer::Soon | Offer::Full => &self.reserve,
                },
            };
            timeout(GRACE, pool.taken.freed.notified()).await.ok();
        }
    }
}

impl Pool {
    fn offer(&self, slot: impl FnOnce() -> Slot) -> Offer {
        let mut slots = lock(&self.taken.slots);
        if slots.len() < self.limit {
            let slot = Arc::new(slot());
            slots.push(slot.clone());
            return Offer::Here(SlotGuard { slot, pool: self.taken.clone() });
        }
        let now = Instant::now();
        let (mut idlest, mut is_soon) = (None, false);
        for slot in slots.iter() {
            let activity = lock(&slot.activity);
            let idle = now.saturating_duration_since(activity.last);
            if activity.is_leaving {
                return Offer::Soon;
            }
            if activity.is_busy(slot.is_reserve) {
                continue;
            }
            if idle < GRACE {
                is_soon |= slot.is_reserve || activity.begun == 0;
            } else if idlest.is_none_or(|(longest, _)| idle > longest) {
                idlest = Some((idle, slot));
            }
        }
        match idlest {
            Some((_, slot)) => {
                lock(&slot.activity).is_leaving = true;
                slot.leave.notify_one();
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

/// A slot that is taken, until it is dropped.
pub struct SlotGuard {
    /// The slot.
    pub slot: Arc<Slot>,
    pool: Arc<Taken>,
}

impl Drop for SlotGuard {
    fn drop(&mut self) {
        lock(&self.pool.slots).retain(|slot| !Arc::ptr_eq(slot, &self.slot));
        self.pool.freed.notify_one();
    }
}

/// What one connection asks and has not been answered.
pub struct Slot {
    /// Only probes are answered here.
    pub is_reserve: bool,
    activity: Mutex<Activity>,
    permits: Permits,
    leave: Notify,
}

/// Who may make an answer now.
struct Permits {
    own: Arc<Semaphore>,
    more: Arc<Semaphore>,
    shared: Arc<Semaphore>,
}

impl Permits {
    fn new(shared: Arc<Semaphore>) -> Self {
        Self { own: Arc::new(Semaphore::new(1)), more: Arc::new(Semaphore::new(MORE_ANSWERS)), shared }
    }

    /// The permit of its own that a connection has, or one that it shares with others; nobody closes the semaphores.
    async fn take(&self) -> Vec<OwnedSemaphorePermit> {
        let more = async { [self.more.clone().acquire_owned().await, self.shared.clone().acquire_owned().await] };
        tokio::select! {
            biased;
            own = self.own.clone().acquire_owned() => own.into_iter().collect(),
            more = more => more.into_iter().flatten().collect(),
        }
    }
}

struct Activity {
    /// When a request was last begun, answered or taken; in the reserve, when it came.
    last: Instant,
    /// Requests at work, and since when their answers wait to be taken.
    requests: Vec<(u64, Option<Instant>)>,
    begun: u64,
    is_leaving: bool,
}

impl Activity {
    /// Whether it may not be given up. In the reserve nobody is waited for who does not take a probe's answer.
    fn is_busy(&self, is_reserve: bool) -> bool {
        self.requests.iter().any(|(_, since)| !is_reserve || since.is_none())
    }
}

impl Slot {
    fn new(is_reserve: bool, shared: Arc<Semaphore>) -> Self {
        let activity = Activity { last: Instant::now(), requests: Vec::new(), begun: 0, is_leaving: false };
        Self { is_reserve, activity: Mutex::new(activity), permits: Permits::new(shared), leave: Notify::new() }
    }

    /// Begins a request as soon as few enough of this connection's answers wait to be taken.
    pub async fn begin(self: &Arc<Self>) -> InFlight {
        let permit = self.permits.take().await;
        let mut activity = lock(&self.activity);
        let number = activity.begun;
        activity.begun += 1;
        self.touch(&mut activity);
        activity.requests.push((number, None));
        drop(activity);
        InFlight { slot: self.clone(), number, _permit: permit }
    }

    fn touch(&self, activity: &mut Activity) {
        if !self.is_reserve {
            activity.last = Instant::now();
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
        let (activity, now) = (lock(&self.activity), Instant::now());
        let is_late = |since: &Instant| now.saturating_duration_since(*since) >= slow * PATIENCE_OF_AN_ANSWER;
        if activity.requests.iter().filter_map(|(_, since)| since.as_ref()).any(is_late) {
            return None;
        }
        // what takes long on our side is no fault of the client
        let is_at_work = activity.requests.iter().any(|(_, since)| since.is_none());
        let next = if is_at_work { now } else { activity.last } + slow;
        (next > now).then_some(next)
    }
}

/// A request with its answer, until the last byte of it is taken.
pub struct InFlight {
    slot: Arc<Slot>,
    number: u64,
    _permit: Vec<OwnedSemaphorePermit>,
}

impl InFlight {
    /// The answer is made; from now on it is the client who takes time.
    pub fn answered(&self) {
        let (mut activity, now) = (lock(&self.slot.activity), Instant::now());
        self.slot.touch(&mut activity);
        if let Some((_, since)) = activity.requests.iter_mut().find(|(number, _)| *number == self.number) {
            *since = Some(now);
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut activity = lock(&self.slot.activity);
        self.slot.touch(&mut activity);
        activity.requests.retain(|(number, _)| *number != self.number);
    }
}

/// Bytes of an answer that hold its request: they go where hyper buffers them, and tell when they are written.
pub fn guarded(bytes: Bytes, in_flight: &Arc<InFlight>) -> Bytes {
    struct Guarded {
        bytes: Bytes,
        _in_flight: Arc<InFlight>,
    }
    impl AsRef<[u8]> for Guarded {
        fn as_ref(&self) -> &[u8] {
            &self.bytes
        }
    }
    Bytes::from_owner(Guarded { bytes, _in_flight: in_flight.clone() })
}
