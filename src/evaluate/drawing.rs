//! Figures as SVG that any browser, page or document shows: a row each, a dot with its interval, and a ring beside it.

use maud::{Markup, PreEscaped, html};

/// The width of a picture, and where its scale begins and ends.
const WIDTH: f64 = 760.0;
const FROM: f64 = 230.0;
const TO: f64 = 730.0;

/// The height of a row, and of what stands above them.
const ROW: f64 = 24.0;
const TOP: f64 = 64.0;

/// Colours that are told apart in light and dark, in print and by the colour-blind (Okabe, Ito 2008).
const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#222}.title{font-size:15px;font-weight:600}.grid{stroke:#ddd}\
    .interval{stroke:#0072b2;stroke-width:2}.dot{fill:#0072b2}.ring{fill:none;stroke:#d55e00;stroke-width:2}\
    @media(prefers-color-scheme:dark){text{fill:#ddd}.grid{stroke:#444}}";

/// Shares, each with its interval.
pub(super) struct DotPlot {
    pub(super) title: String,
    /// What the dots are.
    pub(super) value: String,
    /// What the rings are.
    pub(super) beside: String,
    pub(super) rows: Vec<Dots>,
}

/// A row of a plot.
pub(super) struct Dots {
    pub(super) label: String,
    pub(super) value: f64,
    /// The ends of its interval.
    pub(super) ends: Option<(f64, f64)>,
    /// What it is to be compared with.
    pub(super) beside: Option<f64>,
}

impl DotPlot {
    /// The picture; nothing without rows.
    pub(super) fn svg(&self) -> Option<String> {
        let ends = |row: &Dots| [row.value, row.ends.map_or(0.0, |(_, high)| high), row.beside.unwrap_or(0.0)];
        let most = self.rows.iter().flat_map(ends).fold(0.0, f64::max);
        if self.rows.is_empty() || most <= 0.0 {
            return None;
        }
        let step = step(most);
        let marks = (most / step).ceil();
        let x = |value: f64| format!("{:.1}", FROM + (TO - FROM) * (value / (step * marks)).clamp(0.0, 1.0));
        let y = |row: usize| TOP + ROW * (row as f64 + 0.5);
        let bottom = TOP + ROW * self.rows.len() as f64;
        let grid = |mark: f64| {
            html! {
                line.grid x1=(x(mark)) x2=(x(mark)) y1=(TOP) y2=(bottom) {}
                text x=(x(mark)) y=(bottom + 18.0) text-anchor="middle" { (percent(mark)) }
            }
        };
        let drawn = html! {
            svg xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {WIDTH} {}", bottom + 30.0)) role="img" {
                title { (self.title) }
                style { (PreEscaped(STYLE)) }
                text.title x="12" y="24" { (self.title) }
                circle.dot cx="18" cy="44" r="5" {}
                text x="30" y="48" { (self.value) }
                circle.ring cx=(FROM) cy="44" r="5" {}
                text x=(FROM + 12.0) y="48" { (self.beside) }
                @for mark in 0..=marks as u32 { (grid(f64::from(mark) * step)) }
                @for (at, row) in self.rows.iter().enumerate() { (line(row, y(at), &x)) }
            }
        };
        Some(drawn.into_string())
    }
}

fn line(row: &Dots, y: f64, x: &impl Fn(f64) -> String) -> Markup {
    let said = match row.ends {
        Some((low, high)) => {
            format!("{}: {:.2} % ({:.2} - {:.2})", row.label, row.value * 100.0, low * 100.0, high * 100.0)
        }
        None => format!("{}: {:.2} %", row.label, row.value * 100.0),
    };
    html! {
        g {
            title { (said) }
            text x=(FROM - 12.0) y=(y + 4.0) text-anchor="end" { (row.label) }
            @if let Some((low, high)) = row.ends { line.interval x1=(x(low)) x2=(x(high)) y1=(y) y2=(y) {} }
            circle.dot cx=(x(row.value)) cy=(y) r="5" {}
            @if let Some(beside) = row.beside { circle.ring cx=(x(beside)) cy=(y) r="5" {} }
        }
    }
}

/// The distance of the marks of a scale that goes up to `most`: 1, 2 or 5 of some power of ten, at most ten of them.
fn step(most: f64) -> f64 {
    let power = 10f64.powf((most / 10.0).log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|step| step * power).into_iter().find(|step| most / step <= 10.0).unwrap_or(10.0 * power)
}

fn percent(share: f64) -> String {
    let text = format!("{:.3}", share * 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(rows: Vec<Dots>) -> DotPlot {
        DotPlot { title: "Hits".into(), value: "rate, 95 %".into(), beside: "HR@20".into(), rows }
    }

    #[test]
    fn shares_are_drawn_with_their_intervals() {
        let rows = vec![
            Dots { label: "detail".into(), value: 0.53, ends: Some((0.51, 0.55)), beside: Some(0.79) },
            Dots { label: "<popular>".into(), value: 0.08, ends: None, beside: None },
        ];
        insta::assert_snapshot!("dots", plot(rows).svg().expect("a picture"));
    }

    #[test]
    fn without_rows_there_is_no_picture_and_a_scale_has_round_marks() {
        assert!(plot(Vec::new()).svg().is_none());
        assert_eq!([0.79, 0.2, 0.021].map(step), [0.1, 0.02, 0.005]);
        assert_eq!([0.0, 0.1, 0.125].map(percent), ["0 %", "10 %", "12.5 %"]);
    }
}
