//! A graph of jobs that is random, and the same in every run.
//!
//! Jobs lie in layers. Each job but those of the lowest layer depends on one to three others below it,
//! at least one of them in the layer just below. A phrase contains those of its dependencies, whole,
//! so the height is what bounds its length; a job that several depend on is one quest all the same,
//! because its phrase is the same text wherever it stands.

/// Layers: with so many the longest phrases have some 30 kB.
const LAYERS: usize = 6;

/// A random graph.
pub(super) struct Graph {
    /// Phrases of the jobs that no other depends on.
    pub(super) roots: Vec<String>,
}

impl Graph {
    /// Of `count` jobs.
    pub(super) fn new(count: usize) -> Self {
        let mut random = Random(1);
        let layer_size = count.div_ceil(LAYERS).max(1);
        let mut dependencies: Vec<Vec<usize>> = Vec::with_capacity(count);
        let mut is_root = vec![true; count];
        for number in 0..count {
            let layer_begin = number / layer_size * layer_size;
            let mut own = Vec::new();
            if layer_begin > 0 {
                own.push(layer_begin - layer_size + random.below(layer_size));
                for _ in 0..random.below(3) {
                    let other = random.below(layer_begin);
                    if !own.contains(&other) {
                        own.push(other);
                    }
                }
            }
            for dependency in &own {
                is_root[*dependency] = false;
            }
            dependencies.push(own);
        }
        let roots = (0..count).filter(|number| is_root[*number]);
        Graph {
            roots: roots.map(|root| phrase(&dependencies, root)).collect(),
        }
    }
}

/// As jobsim would write it.
fn phrase(dependencies: &[Vec<usize>], number: usize) -> String {
    let own: Vec<String> = dependencies[number]
        .iter()
        .map(|it| format!("{{\"phrase\":{}}}", phrase(dependencies, *it)))
        .collect();
    let stages = match own.as_slice() {
        [] => String::new(),
        own => format!(
            ",\"stages\":[{{\"deps\":{{\"deps\":[{}]}}}}]",
            own.join(",")
        ),
    };
    // With a seed of its own it is the same job for all that depend on it.
    format!("{{\"name\":\"job-{number}\",\"seed\":\"1\"{stages}}}")
}

/// SplitMix64.
struct Random(u64);

impl Random {
    /// A number below `bound`, which is not 0.
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^= value >> 31;
        let bound = u64::try_from(bound).unwrap_or(u64::MAX);
        usize::try_from(value % bound).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_job_is_somewhere_and_no_phrase_is_too_long() {
        let graph = Graph::new(600);
        let all = graph.roots.join("\n");
        for number in 0..600 {
            assert!(all.contains(&format!("\"job-{number}\"")), "{number}");
        }
        let longest = graph.roots.iter().map(String::len).max();
        assert!(longest < Some(128 * 1024), "{longest:?}");
        assert_eq!(graph.roots, Graph::new(600).roots);
    }
}
