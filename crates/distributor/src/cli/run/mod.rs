//! `run`: the jobs of a graph file on an embedded host, from the check to the result table.

mod check;
mod choose;
mod follow;
mod plan;
mod progress;
pub(super) mod quests;
mod reasons;
mod report;
mod submit;
mod work;

use std::sync::Arc;
use std::time::Duration;

use distributor_host::{Engine, Settings};
use distributor_store::Store;

use super::args::{Global, Run};
use super::exit::{Exit, Failure};
use super::output;
use super::place::Place;
use super::signals::Signals;
use check::Checked;
use follow::{Follower, Way};
use plan::Plan;
use progress::Progress;
use report::Report;
use work::Work;

/// Threads for calls to backends; nearly all of them wait.
const THREADS: usize = 2;
/// Reused jobs that are named while it runs; the table has all.
const REUSED_BY_NAME: usize = 50;
/// How long what still reads or waits may hold up the end of the program.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) fn run(global: &Global, arguments: &Run) -> Result<Exit, Failure> {
    let place = Place::of_service(global)?;
    if place.remote.is_some() && arguments.jobs.is_some() {
        return Err(Failure::Input(
            "--jobs: a service has its own limit; give --jobs to `distributor serve`".to_owned(),
        ));
    }
    let checked = match check::check(global, arguments, &place) {
        Err(Failure::Findings(findings)) if arguments.json.json => {
            output::json(&findings)?;
            return Err(Failure::Findings(findings));
        }
        checked => checked?,
    };
    let store: Option<Arc<dyn Store>> = match place.remote {
        Some(_) => None,
        None => Some(Arc::new(place.write()?)),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()
        .map_err(Failure::system("start the runtime"))?;
    let exit = runtime.block_on(execute(arguments, &place, store, checked));
    runtime.shutdown_timeout(PATIENCE);
    exit
}

async fn execute(
    arguments: &Run,
    place: &Place,
    store: Option<Arc<dyn Store>>,
    checked: Checked,
) -> Result<Exit, Failure> {
    let Checked {
        graph,
        quests,
        entrance,
        backends,
    } = checked;
    let mut signals = Signals::listen()?;
    let mut progress = Progress::new(arguments.quiet);
    let work = match (store, &place.remote) {
        (Some(store), _) => {
            let others = submit::others_unfinished(store.as_ref(), &quests)?;
            if others > 0 {
                progress.note(format_args!(
                    "{others} unfinished attempts of other graphs in {} go on too",
                    place.named
                ));
            }
            let settings = Settings {
                max_unfinished: arguments.jobs,
                ..Settings::default()
            };
            Work::Here(Engine::start(entrance, store, backends.clone(), settings)?)
        }
        (None, Some(remote)) => Work::There(remote.patient()),
        (None, None) => return Err(Failure::Internal("neither state nor service".to_owned())),
    };
    let records = work.records();
    let changes = work.watch().await?;
    let cancelled = submit::being_cancelled(records.as_ref(), &quests)?;
    if !cancelled.is_empty() {
        progress.note(format_args!(
            "waiting for {} jobs to stop that an earlier run cancelled",
            cancelled.len()
        ));
        if follow::settle(&work, changes, &mut signals, &cancelled).await? == Way::Left {
            return Ok(Exit::Interrupted);
        }
    }
    // Before anything is chosen, so that no change is missed.
    let changes = work.watch().await?;
    let mut plan = submit::plan(records.as_ref(), &graph, &quests, arguments.again)?;
    begin(&plan, &mut progress);
    submit::submit(&work, &graph, &quests, &mut plan).await?;
    // The plan has all that is needed from here on, and a graph may be large.
    drop((graph, quests));

    let way = Follower {
        work: &work,
        plan: &mut plan,
        changes,
        progress: &mut progress,
        signals: &mut signals,
        keep_going: arguments.keep_going,
    }
    .follow()
    .await;
    progress.end();
    let way = way?;
    if way == Way::Left {
        output::note("left at once: what runs is found by the next run");
        return Ok(Exit::Interrupted);
    }
    let graph = arguments.file.display().to_string();
    let report = Report::read(
        records.as_ref(),
        &plan,
        graph,
        place,
        way == Way::Interrupted,
    )?;
    if arguments.json.json {
        report.write_json()?;
    } else {
        report.write_table()?;
    }
    report.explain(backends.as_ref()).await?;
    work.stop().await;
    Ok(match (way, report.totals()) {
        (Way::Interrupted | Way::Left, _) => Exit::Interrupted,
        (Way::Whole, totals) if totals.finished == plan.jobs.len() => Exit::Finished,
        (Way::Whole, _) => Exit::JobFailed,
    })
}

/// Shows what is known before anything has happened.
fn begin(plan: &Plan, progress: &mut Progress) {
    let mut reused = 0;
    let mut resumed = 0;
    for (_, job) in plan.owners() {
        match job.choice {
            choose::Choice::Reuse(_) => {
                reused += 1;
                if reused <= REUSED_BY_NAME {
                    progress.reused(&job.name);
                }
            }
            choose::Choice::Resume(_) => resumed += 1,
            choose::Choice::New(_) => {}
        }
    }
    progress.begin(plan.attempts(), reused);
    if reused > REUSED_BY_NAME {
        progress.note(format_args!("{reused} jobs are reused in all"));
    }
    if resumed > 0 {
        progress.note(format_args!(
            "{resumed} jobs that an earlier run left unfinished go on"
        ));
    }
}
