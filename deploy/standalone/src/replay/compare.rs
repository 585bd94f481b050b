//! Every policy through the same world, and all that is found by it.

use super::{
    ReplayError,
    args::Args,
    calibration, donors, drift, floor,
    learner::{self, Setup},
    measure::{self, Valued},
    plot,
    policy::{self, Brief, Kind},
    progress::Progress,
    report::{PolicyReport, Report},
    run::{self, Lane},
    table::Table,
    verdict,
    world::World,
};

/// What came of a replay.
pub(super) struct Compared {
    pub(super) report: Report,
    /// As SVG, where it was asked for.
    pub(super) plot: Option<String>,
}

/// Replays.
pub(super) fn compare(args: &Args, table: &Table) -> Result<Compared, ReplayError> {
    let halves = (args.donors > 0)
        .then(|| table.halves(args.seed))
        .transpose()?;
    let table = halves.as_ref().map_or(table, |(_, others)| others);
    let mut world = World::new(table, args.feedback, args.size());
    if let Some(spec) = &args.drift {
        world.drift = Some(spec.resolve(&world)?);
    }
    let progress = Progress::default();
    let mut setup = Setup::new(table, args.settings, args.floor().is_some(), None)?;
    if let Some((donors, _)) = &halves {
        let pooled = donors::learn(donors, args, &setup, &progress);
        setup = Setup::new(
            table,
            args.settings,
            args.floor().is_some(),
            pooled.as_ref(),
        )?;
    }
    let brief = Brief {
        world: &world,
        floor: args.floor(),
        setup: &setup,
    };
    let runs: Vec<(Kind, Vec<Lane>)> = args
        .kinds()
        .into_iter()
        .map(|kind| (kind, replay(kind, &brief, &progress)))
        .collect();
    drop(progress);
    let world = &world;
    let valued: Vec<(Kind, Valued<'_>)> = runs
        .iter()
        .map(|(kind, lanes)| (*kind, Valued { world, lanes }))
        .collect();
    Ok(Compared {
        plot: args.plot.as_ref().map(|_| plot::svg(&valued)).transpose()?,
        report: report(args, world, &valued),
    })
}

fn replay(kind: Kind, brief: &Brief<'_>, progress: &Progress) -> Vec<Lane> {
    let world = brief.world;
    progress.begin(kind.name(), world.tenants.len() * world.requests());
    let exchange = learner::EXCHANGE.filter(|_| kind == Kind::Floopy);
    let make = |tenant: usize| policy::of(kind, brief, tenant);
    run::run(world, make, exchange, |served| progress.add(served))
}

fn report(args: &Args, world: &World<'_>, runs: &[(Kind, Valued<'_>)]) -> Report {
    let table = world.table;
    let marks = |valued: &Valued<'_>| {
        let marks = measure::marks(world.requests());
        marks
            .into_iter()
            .map(|requests| valued.mark(requests))
            .collect()
    };
    let policies = runs.iter().map(|(kind, valued)| PolicyReport {
        policy: kind.name(),
        marks: marks(valued),
    });
    let floors = runs
        .iter()
        .filter(|_| args.floor().is_some() && table.has_costs());
    let drifted = |drift| {
        runs.iter()
            .map(move |(kind, valued)| drift::report(*kind, valued, drift))
    };
    let drifts = world.drift.map(|drift| drifted(drift).collect());
    Report {
        policies: policies.collect(),
        verdicts: verdict::verdicts(runs),
        floor: floors
            .flat_map(|(kind, valued)| floor::reports(*kind, valued))
            .collect(),
        drift: drifts.unwrap_or_default(),
        drifted_model: world
            .drift
            .map(|drift| table.models[drift.model].to_string()),
        calibration: runs
            .iter()
            .filter_map(|(kind, valued)| calibration::report(*kind, valued))
            .collect(),
        models: table.models.iter().map(ToString::to_string).collect(),
        shapes: table.shapes.len(),
        prompts: table.prompts(),
        prompts_dropped: table.left_out.prompts,
        tenants: world.tenants.len(),
        requests: world.requests(),
        seed: args.seed,
        donors: args.donors,
        floor_share: args.floor(),
    }
}
