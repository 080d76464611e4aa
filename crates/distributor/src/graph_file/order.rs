//! The order of a graph of needs, and its cycles.
//!
//! Works on indexes only: `needs[a]` lists what `a` needs. No recursion, so a chain of a million jobs is
//! no deeper than one of two, and every edge is looked at once for each question.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Shown at most of one cycle, from its start and from its end.
const SHOWN: usize = 8;

/// A circle of needs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cycle {
    /// The need that closes it: `needs[job][need]` leads back to the first job.
    pub(super) job: usize,
    pub(super) need: usize,
    /// The jobs of the circle from the first on, each needing the next.
    pub(super) head: Vec<usize>,
    /// How many jobs are left out between `head` and `tail`.
    pub(super) left_out: usize,
    /// The last jobs of a long circle; empty if `head` holds all.
    pub(super) tail: Vec<usize>,
}

/// One cycle for each need that leads back to a job on the way to it, searching from the first job on.
///
/// Not every cycle of a tangle is listed (there may be exponentially many), but without the needs listed
/// here none is left.
pub(super) fn cycles(needs: &[Vec<usize>]) -> Vec<Cycle> {
    #[derive(Clone, Copy)]
    enum Mark {
        New,
        OnPath(usize),
        Done,
    }
    let mut marks = vec![Mark::New; needs.len()];
    let mut cycles = Vec::new();
    // The jobs on the way from the start, and a parallel list with the need to look at next.
    let mut path: Vec<usize> = Vec::new();
    let mut next: Vec<usize> = Vec::new();
    for start in 0..needs.len() {
        if !matches!(marks[start], Mark::New) {
            continue;
        }
        marks[start] = Mark::OnPath(0);
        path.push(start);
        next.push(0);
        while let (Some(&job), Some(need)) = (path.last(), next.last_mut()) {
            let Some(&needed) = needs[job].get(*need) else {
                marks[job] = Mark::Done;
                path.pop();
                next.pop();
                continue;
            };
            match marks[needed] {
                Mark::New => {
                    *need += 1;
                    marks[needed] = Mark::OnPath(path.len());
                    path.push(needed);
                    next.push(0);
                }
                Mark::OnPath(since) => {
                    cycles.push(cycle(&path[since..], job, *need));
                    *need += 1;
                }
                Mark::Done => *need += 1,
            }
        }
    }
    cycles
}

fn cycle(circle: &[usize], job: usize, need: usize) -> Cycle {
    let (head, left_out, tail) = if circle.len() <= 2 * SHOWN {
        (circle, 0, &[][..])
    } else {
        let tail = circle.len() - SHOWN;
        (&circle[..SHOWN], tail - SHOWN, &circle[tail..])
    };
    Cycle {
        job,
        need,
        head: head.to_vec(),
        left_out,
        tail: tail.to_vec(),
    }
}

/// All jobs, each after what it needs; among those that could come next the smallest index. Jobs of a
/// cycle, and those that need them, come last in the order of their indexes.
pub(super) fn topological(needs: &[Vec<usize>]) -> Vec<usize> {
    let mut dependents = vec![Vec::new(); needs.len()];
    let mut missing: Vec<usize> = needs.iter().map(Vec::len).collect();
    for (job, needed) in needs.iter().enumerate() {
        for &needed in needed {
            dependents[needed].push(job);
        }
    }
    let ready = missing
        .iter()
        .enumerate()
        .filter(|&(_, &missing)| missing == 0);
    let mut ready: BinaryHeap<_> = ready.map(|(job, _)| Reverse(job)).collect();
    let mut order = Vec::with_capacity(needs.len());
    while let Some(Reverse(job)) = ready.pop() {
        order.push(job);
        for &dependent in &dependents[job] {
            missing[dependent] -= 1;
            if missing[dependent] == 0 {
                ready.push(Reverse(dependent));
            }
        }
    }
    order.extend((0..needs.len()).filter(|&job| missing[job] > 0));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(needs: &[Vec<usize>]) -> Vec<Vec<usize>> {
        cycles(needs).into_iter().map(|cycle| cycle.head).collect()
    }

    #[test]
    fn needs_come_first_and_ties_keep_their_order() {
        assert_eq!(topological(&[vec![2], vec![], vec![]]), [1, 2, 0]);
        assert_eq!(
            topological(&[vec![], vec![0], vec![], vec![2]]),
            [0, 1, 2, 3]
        );
    }

    #[test]
    fn jobs_of_a_cycle_come_last() {
        assert_eq!(
            topological(&[vec![1], vec![0], vec![0], vec![]]),
            [3, 0, 1, 2]
        );
    }

    #[test]
    fn each_cycle_is_found_once() {
        assert_eq!(shown(&[vec![1], vec![2], vec![0], vec![2]]), [[0, 1, 2]]);
        assert_eq!(
            shown(&[vec![1], vec![0], vec![3], vec![2], vec![]]),
            [[0, 1], [2, 3]]
        );
        // Two cycles through one job.
        assert_eq!(shown(&[vec![1, 2], vec![0], vec![0]]), [[0, 1], [0, 2]]);
        assert!(shown(&[vec![1, 2], vec![3], vec![3], vec![]]).is_empty());
    }

    #[test]
    fn a_long_cycle_is_shortened_and_does_not_overflow_the_stack() {
        const COUNT: usize = 300_000;
        let needs: Vec<_> = (0..COUNT).map(|job| vec![(job + 1) % COUNT]).collect();
        let found = cycles(&needs);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].job, found[0].need), (COUNT - 1, 0));
        assert_eq!(
            found[0].head.len() + found[0].left_out + found[0].tail.len(),
            COUNT
        );
        assert_eq!(found[0].tail.last(), Some(&(COUNT - 1)));
    }

    #[test]
    fn a_long_chain_is_ordered() {
        const COUNT: usize = 300_000;
        let needs: Vec<_> = (0..COUNT)
            .map(|job| {
                if job + 1 < COUNT {
                    vec![job + 1]
                } else {
                    vec![]
                }
            })
            .collect();
        assert!(cycles(&needs).is_empty());
        assert_eq!(topological(&needs), (0..COUNT).rev().collect::<Vec<_>>());
    }
}
