//! How the server is now: what it is, what is wrong with it, how much of the catalogue it has shown, how full its disks are.

use anyhow::Result;
use prometheus::{Gauge, GaugeVec, IntCounter};

use super::register::Register;

/// What is looked up when metrics are asked for.
#[derive(Debug, Default)]
pub struct Gauges {
    /// The share of listed datasets shown since the model was loaded.
    pub item_coverage: f64,
    /// The share of known users that were shown a list since the start.
    pub user_coverage: f64,
    /// Lists are served without being logged.
    pub is_log_failing: bool,
    /// Lines go to a file that could not be rotated or opened anew.
    pub is_log_displaced: bool,
    /// Lists answered without being logged, since the start.
    pub unlogged: u64,
    /// The current version does not answer.
    pub has_model_fault: bool,
    /// The version that answers and when it was trained, in seconds since 1970.
    pub model: Option<(String, f64)>,
    /// How late requests are taken up.
    pub lag_seconds: f64,
}

/// A folder of the server's and the room on its disk.
#[derive(Debug)]
pub struct Disk {
    /// The setting that names the folder.
    pub folder: &'static str,
    pub free_bytes: u64,
    pub size_bytes: u64,
}

/// Of the server as it is now.
pub struct StateMetrics {
    item_coverage: Gauge,
    user_coverage: Gauge,
    log_failing: Gauge,
    log_displaced: Gauge,
    unlogged: IntCounter,
    model_fault: Gauge,
    model_trained: GaugeVec,
    lag: Gauge,
    disk_free: GaugeVec,
    disk_size: GaugeVec,
    log_size: Gauge,
}

impl StateMetrics {
    pub fn new(register: &Register<'_>, environment: &str) -> Result<Self> {
        register
            .gauges("recommendation_service_info", "What answers: always 1.", &["version", "service", "environment"])?
            .with_label_values(&[env!("CARGO_PKG_VERSION"), "nearset", environment])
            .set(1.0);
        Ok(Self {
            item_coverage: register
                .gauge("item_coverage_ratio", "Share of listed datasets shown since the model was loaded.")?,
            user_coverage: register
                .gauge("user_coverage_ratio", "Share of known users that were shown a list since the start.")?,
            log_failing: register.gauge("exposure_log_failing", "1 while lists are served without being logged.")?,
            log_displaced: register.gauge(
                "exposure_log_displaced",
                "1 while the exposure log's old file is written because no new one can be begun.",
            )?,
            unlogged: register
                .counter("exposure_log_unlogged_total", "Lists that were answered and are not in the exposure log.")?,
            model_fault: register.gauge("model_fault", "1 while the current version cannot be loaded.")?,
            model_trained: register.gauges(
                "model_trained_timestamp_seconds",
                "When the version that answers was trained, in seconds since 1970.",
                &["version"],
            )?,
            lag: register.gauge("server_lag_seconds", "How late requests are taken up.")?,
            disk_free: register.gauges("disk_free_bytes", "Room on the disk of a folder, in bytes.", &["folder"])?,
            disk_size: register.gauges("disk_size_bytes", "Size of the disk of a folder, in bytes.", &["folder"])?,
            log_size: register
                .gauge("exposure_log_bytes", "Size of the exposure log, whichever server wrote it, in bytes.")?,
        })
    }

    /// Takes over how it is now.
    pub fn refresh(&self, now: &Gauges) {
        let flag = |is: bool| f64::from(u8::from(is));
        self.item_coverage.set(now.item_coverage);
        self.user_coverage.set(now.user_coverage);
        self.log_failing.set(flag(now.is_log_failing));
        self.log_displaced.set(flag(now.is_log_displaced));
        self.unlogged.inc_by(now.unlogged.saturating_sub(self.unlogged.get()));
        self.model_fault.set(flag(now.has_model_fault));
        self.model_trained.reset();
        if let Some((version, trained)) = &now.model {
            self.model_trained.with_label_values(&[version]).set(*trained);
        }
        self.lag.set(now.lag_seconds);
    }

    /// How full the disks are, and how much of that is the exposure log.
    pub fn disks(&self, disks: &[Disk], log_bytes: u64) {
        self.log_size.set(log_bytes as f64);
        for disk in disks {
            self.disk_free.with_label_values(&[disk.folder]).set(disk.free_bytes as f64);
            self.disk_size.with_label_values(&[disk.folder]).set(disk.size_bytes as f64);
        }
    }
}
