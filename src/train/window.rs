//! What a model may see of the visits: everything, what was before a moment, or all but a stretch of time.

use anyhow::{Context, Result, bail};
use chrono::{DateTime, Utc};
use duckdb::Connection;

use super::data::READ;
use crate::common::language::t;
use crate::sql_project::{Project, Relation};
use crate::warehouse::{ident, timestamp};

/// Which visits a model sees.
#[derive(Clone, Copy, Debug)]
pub struct TrainingWindow {
    /// The moment that stands for now.
    pub as_of: DateTime<Utc>,
    /// Only what was before; all there is, where that is `None`.
    pub until: Option<DateTime<Utc>>,
    /// Without the visits that began from the first moment until before the second.
    pub without: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

/// The raw tables that nobody's doing changes; all others tell what people did, and when.
const TIMELESS: [&str; 3] = ["raw.dataset", "raw.dataset_image", "raw.matomo_log_action"];

/// The variables by which relations know the window.
const VARIABLES: [&str; 3] = ["train_until", "held_out_from", "held_out_until"];

/// Refuses a project in which training would see what a window holds back: by a relation that reads visits, orders or
/// exposures past it.
///
/// # Errors
/// There is such a relation; the error names each, and what to read instead.
pub fn require_no_leak(project: &Project) -> Result<()> {
    let ways = project.ways_around(&VARIABLES, &READ, &TIMELESS)?;
    if ways.is_empty() {
        return Ok(());
    }
    let line = |(relation, input): &(&Relation, &str)| {
        t!(
            "{}: {} feeds training and reads {input}, which holds also what was held out; read training_views or \
             training_orders, filter by both may_train_on(…) and is_held_out(…), or say in the header why no \
             visit changes what is read (`-- unwindowed: …`)",
            "{}：{} 供训练使用，却读取 {input}，其中含有留出的数据；请改读 training_views 或 training_orders，或\
             同时用 may_train_on(…) 与 is_held_out(…) 过滤，或在文件头说明为何访问不影响所读的内容（`-- \
             unwindowed: …`）",
            relation.file.display(),
            relation.name
        )
    };
    bail!("{}", ways.iter().map(line).collect::<Vec<_>>().join("\n"))
}

impl TrainingWindow {
    /// Runs `with` while the relations that training reads hold what the window lets them: those that depend on the window are
    /// built again as temporary tables, which hide the warehouse's own of the same names.
    ///
    /// # Errors
    /// One of the relations cannot be made, or `with` fails.
    pub fn within<T>(self, db: &Connection, project: &Project, with: impl FnOnce() -> Result<T>) -> Result<T> {
        if self.until.is_none() && self.without.is_none() {
            return with();
        }
        require_no_leak(project)?;
        let relations = project.dependent_on(&VARIABLES, &READ)?;
        self.set(db)?;
        let result = relations.iter().try_for_each(|relation| make(db, relation)).and_then(|()| with());
        for relation in relations.iter().rev() {
            db.execute_batch(&format!("drop table if exists temp.{}", ident(&relation.name)))?;
        }
        Self { until: None, without: None, ..self }.set(db)?;
        result
    }

    fn set(self, db: &Connection) -> Result<()> {
        let moment = |moment: Option<DateTime<Utc>>| moment.map_or("cast(null as timestamp)".to_owned(), timestamp);
        let (from, until) = self.without.unzip();
        db.execute_batch(&format!("set variable as_of = {}", timestamp(self.until.unwrap_or(self.as_of))))?;
        for (variable, value) in VARIABLES.iter().zip([self.until, from, until]) {
            db.execute_batch(&format!("set variable {variable} = {}", moment(value)))?;
        }
        Ok(())
    }
}

fn make(db: &Connection, relation: &Relation) -> Result<()> {
    db.execute_batch(&format!("create or replace temp table {} as\n{}", ident(&relation.name), relation.sql))
        .with_context(|| t!("{} before the held-out visits", "留出访问之前的 {}", relation.name))
}
