//! A chart of shares over days, from the same data as the table next to it.

use serde::Serialize;

/// The drawing's size, in its own units.
const WIDTH: u32 = 760;
const HEIGHT: u32 = 240;

/// Where the lines are: the rest is for labels.
const LEFT: u32 = 44;
const RIGHT: u32 = 16;
const TOP: u32 = 12;
const BOTTOM: u32 = 30;

/// The most labels below, and the most days that have a dot each.
const MOST_LABELS: usize = 8;
const MOST_DOTS: usize = 62;

/// A day, with the percents of its series; none where nothing was counted.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub(super) day: String,
    pub(super) percents: [Option<u8>; 2],
}

/// The drawing.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Chart {
    width: u32,
    height: u32,
    left: u32,
    right: u32,
    bottom: u32,
    grid: Vec<Label>,
    days: Vec<Label>,
    series: Vec<Series>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Label {
    at: u32,
    text: String,
    anchor: &'static str,
}

#[derive(Debug, PartialEq, Serialize)]
struct Series {
    class: &'static str,
    name: &'static str,
    /// Where lines go; a day without data interrupts them.
    lines: Vec<String>,
    dots: Vec<(u32, u32)>,
}

impl Chart {
    /// Draws the shares of days, one after the other; nothing if there is nothing to draw.
    pub(super) fn of(points: &[Point]) -> Option<Self> {
        if points.iter().all(|point| point.percents == [None, None]) {
            return None;
        }
        let grid = (0..=4).rev().map(|quarter| Label {
            at: y(quarter * 25),
            text: format!("{} %", quarter * 25),
            anchor: "end",
        });
        let series = [("with", "Portal"), ("other", "API")].into_iter().enumerate();
        let series = series.map(|(place, (class, name))| one(points, place, class, name));
        Some(Self {
            width: WIDTH,
            height: HEIGHT,
            left: LEFT,
            right: WIDTH - RIGHT,
            bottom: HEIGHT - 8,
            grid: grid.collect(),
            days: labels(points),
            series: series.collect(),
        })
    }
}

fn one(points: &[Point], place: usize, class: &'static str, name: &'static str) -> Series {
    let (mut lines, mut line, mut dots) = (Vec::new(), Vec::new(), Vec::new());
    for (at, point) in points.iter().enumerate() {
        if let Some(percent) = point.percents.get(place).copied().flatten() {
            let spot = (x(at, points.len()), y(u32::from(percent.min(100))));
            line.push(format!("{},{}", spot.0, spot.1));
            dots.push(spot);
        } else if !line.is_empty() {
            lines.push(std::mem::take(&mut line).join(" "));
        }
    }
    if !line.is_empty() {
        lines.push(line.join(" "));
    }
    if points.len() > MOST_DOTS {
        // A day that stands alone is no line.
        let alone = |dot: &(u32, u32)| lines.iter().any(|line| *line == format!("{},{}", dot.0, dot.1));
        dots.retain(alone);
    }
    Series { class, name, lines, dots }
}

fn labels(points: &[Point]) -> Vec<Label> {
    let step = points.len().div_ceil(MOST_LABELS).max(1);
    let last = points.len().saturating_sub(1);
    let chosen = points.iter().enumerate().filter(|(at, _)| (last - at).is_multiple_of(step));
    let label = |(at, point): (usize, &Point)| Label {
        at: x(at, points.len()),
        // The month and the day.
        text: point.day.get(5..).unwrap_or(&point.day).to_owned(),
        anchor: if at == last && points.len() > 1 { "end" } else { "middle" },
    };
    chosen.map(label).collect()
}

fn x(at: usize, count: usize) -> u32 {
    let wide = WIDTH - LEFT - RIGHT;
    let last = u32::try_from(count.saturating_sub(1)).unwrap_or(u32::MAX);
    let at = u32::try_from(at).unwrap_or(u32::MAX);
    if last == 0 {
        LEFT + wide / 2
    } else {
        LEFT + u32::try_from(u64::from(wide) * u64::from(at) / u64::from(last)).unwrap_or(wide)
    }
}

fn y(percent: u32) -> u32 {
    TOP + (HEIGHT - TOP - BOTTOM) * (100 - percent) / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(day: u32, portal: Option<u8>, api: Option<u8>) -> Point {
        Point { day: format!("2026-11-{day:02}"), percents: [portal, api] }
    }

    #[test]
    fn a_day_without_data_interrupts_the_line_and_is_not_zero() {
        let points =
            [point(1, Some(100), None), point(2, None, None), point(3, Some(0), None), point(4, Some(50), None)];
        let chart = Chart::of(&points).unwrap();
        assert_eq!(chart.series[0].lines, ["44,12", "510,210 744,111"]);
        assert_eq!(chart.series[0].dots, [(44, 12), (510, 210), (744, 111)]);
        assert!(chart.series[1].lines.is_empty() && chart.series[1].dots.is_empty());
        assert_eq!(Chart::of(&[point(1, None, None)]), None);
        assert_eq!(Chart::of(&[]), None);
    }

    #[test]
    fn a_year_has_few_labels_and_all_is_within_the_drawing() {
        let points: Vec<_> = (0..400).map(|day| point(day % 28 + 1, Some(90), Some(10))).collect();
        let chart = Chart::of(&points).unwrap();
        assert!(chart.days.len() <= MOST_LABELS + 1 && chart.series[0].dots.is_empty());
        assert!(chart.days.iter().all(|label| (LEFT..=WIDTH - RIGHT).contains(&label.at)));
        assert_eq!(Chart::of(&points[..1]).unwrap().series[0].dots.len(), 1);
    }
}
