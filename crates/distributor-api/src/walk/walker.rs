//! One walk: from the query along the edges, until all is shown or a bound is reached.

use distributor_core::{AttemptId, Clock, DistributorSource, QuestId, Timestamp, dm};
use distributor_store::Store;
use distributor_store::records::AttemptRecord;

use super::answer::Answer;
use super::nodes::{Entry, Found, Node, Nodes};
use super::reads::Reads;
use super::show::Shower;
use super::view;
use crate::validate::walk::WalkRequest;

/// So many attempts are read at once. The largest descriptions and results of as many are in
/// memory at a time.
const CHUNK: usize = 64;
/// So many visits are made for one answer.
const MOST_VISITS: usize = 4096;
/// So many edges of an attempt are shown and followed in each direction.
const MOST_EDGES: usize = 16 * 1024;

/// Whose walk it is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Viewer {
    /// Sees every result.
    Reader,
    /// An execution of this attempt: sees the results of its own attempt and of what that depends
    /// on, at any distance, as far as the walk finds that.
    Execution(AttemptId),
}

/// What a walk works with.
pub(super) struct Surroundings<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) backends: &'a dyn DistributorSource,
    pub(super) clock: &'a dyn Clock,
    /// When it has to end.
    pub(super) deadline: Timestamp,
    /// Nobody waits for the answer any more.
    pub(super) is_abandoned: &'a dyn Fn() -> bool,
}

/// A walk under way.
pub(super) struct Walker<'a> {
    pub(super) surroundings: Surroundings<'a>,
    pub(super) request: &'a WalkRequest,
    pub(super) viewer: Viewer,
    pub(super) reads: Reads<'a>,
    pub(super) nodes: Nodes,
    pub(super) answer: Answer<'a>,
    shower: Shower<'a>,
    /// When it began: what expired before is expired.
    now: Timestamp,
    visits: usize,
}

/// The edges of an attempt in one direction.
struct Edges {
    ends: Vec<AttemptId>,
    /// There are more, or they cannot be read.
    incomplete: bool,
}

/// What was read for a visit.
struct Visit {
    place: usize,
    id: AttemptId,
    read: Read,
}

enum Read {
    /// There is nothing to show.
    Nothing(Entry),
    Attempt(Box<Attempt>),
}

/// An attempt that is shown.
struct Attempt {
    record: AttemptRecord,
    /// Its neighbours belong to the walk.
    expands: bool,
    dependencies: Option<Edges>,
    dependents: Option<Edges>,
}

impl<'a> Walker<'a> {
    pub(super) fn new(
        request: &'a WalkRequest,
        viewer: Viewer,
        surroundings: Surroundings<'a>,
    ) -> Self {
        let now = surroundings.clock.now();
        Walker {
            reads: Reads::new(surroundings.store),
            nodes: Nodes::default(),
            answer: Answer::new(request),
            shower: Shower::new(request, surroundings.backends, now),
            surroundings,
            request,
            viewer,
            now,
            visits: 0,
        }
    }

    /// Walks to the end, or to a bound.
    pub(super) fn run(mut self) -> dm::GraphData {
        self.begin();
        while !self.must_stop() {
            let limit = CHUNK.min(MOST_VISITS.saturating_sub(self.visits));
            let places = self.nodes.next(limit, self.request.dfs);
            if places.is_empty() {
                break;
            }
            self.visits += places.len();
            if !self.visit(&places) {
                break;
            }
        }
        self.load_named_quests();
        self.answer.finish(self.nodes, self.reads.had_errors)
    }

    /// Time is up, or nobody waits.
    pub(super) fn must_stop(&self) -> bool {
        let surroundings = &self.surroundings;
        surroundings.clock.now() >= surroundings.deadline || (surroundings.is_abandoned)()
    }

    /// Takes note of an attempt, unless it is excluded. False if there is no place left for it.
    pub(super) fn found(&mut self, id: AttemptId, depth: u64, visible: bool, named: bool) -> bool {
        if self.request.exclude.attempt(id) {
            return true;
        }
        self.nodes.found(Found {
            id,
            depth,
            visible: visible || self.viewer_sees(id),
            named,
        })
    }

    /// The caller may see its result, however it was found.
    fn viewer_sees(&self, id: AttemptId) -> bool {
        match self.viewer {
            Viewer::Reader => true,
            Viewer::Execution(own) => own == id,
        }
    }

