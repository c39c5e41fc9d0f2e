//! How long work on a connection may take.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use duckdb::Connection;

/// How often work that goes on all the same is interrupted again: between two statements nothing is.
const AGAIN: Duration = Duration::from_millis(200);

/// Does work on a connection, whose statements are interrupted once it has taken that long; also says whether they were.
pub fn within<T>(db: &Connection, limit: Duration, work: impl FnOnce() -> T) -> (T, bool) {
    let handle = db.interrupt_handle();
    let (done, ended) = channel::<()>();
    std::thread::scope(|scope| {
        let watch = scope.spawn(move || {
            let (mut wait, mut is_late) = (limit, false);
            while ended.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                handle.interrupt();
                (wait, is_late) = (AGAIN, true);
            }
            is_late
        });
        let made = work();
        drop(done);
        (made, watch.join().unwrap_or(false))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_too_long_is_interrupted_and_the_connection_goes_on() -> anyhow::Result<()> {
        let db = Connection::open_in_memory()?;
        let count = |rows: u64| {
            let sql =
                format!("select count(*) from range({rows}) as a, range({rows}) as b where a.range + b.range = 1");
            db.query_row(&sql, [], |row| row.get::<_, u64>(0))
        };
        let (bomb, is_late) = within(&db, Duration::from_millis(50), || count(10_000_000));
        assert!(bomb.is_err() && is_late);
        let (quick, is_late) = within(&db, Duration::from_secs(60), || count(2));
        assert_eq!((quick?, is_late), (2, false));
        Ok(())
    }
}
