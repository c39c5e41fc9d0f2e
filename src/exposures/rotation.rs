//! Rotation: a full file, or one of another day, is renamed aside, and a new one is begun under the log's name. So it is
//! where the file was moved or removed by somebody else.

use std::fs::{self, Metadata};
use std::io;
use std::path::Path;

use chrono::{DateTime, Utc};

use super::files::rotated_name;
use super::log_file::{LogFile, Options, is_at};
use super::packing::pack_aside;
use crate::config::Durability;

impl LogFile {
    /// Sees to it that this is the file to write `more` bytes to: the one under its name, not full, of today. `about` is
    /// what is known of it, `log` the log's name.
    ///
    /// # Errors
    /// A new file cannot be begun; this one can be written on.
    pub fn rotate(
        &mut self,
        log: &Path,
        options: Options,
        about: &Metadata,
        more: usize,
        now: DateTime<Utc>,
    ) -> io::Result<()> {
        if !is_at(about, &self.path) {
            return self.begin(log);
        }
        if about.len() == 0 {
            self.day = now.date_naive();
            return Ok(());
        }
        let is_full = options.rotate_bytes > 0 && about.len() + more as u64 > options.rotate_bytes;
        if !is_full && self.day == now.date_naive() {
            return Ok(());
        }
        if options.durability == Durability::Disk {
            // who waits for this file's last lines waits for the next sync, which is of the new file
            self.sync()?;
        }
        fs::rename(&self.path, rotated_name(&self.path, now)?)?;
        self.begin(log)?;
        pack_aside(log)
    }

    /// Opens a file under the log's name and goes on there.
    ///
    /// # Errors
    /// It cannot be opened; this one can be written on.
    pub fn begin(&mut self, log: &Path) -> io::Result<()> {
        *self = Self::open(log)?;
        Ok(())
    }
}
