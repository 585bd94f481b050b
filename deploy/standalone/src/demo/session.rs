//! Simulated users: each holds one session of a few requests, finds out how the replies turned out, and may
//! say so.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Semaphore, mpsc},
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::client::{Client, Question};
use crate::simulator::{
    draw::Draw,
    kind::Kind,
    ledger::{Entry, Ledger},
};

/// Share of users who rate their session.
const RATING_SHARE: f64 = 0.5;

/// Share of requests that are streamed.
const STREAM_SHARE: f64 = 0.3;

/// Requests of a session: 3 to 6, 4.5 in the mean, and of how many kinds: 1 to 3.
const SHORTEST: usize = 3;
const LENGTHS: usize = 4;
const KINDS: usize = 3;

/// Standard deviation of what else decides a rating, on 0..1.
const NOISE: f64 = 0.12;

/// Users who come one after the other before anybody looks whether what earlier ones said was learned.
const FLOCK: usize = 5;

/// Events and unread replies of about four sessions: real users leave a system more time than that.
const MAY_WAIT: f64 = 60.0;

/// Time between two looks at what waits, and the longest that users wait for it.
const LOOK: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(10);

/// How fast users come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pub sessions_per_second: f64,
    /// Sessions held at the same time; where that many are open, the next user waits.
    pub open_sessions: usize,
}

/// The crowd and what it needs.
#[derive(Debug)]
pub(super) struct Users {
    pub client: Client,
    pub ledger: Arc<Ledger>,
    pub seed: u64,
    pub pace: Pace,
    pub stop: CancellationToken,
}

/// One request of a session.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub kind: Kind,
    pub text: String,
    pub request_id: Option<String>,
    /// What came of it; `None` where no model answered.
    pub reply: Option<Entry>,
}

/// One session, played.
#[derive(Debug, Clone)]
pub(super) struct Played {
    /// Its number; results arrive out of order.
    pub number: usize,
    pub requests: Vec<Asked>,
    /// This user's mood, the same whoever serves.
    pub noise: f64,
    pub rated: bool,
}

/// The rating that replies earn: users weigh the mean, and the worst.
pub(super) fn rating(good: &[bool], noise: f64) -> u8 {
    if good.is_empty() {
        return 0;
    }
    let count = u32::try_from(good.len()).unwrap_or(u32::MAX);
    let mean = good.iter().map(|g| f64::from(u8::from(*g))).sum::<f64>() / f64::from(count);
    let worst = f64::from(u8::from(good.iter().all(|g| *g)));
    let unit = (0.2 + 0.7 * (0.7 * mean + 0.3 * worst) + noise).clamp(0.0, 1.0);
    on_the_scale(unit)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to 0..1 before"
)]
fn on_the_scale(unit: f64) -> u8 {
    (unit * 10.0).round() as u8
}

/// Lets users come at their pace until all sessions are held.
pub(super) async fn all(users: Arc<Users>, sessions: usize, results: mpsc::Sender<Played>) {
    let seats = Arc::new(Semaphore::new(users.pace.open_sessions));
    let crowd = TaskTracker::new();
    let mut arrivals = interval(Duration::from_secs_f64(
        1.0 / users.pace.sessions_per_second,
    ));
    arrivals.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for number in 0..sessions {
        if number % FLOCK == 0 {
            users.let_it_learn().await;
        }
        arrivals.tick().await;
        let Ok(seat) = Arc::clone(&seats).acquire_owned().await else {
            break;
        };
        if users.stop.is_cancelled() {
            break;
        }
        let (users, results) = (Arc::clone(&users), results.clone());
        crowd.spawn(async move {
            let played = users.hold(number).await;
            let _nobody_counts = results.send(played).await;
            drop(seat);
        });
    }
    crowd.close();
    crowd.wait().await;
}

impl Users {
    /// Waits until what happened is learned from, so that a slow machine shows the same as a fast one, later.
    async fn let_it_learn(&self) {
        let learned = async {
            while self.client.not_learned().await.is_ok_and(|n| n > MAY_WAIT) {
                sleep(LOOK).await;
            }
        };
        if timeout(PATIENCE, learned).await.is_err() {
            tracing::warn!("learning falls behind; the users go on");
        }
    }

    async fn hold(&self, number: usize) -> Played {
        let mut draw = Draw::new(self.seed, &["session", &number.to_string()]);
        let session = format!("demo-{}-{number}", self.seed);
        let kinds: Vec<Kind> = (0..=draw.below(KINDS))
            .map(|_| self.kind(&mut draw))
            .collect();
        let length = SHORTEST + draw.below(LENGTHS);
        let mut requests = Vec::with_capacity(length);
        for _ in 0..length {
            let kind = kinds[draw.below(kinds.len())];
            let text = kind.user_text(&mut draw);
            let stream = draw.unit() < STREAM_SHARE;
            let question = Question {
                session: &session,
                kind,
                text: &text,
                stream,
            };
            let answer = self.client.ask(&question).await;
            let (request_id, reply) = match answer {
                Ok(answer) => (answer.request_id, self.ledger.entry(&answer.completion_id)),
                Err(error) => {
                    tracing::debug!(%error, "a request has no reply");
                    (None, None)
                }
            };
            requests.push(Asked {
                kind,
                text,
                request_id,
                reply,
            });
        }
        let noise = NOISE * draw.normal();
        let rated = draw.unit() < RATING_SHARE;
        let played = Played {
            number,
            requests,
            noise,
            rated,
        };
        if rated {
            self.rate(&session, &played).await;
        }
        played
    }

    async fn rate(&self, session: &str, played: &Played) {
        let good: Vec<bool> = played.requests.iter().map(Asked::is_good).collect();
        if let Err(error) = self.client.rate(session, rating(&good, played.noise)).await {
            tracing::error!(%error, "a rating was not taken");
        }
    }

    /// What this world's users ask for; some kinds more often than others.
    fn kind(&self, draw: &mut Draw) -> Kind {
        let weights =
            Kind::ALL.map(|kind| 0.5 + Draw::new(self.seed, &["mix", kind.name()]).unit());
        let mut left = draw.unit() * weights.iter().sum::<f64>();
        for (kind, weight) in Kind::ALL.into_iter().zip(weights) {
            left -= weight;
            if left <= 0.0 {
                return kind;
            }
        }
        Kind::Support
    }
}

impl Asked {
    /// Whether the user got what they asked for.
    pub(super) fn is_good(&self) -> bool {
        self.reply.is_some_and(|entry| entry.good)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratings_follow_the_mean_and_the_worst_reply() {
        assert_eq!(rating(&[true; 4], 0.0), 9);
        assert_eq!(rating(&[false; 4], 0.0), 2);
        let mixed = rating(&[true, true, true, false], 0.0);
        assert!(mixed > 2 && mixed < 7, "{mixed}");
        assert_eq!(rating(&[true], 5.0), 10);
        assert_eq!(rating(&[false], -5.0), 0);
    }
}
