//! Brings letters to receivers, each on a thread of its own: a slow one holds up no other.

use std::time::Duration;

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};

use super::letters::Letter;
use super::metrics::METRICS;
use super::receiver::{Carrier, Receiver};
use super::routing::Routing;
use super::telling::{letters_for, write_letters};
use crate::common::errors::describe;
use crate::config::Config;
use crate::operations::{Clock, Duty, Item, Outgoing, Refusal, Stop, SystemClock};

/// How often is looked for what is to be sent.
const LOOK: TimeDelta = TimeDelta::seconds(1);

/// How often is looked whether `notify.toml` says something else.
const REREAD: Duration = Duration::from_secs(2);

/// For how long a letter is tried that its receiver refuses without a reason that will last.
const PATIENCE: TimeDelta = TimeDelta::days(3);

/// How long a process that ends by itself takes for a request.
const HASTE: Duration = Duration::from_secs(3);

/// Brings what waits to its receivers, as long as the process lasts.
pub fn duty() -> Duty {
    Duty {
        name: "notify",
        attend: |config, clock, stop| {
            attend(config, clock, stop);
            Ok(())
        },
    }
}

fn attend(config: &Config, clock: &dyn Clock, stop: &Stop) {
    let first = Routing::of(config);
    let mut is_refused = first.is_err();
    let mut routing = first.unwrap_or_else(|error| {
        tracing::error!("nobody is told until it is mended: {}", describe(&error));
        Routing::default()
    });
    while !stop.is_told() {
        let changed = Stop::default();
        std::thread::scope(|scope| {
            for receiver in &routing.receivers {
                let changed = &changed;
                scope.spawn(move || keep_bringing(config, receiver, clock, changed));
            }
            let read = std::fs::read(config.notify_path()).ok();
            let mut refused = is_refused.then(|| read.clone());
            while !stop.within(REREAD) {
                let now = std::fs::read(config.notify_path()).ok();
                let is_known = refused.as_ref().is_some_and(|refused| *refused == now);
                if now == read && !is_known {
                    continue;
                }
                // one that is refused may name a variable that comes later
                match Routing::of(config) {
                    Ok(new) => {
                        routing_changed(&new);
                        changed.tell();
                        return Some(new);
                    }
                    Err(_) if is_known => {}
                    Err(error) => tracing::error!("notify.toml is passed over as it is now: {}", describe(&error)),
                }
                refused = Some(now);
            }
            changed.tell();
            None
        })
        .into_iter()
        .for_each(|new| (routing, is_refused) = (new, false));
    }
}

fn routing_changed(routing: &Routing) {
    tracing::info!("{} is read again: {} receivers", routing.origin, routing.receivers.len());
}

fn keep_bringing(config: &Config, receiver: &Receiver, clock: &dyn Clock, stop: &Stop) {
    let outgoing = match Outgoing::of(config) {
        Ok(outgoing) => outgoing,
        Err(error) => {
            tracing::error!("{} is not told: {}", receiver.name, describe(&error));
            return;
        }
    };
    let carrier = Carrier { outgoing: &outgoing, config, haste: None };
    loop {
        if let Err(error) = bring_all(receiver, &carrier, clock, stop) {
            tracing::error!("{} is not told: {}", receiver.name, describe(&error));
        }
        if clock.wait(clock.now() + LOOK, stop) {
            return;
        }
    }
}

/// Brings a receiver once what is due.
fn bring_all(receiver: &Receiver, carrier: &Carrier<'_>, clock: &dyn Clock, stop: &Stop) -> Result<()> {
    write_letters(carrier.config, receiver, clock.now())?;
    letters_for(carrier.config, &receiver.name).deliver(clock, stop, |item: &Item<Letter>| {
        let result = receiver.bring(&item.body, carrier);
        let name = receiver.name.as_str();
        match patient(result, item, clock.now()) {
            Ok(said) => {
                METRICS.count(name, "sent");
                tracing::info!("{name} is told {:?}: {said}", item.body.title);
                Ok(())
            }
            Err(refusal) => {
                let (result, error) = match &refusal {
                    Refusal::Never(error) => ("refused", error),
                    Refusal::Later(error, _) | Refusal::Closed(error, _) => ("later", error),
                };
                METRICS.count(name, result);
                // the first time, and then now and then
                if result == "refused" || item.attempts.is_power_of_two() || item.attempts == 0 {
                    tracing::warn!("{name} did not take {:?}: {}", item.body.title, describe(error));
                }
                Err(refusal)
            }
        }
    })?;
    Ok(())
}

/// What will not arrive in days never will.
fn patient(
    result: Result<String, Refusal>,
    item: &Item<Letter>,
    now: DateTime<Utc>,
) -> std::result::Result<String, Refusal> {
    match result {
        Err(Refusal::Later(error, _)) if now - item.at > PATIENCE => Err(Refusal::Never(error)),
        other => other,
    }
}

/// Brings all receivers once what is due, within a few seconds, for a process that ends then; what is left waits for another.
pub fn deliver_for(config: &Config, routing: &Routing, seconds: u64) {
    let mut config = config.clone();
    config.outgoing.timeout = config.outgoing.timeout.min(HASTE);
    let outgoing = match Outgoing::of(&config) {
        Ok(outgoing) => outgoing,
        Err(error) => return tracing::error!("nobody is told: {}", describe(&error)),
    };
    let carrier = &Carrier { outgoing: &outgoing, config: &config, haste: Some(HASTE) };
    let stop = &Stop::default();
    let (done, ended) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        for receiver in &routing.receivers {
            let done = done.clone();
            scope.spawn(move || {
                if let Err(error) = bring_all(receiver, carrier, &SystemClock, stop) {
                    tracing::warn!("{} is not told: {}", receiver.name, describe(&error));
                }
                done.send(()).ok();
            });
        }
        drop(done);
        let until = std::time::Instant::now() + Duration::from_secs(seconds);
        for _ in &routing.receivers {
            let left = until.saturating_duration_since(std::time::Instant::now());
            if ended.recv_timeout(left).is_err() {
                break;
            }
        }
        stop.tell();
    });
}
