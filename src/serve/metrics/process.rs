//! What the operating system says of this process, under the names that every Prometheus client uses (Linux; elsewhere there
//! are none).

use std::fs;

use anyhow::Result;
use prometheus::{Counter, Gauge};
use rustix::process::{Resource, getrlimit};

use super::register::Register;
use crate::common::memory;

/// The kernel tells times in hundredths of a second, on every machine that this runs on (`USER_HZ`).
const TICKS: f64 = 100.0;

/// Of this process.
pub struct ProcessMetrics {
    cpu: Counter,
    resident: Gauge,
    virtual_memory: Gauge,
    open_files: Gauge,
    threads: Gauge,
}

/// The fields of `/proc/self/stat`, by their numbers in proc(5); what stands before the third is passed over.
struct Stat(Vec<f64>);

impl Stat {
    fn read() -> Option<Self> {
        let text = fs::read_to_string("/proc/self/stat").ok()?;
        // the name, in brackets, may hold anything; the state after it is a letter
        let (_, fields) = text.rsplit_once(") ")?;
        Some(Self(fields.split_whitespace().map(|field| field.parse().unwrap_or(0.0)).collect()))
    }

    fn field(&self, number: usize) -> f64 {
        self.0.get(number - 3).copied().unwrap_or(0.0)
    }

    fn cpu_seconds(&self) -> f64 {
        (self.field(14) + self.field(15)) / TICKS
    }

    /// Since 1970.
    fn started(&self) -> Option<f64> {
        let text = fs::read_to_string("/proc/stat").ok()?;
        let boot: f64 = text.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
        Some(boot + self.field(22) / TICKS)
    }
}

impl ProcessMetrics {
    /// `None` where the system does not say.
    pub fn new(register: &Register<'_>) -> Result<Option<Self>> {
        let Some(stat) = Stat::read() else { return Ok(None) };
        if let Some(started) = stat.started() {
            register
                .gauge("process_start_time_seconds", "When the process started, in seconds since 1970.")?
                .set(started);
        }
        if let Some(most) = getrlimit(Resource::Nofile).current {
            register.gauge("process_max_fds", "How many files the process may have open.")?.set(most as f64);
        }
        Ok(Some(Self {
            cpu: register
                .seconds("process_cpu_seconds_total", "Time of processors, user's and system's, in seconds.")?,
            resident: register.gauge("process_resident_memory_bytes", "Memory that the process holds, in bytes.")?,
            virtual_memory: register
                .gauge("process_virtual_memory_bytes", "Memory that the process addresses, in bytes.")?,
            open_files: register.gauge("process_open_fds", "How many files the process has open.")?,
            threads: register.gauge("process_threads", "How many threads the process has.")?,
        }))
    }

    /// Looks again.
    pub fn refresh(&self) {
        if let Some(stat) = Stat::read() {
            self.cpu.inc_by((stat.cpu_seconds() - self.cpu.get()).max(0.0));
            self.threads.set(stat.field(20));
            self.virtual_memory.set(stat.field(23));
        }
        self.resident.set(memory::resident() as f64);
        if let Ok(files) = fs::read_dir("/proc/self/fd") {
            // one of them is the folder that is read
            self.open_files.set(files.count().saturating_sub(1) as f64);
        }
    }
}
