//! `floopy demo`: the real system in front of simulated models, used and rated by simulated users.
//!
//! The proxy, the control plane and the judge are the ones that `floopy` runs, configured as a user could
//! configure them. Only the users know whether a reply was any good, and they tell nobody but through
//! `POST /v1/feedback`.

mod board;
mod client;
mod decision;
mod live;
mod report;
mod session;
mod setup;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use floopy_shared::process::supervise::TaskError;
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    console::Console,
    simulator::{Simulator, SimulatorError},
    system::{StartError, System},
};

use board::Board;
use client::Client;
use session::{Played, Users};

/// Sessions unless told otherwise.
const SESSIONS: usize = 600;
const FAST_SESSIONS: usize = 2_000;

/// Results that may wait to be counted.
const RESULTS: usize = 256;

/// Time between two redraws, and between two lines where nothing can be redrawn.
const REDRAW: Duration = Duration::from_millis(200);

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Finish as fast as the machine can, then exit
    #[arg(long)]
    fast: bool,
    /// How many sessions users hold [default: 600; 2000 with --fast]
    #[arg(long, value_name = "N")]
    sessions: Option<usize>,
    /// Makes the world and its users
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Keep state here instead of in a temporary directory
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Keep serving after a --fast run
    #[arg(long)]
    keep: bool,
    /// Where the proxy listens [default: a free port]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
}

/// What can end the demo.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error("no temporary directory: {0}")]
    TemporaryDirectory(std::io::Error),
    #[error(transparent)]
    Simulator(#[from] SimulatorError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Task(#[from] TaskError),
}

impl Args {
    fn sessions(&self) -> usize {
        self.sessions
            .unwrap_or(if self.fast { FAST_SESSIONS } else { SESSIONS })
            .max(1)
    }

    fn stays(&self) -> bool {
        self.keep || !self.fast
    }
}

/// Runs it to its end, or until stopped.
pub async fn run(
    args: &Args,
    stop: CancellationToken,
    console: &mut Console,
) -> Result<(), DemoError> {
    let temporary = tempfile::tempdir().map_err(DemoError::TemporaryDirectory)?;
    let data_dir = args
        .data_dir
        .clone()
        .unwrap_or_else(|| temporary.path().to_owned());
    let simulator = Simulator::bind(setup::simulator(args.seed, args.fast)).await?;
    let key = setup::key();
    let config = setup::config(simulator.addr(), &data_dir, &key, args.listen);
    let mut system = System::start(&config, stop.clone()).await?;
    let ledger = simulator.ledger();
    system.spawn("simulator", simulator.run(system.back_stop()));

    let client = Client::new(system.proxy(), system.rest(), &key);
    console.say(&setup::intro(args.sessions(), args.seed, &config, &system));
    let users = Arc::new(Users {
        client: client.clone(),
        ledger: Arc::clone(&ledger),
        seed: args.seed,
        pace: setup::pace(args.fast),
        stop: stop.clone(),
    });
    let drive = async {
        setup::ready(&client).await;
        let (board, seconds) = play(users, args, console).await;
        console.say(&report::text(&board, &ledger.totals(), seconds));
        if let Some(request_id) = board.last_request() {
            console.say(&decision::text(&client, request_id, args.stays()).await);
        }
        if args.stays() && !stop.is_cancelled() {
            console.say("Still serving, so that you can try it. Ctrl-C ends.");
            stop.cancelled().await;
        }
        stop.cancel();
    };
    let (ended, ()) = tokio::join!(system.run(), drive);
    Ok(ended?)
}

/// Lets every user hold their session; returns the results and the seconds it took.
async fn play(users: Arc<Users>, args: &Args, console: &mut Console) -> (Board, f64) {
    let started = Instant::now();
    let (results, mut played) = mpsc::channel::<Played>(RESULTS);
    let mut board = Board::new(args.seed, args.sessions());
    let crowd = tokio::spawn(session::all(Arc::clone(&users), args.sessions(), results));
    let mut live = live::Live::default();
    let mut redraw = tokio::time::interval(REDRAW);
    redraw.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            next = played.recv() => match next {
                Some(session) => board.add(&session),
                None => break,
            },
            _ = redraw.tick() => live.draw(&board, started.elapsed(), console),
        }
    }
    live.finish(&board, started.elapsed(), console);
    if crowd.await.is_err() {
        tracing::error!("the simulated users ended early");
    }
    (board, started.elapsed().as_secs_f64())
}
