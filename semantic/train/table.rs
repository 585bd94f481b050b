//! The table while it learns: contrastive loss over a batch, with one trap to each question, and Adagrad.

use floopy_semantic::embed::{BUCKETS, DIMENSIONS, features};

use super::{pairs::Pair, random::Random};

/// How sharply near and far are told apart.
const TEMPERATURE: f32 = 0.07;
const RATE: f32 = 0.05;
/// What a row begins with.
const SPREAD: f32 = 0.125;

type Row = [f32; DIMENSIONS];

pub(super) struct Table {
    pub(super) rows: Vec<Row>,
    /// Sums of squared slopes.
    seen: Vec<f32>,
}

/// A text on its way through a step.
struct Text {
    features: Vec<(u32, f32)>,
    length: f32,
    unit: Row,
    slope: Row,
}

impl Table {
    pub(super) fn random(random: &mut Random) -> Self {
        let row = |_| std::array::from_fn(|_| random.bell() * SPREAD);
        Self {
            rows: (0..BUCKETS).map(row).collect(),
            seen: vec![1e-4; BUCKETS],
        }
    }

    /// One step; the mean loss before it.
    pub(super) fn learn(&mut self, batch: &[Pair], rate: f32) -> f32 {
        let read = |text: fn(&Pair) -> &str| -> Vec<Text> {
            batch.iter().map(|pair| self.text(text(pair))).collect()
        };
        let mut questions = read(|pair| &pair.question);
        let mut answers = read(|pair| &pair.same);
        answers.extend(read(|pair| &pair.trap));
        let mut loss = 0.0;
        for (at, question) in questions.iter_mut().enumerate() {
            loss += slopes(question, &mut answers, at);
        }
        for text in questions.iter().chain(&answers) {
            self.follow(text, RATE * rate);
        }
        loss / batch.len() as f32
    }

    fn text(&self, text: &str) -> Text {
        let features = features(text);
        let mut sum = [0.0; DIMENSIONS];
        for (bucket, weight) in &features {
            add(&mut sum, &self.rows[*bucket as usize], *weight);
        }
        let length = product(&sum, &sum).sqrt().max(1e-6);
        Text {
            features,
            length,
            unit: sum.map(|n| n / length),
            slope: [0.0; DIMENSIONS],
        }
    }

    /// Goes down the slope of a text, through its length, in each of its rows.
    fn follow(&mut self, text: &Text, rate: f32) {
        let along = product(&text.slope, &text.unit);
        let mut slope = text.slope;
        add(&mut slope, &text.unit, -along);
        slope.iter_mut().for_each(|n| *n /= text.length);
        let square = product(&slope, &slope) / DIMENSIONS as f32;
        for (bucket, weight) in &text.features {
            let at = *bucket as usize;
            self.seen[at] += square * weight * weight;
            add(
                &mut self.rows[at],
                &slope,
                -rate * weight / self.seen[at].sqrt(),
            );
        }
    }
}

/// Adds the slopes of one question's loss: it is to be nearer to the answer in its own place than to all others.
fn slopes(question: &mut Text, answers: &mut [Text], own: usize) -> f32 {
    let near = answers
        .iter()
        .map(|other| product(&question.unit, &other.unit) / TEMPERATURE);
    let near: Vec<f32> = near.collect();
    let most = near.iter().fold(f32::MIN, |a, b| a.max(*b));
    let shares: Vec<f32> = near.iter().map(|n| (n - most).exp()).collect();
    let total: f32 = shares.iter().sum();
    for (at, answer) in answers.iter_mut().enumerate() {
        let wanted = if at == own { 1.0 } else { 0.0 };
        let pull = (shares[at] / total - wanted) / TEMPERATURE;
        add(&mut question.slope, &answer.unit, pull);
        add(&mut answer.slope, &question.unit, pull);
    }
    -(shares[own] / total).max(1e-12).ln()
}

fn add(to: &mut Row, what: &Row, times: f32) {
    to.iter_mut().zip(what).for_each(|(n, m)| *n += times * m);
}

fn product(one: &Row, other: &Row) -> f32 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}
