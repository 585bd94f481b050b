//! A thousand streams at once: each user opens one after the other, and the time to the first event of each
//! is kept.

use std::time::{Duration, Instant};

use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    task::{JoinSet, LocalSet},
    time::sleep_until,
};

use super::{
    load::{Sample, Target},
    wire::{head_of, is_ok, read_more},
};

/// How many at once, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Crowd {
    pub streams: usize,
    /// Over which the users arrive, so that their streams do not move in step.
    pub arrival: Duration,
    /// After all have arrived.
    pub duration: Duration,
}

/// Times to the first event, of the streams that began while the whole crowd was there.
pub async fn run(target: &Target, crowd: Crowd) -> Sample {
    let start = Instant::now();
    let counted = start + crowd.arrival;
    let until = counted + crowd.duration;
    let tasks = LocalSet::new();
    let all = async {
        let mut running = JoinSet::new();
        for user in 0..crowd.streams {
            let after = crowd.arrival.mul_f64(share(user, crowd.streams));
            let target = target.clone();
            running.spawn_local(async move {
                sleep_until((start + after).into()).await;
                converse(&target, counted, until).await
            });
        }
        running.join_all().await
    };
    let mut whole = Sample::default();
    for sample in tasks.run_until(all).await {
        whole.merge(sample);
    }
    whole
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn share(part: usize, of: usize) -> f64 {
    part as f64 / of as f64
}

/// One stream after the other, on one connection.
async fn converse(target: &Target, counted: Instant, until: Instant) -> Sample {
    let mut sample = Sample::default();
    let mut socket = target.connect().await;
    let mut buffer = Vec::with_capacity(8 << 10);
    while Instant::now() < until {
        let begun = Instant::now();
        let first = stream(&mut socket, &mut buffer, target, until).await;
        match first {
            Some(first) if begun >= counted => sample.latencies.push(first),
            Some(_) => {}
            None => sample.failed += 1,
        }
    }
    sample
}

/// One stream to its end, or until time is up: how long its first event took. `None`: it did not come, or the
/// stream broke.
async fn stream(
    socket: &mut TcpStream,
    buffer: &mut Vec<u8>,
    target: &Target,
    until: Instant,
) -> Option<Duration> {
    let begun = Instant::now();
    socket.write_all(&target.request).await.ok()?;
    buffer.clear();
    let head = loop {
        read_more(socket, buffer).await.ok()?;
        if let Some(message) = head_of(buffer) {
            break message.head;
        }
    };
    if !is_ok(buffer) {
        return None;
    }
    while !contains(&buffer[head..], b"data: ") {
        read_more(socket, buffer).await.ok()?;
    }
    let first = begun.elapsed();
    // The end of a chunked body; the events themselves have no CR.
    while !buffer.ends_with(b"\r\n0\r\n\r\n") {
        if Instant::now() >= until {
            *socket = target.connect().await;
            break;
        }
        let kept = buffer.len().saturating_sub(16);
        buffer.drain(..kept);
        read_more(socket, buffer).await.ok()?;
    }
    Some(first)
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
