//! The attempts that a walk has met: each once, and no more than an answer may name.

use std::collections::{HashMap, VecDeque};

use distributor_core::{AttemptId, dm};

/// So many attempts, and quests that are asked for as such, are named in one answer.
pub(super) const MOST_LISTED: usize = 8192;

/// An attempt that a walk has met.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) id: AttemptId,
    /// Edges from the query, on the shortest way found so far; 0 in a walk without a limit.
    pub(super) depth: u64,
    /// The caller may see its result.
    pub(super) visible: bool,
    /// Somebody names it, be it the query or an edge; else it is but one of all of its quest.
    pub(super) named: bool,
    /// It waits for a visit.
    queued: bool,
    pub(super) entry: Entry,
}

/// What the answer will hold of an attempt.
#[derive(Debug)]
pub(super) enum Entry {
    /// Nothing is known yet.
    Unknown,
    /// It does not exist.
    Absent,
    /// It ended abnormally, or its result expired, and such are not asked for.
    Filtered,
    /// What was asked for.
    Shown {
        attempt: Box<dm::Attempt>,
        /// Made for a caller who may see the result.
        visible: bool,
    },
}

/// Where a walk has found an attempt.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) id: AttemptId,
    pub(super) depth: u64,
    pub(super) visible: bool,
    pub(super) named: bool,
}

/// All attempts that a walk has met, and which it has yet to visit.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    nodes: Vec<Node>,
    index: HashMap<AttemptId, usize>,
    queue: VecDeque<usize>,
    /// What is named beside the nodes.
    others: usize,
}

impl Nodes {
    /// Takes a place for something that is no node; false if there is none left.
    pub(super) fn list_other(&mut self) -> bool {
        let has_room = self.has_room();
        self.others += usize::from(has_room);
        has_room
    }

    fn has_room(&self) -> bool {
        self.nodes.len() + self.others < MOST_LISTED
    }

    /// Queues an attempt that is new. One that is known is visited again only if it is nearer than
    /// it seemed or its result may be seen after all. False if it is new and there is no place left.
    pub(super) fn found(&mut self, found: Found) -> bool {
        if let Some(&place) = self.index.get(&found.id)
            && let Some(node) = self.nodes.get_mut(place)
        {
            let again = found.depth < node.depth || (found.visible && !node.visible);
            node.depth = node.depth.min(found.depth);
            node.visible |= found.visible;
            node.named |= found.named;
            if again && !node.queued {
                node.queued = true;
                self.queue.push_back(place);
            }
            return true;
        }
        if !self.has_room() {
            return false;
        }
        let place = self.nodes.len();
        self.index.insert(found.id, place);
        self.nodes.push(Node {
            id: found.id,
            depth: found.depth,
            visible: found.visible,
            named: found.named,
            queued: true,
            entry: Entry::Unknown,
        });
        self.queue.push_back(place);
        true
    }

    /// The next places to visit, at most `limit`: those that were found first, or last.
    pub(super) fn next(&mut self, limit: usize, last: bool) -> Vec<usize> {
        let count = limit.min(self.queue.len());
        match last {
            false => self.queue.drain(..count).collect(),
            true => {
                let start = self.queue.len() - count;
                self.queue.drain(start..).rev().collect()
            }
        }
    }

    /// The node at a place, which is visited now.
    pub(super) fn visit(&mut self, place: usize) -> Option<&mut Node> {
        let node = self.nodes.get_mut(place)?;
        node.queued = false;
        Some(node)
    }

    /// Lets the caller see the result of a node that waits for its visit.
    pub(super) fn reveal(&mut self, place: usize) {
        if let Some(node) = self.nodes.get_mut(place) {
            node.visible = true;
        }
    }

    /// Puts a place that was taken from the queue back.
    pub(super) fn defer(&mut self, place: usize) {
        self.queue.push_back(place);
    }

    /// The node at a place.
    pub(super) fn get(&self, place: usize) -> Option<&Node> {
        self.nodes.get(place)
    }

    /// Some node still waits for a visit, be it in the queue or taken from it.
    pub(super) fn any_waits(&self) -> bool {
        self.nodes.iter().any(|node| node.queued)
    }

    /// All of them.
    pub(super) fn into_iter(self) -> impl Iterator<Item = Node> {
        self.nodes.into_iter()
    }
}

impl Node {
    /// It waits for a visit.
    pub(super) fn waits(&self) -> bool {
        self.queued
    }
}