    /// Lets the caller see the results of what its own attempt depends on.
    fn reveal(&mut self, places: &[usize]) {
        let Viewer::Execution(own) = self.viewer else {
            return;
        };
        let hidden = places.iter().filter_map(|place| {
            let node = self.nodes.get(*place)?;
            (!node.visible).then_some((*place, node.id))
        });
        let (places, ids): (Vec<_>, Vec<_>) = hidden.unzip();
        let needed = self.reads.have_dependencies(own, &ids);
        for (place, _) in places.iter().zip(needed).filter(|(_, needed)| *needed) {
            self.nodes.reveal(*place);
        }
    }

    /// Visits these nodes; false if the answer has become full.
    fn visit(&mut self, places: &[usize]) -> bool {
        self.reveal(places);
        let mut visits = self.read(places);
        self.read_edges(&mut visits);
        let ids = visits.iter().map(|visit| visit.id.quest);
        self.load_quests(ids);
        visits.into_iter().all(|visit| self.visit_one(visit))
    }

    fn read(&mut self, places: &[usize]) -> Vec<Visit> {
        let known = places.iter().filter_map(|place| {
            let node = self.nodes.get(*place)?;
            Some((*place, node.id, self.expands(node)))
        });
        let known: Vec<_> = known.collect();
        let ids: Vec<_> = known.iter().map(|(_, id, _)| *id).collect();
        let records = self.reads.attempts(&ids);
        let visit = |((place, id, expands), record)| Visit {
            place,
            id,
            read: match record {
                None => Read::Nothing(Entry::Unknown),
                Some(None) => Read::Nothing(Entry::Absent),
                Some(Some(record)) if self.is_filtered(&record) => Read::Nothing(Entry::Filtered),
                Some(Some(record)) => Read::Attempt(Box::new(Attempt {
                    record,
                    expands,
                    dependencies: None,
                    dependents: None,
                })),
            },
        };
        known.into_iter().zip(records).map(visit).collect()
    }

    /// Reads the edges that are shown or followed.
    fn read_edges(&mut self, visits: &mut [Visit]) {
        let request = self.request;
        let (mut forwards, mut backwards) = (Vec::new(), Vec::new());
        for visit in visits {
            let Read::Attempt(attempt) = &mut visit.read else {
                continue;
            };
            if request.include.fwd_deps || request.forwards && attempt.expands {
                forwards.push((visit.id, &mut attempt.dependencies));
            }
            if request.include.back_deps || request.backwards && attempt.expands {
                backwards.push((visit.id, &mut attempt.dependents));
            }
        }
        let (ids, edges): (Vec<_>, Vec<_>) = forwards.into_iter().unzip();
        let read = self.reads.dependencies(&ids, MOST_EDGES + 1);
        for (edges, read) in edges.into_iter().zip(read) {
            *edges = Some(Edges::new(read));
        }
        let (ids, edges): (Vec<_>, Vec<_>) = backwards.into_iter().unzip();
        let read = self.reads.dependents(&ids, MOST_EDGES + 1);
        for (edges, read) in edges.into_iter().zip(read) {
            *edges = Some(Edges::new(read));
        }
    }

    /// Shows a node and finds its neighbours; false if there is no room for it.
    fn visit_one(&mut self, visit: Visit) -> bool {
        match visit.read {
            Read::Nothing(entry) => {
                let fits = self.answer.take_quest_room(visit.id.quest);
                if fits && let Some(node) = self.nodes.visit(visit.place) {
                    node.entry = entry;
                }
                fits
            }
            Read::Attempt(attempt) => self.visit_attempt(visit.place, &attempt),
        }
    }

    fn visit_attempt(&mut self, place: usize, read: &Attempt) -> bool {
        let Some(node) = self.nodes.get(place) else {
            return true;
        };
        if self.expands(node) && !read.expands {
            // A neighbour in the same chunk has brought it nearer.
            self.nodes.defer(place);
            return true;
        }
        let (depth, visible) = (node.depth, node.visible);
        // Whoever comes again only because it is nearer is shown already.
        if !matches!(node.entry, Entry::Shown { visible: shown, .. } if shown == visible) {
            let attempt = self.show(read, visible);
            if !self.answer.take_room(&attempt, read.record.id.quest) {
                return false;
            }
            if let Some(node) = self.nodes.visit(place) {
                let attempt = Box::new(attempt);
                node.entry = Entry::Shown { attempt, visible };
            }
        }
        let incomplete = self.follow(read, depth, visible);
        if let Some(node) = self.nodes.visit(place)
            && let Entry::Shown { attempt, .. } = &mut node.entry
        {
            mark_edges(attempt, incomplete);
        }
        true
    }

