//! Regret and quality over time as an SVG picture, with bands of 95 %.

use plotters::{
    coord::{Shift, types::RangedCoordf64},
    prelude::*,
    style::RGBColor,
};

use super::{
    measure::{Interval, Valued},
    policy::Kind,
};

const SIZE: (u32, u32) = (1_200, 1_000);
/// Points of a curve at most.
const POINTS: usize = 200;
/// Part of the run over which quality is averaged.
const WINDOWS: usize = 40;
/// Room for the names of the policies.
const NAMES_WIDTH: u32 = 210;
const FONT: &str = "sans-serif";

/// Why nothing was drawn.
#[derive(Debug, thiserror::Error)]
#[error("the picture cannot be drawn: {0}")]
pub struct PlotError(String);

/// Of what a drawing library says.
fn failed(error: impl std::fmt::Display) -> PlotError {
    PlotError(error.to_string())
}

/// One policy's curve: requests, and the interval there.
type Curve = Vec<(f64, Interval)>;

/// Draws all policies into one picture.
pub(super) fn svg(runs: &[(Kind, Valued<'_>)]) -> Result<String, PlotError> {
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
        area.fill(&WHITE).map_err(failed)?;
        let (charts, names) = area.split_horizontally(SIZE.0 - NAMES_WIDTH);
        let (upper, lower) = charts.split_vertically(SIZE.1 / 2);
        let curves =
            |of: fn(&Valued<'_>) -> Curve| runs.iter().map(|(_, valued)| of(valued)).collect();
        panel(&upper, "cumulative regret", curves(regret))?;
        panel(&lower, "quality", curves(quality))?;
        legend(&names, runs.iter().map(|(kind, _)| kind.name()))?;
        area.present().map_err(failed)?;
    }
    Ok(text)
}

/// Sum of regret up to each point.
fn regret(valued: &Valued<'_>) -> Curve {
    let all = valued.world.requests();
    let step = all.div_ceil(POINTS).max(1);
    let mut sums = vec![0.0; valued.lanes.len()];
    let mut curve = Vec::new();
    for from in (0..all).step_by(step) {
        let range = from..(from + step).min(all);
        let more = valued.sums(&range, |t, at| valued.regret(t, at));
        sums.iter_mut()
            .zip(more)
            .for_each(|(sum, more)| *sum += more);
        curve.push((range.end as f64, Interval::of(&sums)));
    }
    curve
}

/// Mean quality around each point.
fn quality(valued: &Valued<'_>) -> Curve {
    let all = valued.world.requests();
    let window = all.div_ceil(WINDOWS).max(1);
    let point = |from: usize| {
        let range = from..(from + window).min(all);
        let sums = valued.sums(&range, |t, at| valued.quality(t, at));
        let means: Vec<f64> = sums.iter().map(|sum| sum / range.len() as f64).collect();
        ((range.start + range.end) as f64 / 2.0, Interval::of(&means))
    };
    (0..all).step_by(window).map(point).collect()
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'b, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

fn panel(area: &Area<'_>, name: &str, curves: Vec<Curve>) -> Result<(), PlotError> {
    let points = || curves.iter().flatten();
    let right = points().map(|(at, _)| *at).fold(1.0, f64::max);
    let top = points()
        .map(|(_, i)| i.mean + i.half_width)
        .fold(f64::MIN, f64::max);
    let bottom = points()
        .map(|(_, i)| i.mean - i.half_width)
        .fold(f64::MAX, f64::min)
        .min(top - 1e-6);
    let mut chart = ChartBuilder::on(area)
        .caption(name, (FONT, 20))
        .margin(10)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..right, bottom..top)
        .map_err(failed)?;
    let mut mesh = chart.configure_mesh();
    let mesh = mesh.x_desc("requests of a tenant").light_line_style(WHITE);
    mesh.draw().map_err(failed)?;
    for (index, curve) in curves.iter().enumerate() {
        draw(&mut chart, color(index), curve)?;
    }
    Ok(())
}

/// As many colours as there are policies, well apart.
fn color(index: usize) -> RGBColor {
    let (r, g, b) = Palette99::pick(index).rgb();
    RGBColor(r, g, b)
}

fn draw(chart: &mut Chart<'_, '_>, color: RGBColor, curve: &Curve) -> Result<(), PlotError> {
    let upper = curve.iter().map(|(at, i)| (*at, i.mean + i.half_width));
    let lower = curve
        .iter()
        .rev()
        .map(|(at, i)| (*at, i.mean - i.half_width));
    let band: Vec<(f64, f64)> = upper.chain(lower).collect();
    let band = std::iter::once(Polygon::new(band, color.mix(0.15)));
    chart.draw_series(band).map_err(failed)?;
    let means = curve.iter().map(|(at, i)| (*at, i.mean));
    let line = LineSeries::new(means, color.stroke_width(2));
    chart.draw_series(line).map_err(failed)?;
    Ok(())
}

/// Beside the charts, so that it hides no curve.
fn legend<'n>(area: &Area<'_>, names: impl Iterator<Item = &'n str>) -> Result<(), PlotError> {
    for ((index, name), y) in names.enumerate().zip((50..).step_by(24)) {
        let key = PathElement::new(vec![(10, y), (34, y)], color(index).stroke_width(3));
        area.draw(&key).map_err(failed)?;
        let text = Text::new(name, (42, y - 7), (FONT, 15));
        area.draw(&text).map_err(failed)?;
    }
    Ok(())
}