    fn show(&mut self, read: &Attempt, visible: bool) -> dm::Attempt {
        let mut attempt = self.shower.show(&read.record, visible, &mut self.reads);
        let include = &self.request.include;
        if include.fwd_deps {
            attempt.fwd_deps = read.dependencies.as_ref().map(Edges::to_list);
        }
        if include.back_deps {
            attempt.back_deps = read.dependents.as_ref().map(Edges::to_list);
        }
        attempt
    }

    /// Finds the neighbours; tells in which directions some are missing.
    fn follow(&mut self, read: &Attempt, depth: u64, visible: bool) -> (bool, bool) {
        let is_incomplete = |edges: &Option<Edges>| edges.as_ref().is_some_and(|it| it.incomplete);
        let mut incomplete = (
            is_incomplete(&read.dependencies),
            is_incomplete(&read.dependents),
        );
        if !read.expands {
            return incomplete;
        }
        let depth = match self.request.max_depth {
            Some(_) => depth.saturating_add(1),
            None => 0,
        };
        if self.request.forwards {
            for end in read.dependencies.iter().flat_map(|edges| &edges.ends) {
                incomplete.0 |= !self.found_neighbour(*end, depth, visible);
            }
        }
        if self.request.backwards {
            for end in read.dependents.iter().flat_map(|edges| &edges.ends) {
                incomplete.1 |= !self.found_neighbour(*end, depth, false);
            }
        }
        incomplete
    }

    fn found_neighbour(&mut self, id: AttemptId, depth: u64, visible: bool) -> bool {
        let has_room = self.found(id, depth, visible, true);
        self.answer.had_more |= !has_room;
        has_room
    }

    fn expands(&self, node: &Node) -> bool {
        self.request.max_depth.is_none_or(|max| node.depth < max)
    }

    fn is_filtered(&self, record: &AttemptRecord) -> bool {
        let options = &self.request.include.attempt;
        !options.abnormal && view::is_abnormal(record)
            || !options.expired && view::is_expired(view::attempt_result(record), self.now)
    }

    /// Reads the data of those of these quests of which it is shown.
    fn load_quests(&mut self, ids: impl Iterator<Item = QuestId>) {
        let wanted = self.answer.unread_quests(ids);
        let read = self.reads.quests(&wanted);
        for (id, record) in wanted.into_iter().zip(read) {
            self.answer.quest_read(id, record);
        }
    }

    /// The query may name quests of which no attempt was visited.
    fn load_named_quests(&mut self) {
        let named = self.answer.named_quests();
        for chunk in named.chunks(CHUNK) {
            if self.must_stop() || self.answer.is_full() {
                break;
            }
            self.load_quests(chunk.iter().copied());
            for id in chunk {
                self.answer.take_quest_room(*id);
            }
        }
    }
}

impl Edges {
    /// From one more than are used, if there are; `None` if they cannot be read.
    fn new(read: Option<Vec<AttemptId>>) -> Self {
        let incomplete = read.as_ref().is_none_or(|read| read.len() > MOST_EDGES);
        let mut ends = read.unwrap_or_default();
        ends.truncate(MOST_EDGES);
        Edges { ends, incomplete }
    }

    fn to_list(&self) -> dm::AttemptList {
        let mut list = dm::AttemptList::default();
        for end in &self.ends {
            let nums = list.to.entry(end.quest.to_string()).or_default();
            nums.nums.push(end.number);
        }
        for nums in list.to.values_mut() {
            nums.nums.sort_unstable_by(|left, right| right.cmp(left));
        }
        list
    }
}

/// Says of which direction edges are missing.
fn mark_edges(attempt: &mut dm::Attempt, (forwards, backwards): (bool, bool)) {
    if forwards || backwards {
        let partial = attempt.partial.get_or_insert_default();
        partial.fwd_deps |= forwards;
        partial.back_deps |= backwards;
    }
}
