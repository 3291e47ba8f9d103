//! Improves a build by moving its passive points: as many as it has, no more.
//!
//! An evolutionary search, spread over all servers that are named. A generation is a few hundred trees, each one of the
//! best so far with a way to some other node taken, and leaves given up for it; the servers throw away what breaks a
//! constraint, and send back the best. What comes out is written as a share code, and loaded from scratch to prove that it
//! is what was promised, to the last bit.
//!
//! ```text
//! pobatch serve --pob PathOfBuilding &
//! cargo run --release --example tree_optimizer -- --base build.xml --seconds 50
//! ```
//!
//! Masteries, jewel sockets and ascendancies stay as they are.
#![expect(clippy::print_stdout, reason = "that is how it tells")]

use std::{
    collections::{BTreeMap, BTreeSet, HashSet, VecDeque},
    error::Error,
    path::PathBuf,
    time::{Duration, Instant},
};

use clap::Parser;
use pobatch::{
    build::{
        outcome::{NamedStat, StatValue},
        passive::{Passive, PassiveKind},
        variation::Variation,
    },
    client::{Build, Client, Keep, Named, Objective, Reduction, Request, StatChoice},
};

/// How many of the best trees have children.
const POOL: u32 = 24;

/// Improves a build by moving its passive points.
#[derive(Parser)]
pub(crate) struct Arguments {
    /// URL of a server; can be given more than once.
    #[arg(long, default_value = "http://127.0.0.1:50051")]
    endpoint: Vec<String>,
    /// The build: a file with XML or a share code.
    #[arg(long)]
    base: PathBuf,
    /// Expression over stats.
    #[arg(long, default_value = "TotalEHP")]
    maximize: String,
    /// Constraint; can be given more than once.
    #[arg(long = "where", default_values = ["TotalDPS >= base(TotalDPS)", "CombinedDPS >= base(CombinedDPS)"])]
    constraints: Vec<String>,
    /// How long to search.
    #[arg(long, default_value_t = 50.0)]
    seconds: f64,
    /// How many generations there are, however long they take.
    #[arg(long, conflicts_with = "seconds")]
    generations: Option<u64>,
    /// Trees of a generation.
    #[arg(long, default_value_t = 192)]
    generation: usize,
    /// Longest way that is taken at once.
    #[arg(long, default_value_t = 6)]
    reach: usize,
    /// Stands for the chances taken.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// File for the share code.
    #[arg(long, default_value = "winner.txt")]
    out: PathBuf,
}

type Nodes = BTreeSet<u32>;

/// What can be done to a tree. Knows the ways, and nothing of what nodes are good for.
struct Moves {
    passives: BTreeMap<u32, Passive>,
    base: Nodes,
    points: usize,
    reach: usize,
    chance: u64,
}

impl Moves {
    /// A number below `end`, by chance (`SplitMix64`).
    fn below(&mut self, end: usize) -> usize {
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.chance ^ (self.chance >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % end as u64).expect("below a size")
    }

    fn is_movable(&self, id: u32) -> bool {
        let kinds = [PassiveKind::Normal, PassiveKind::Notable, PassiveKind::Keystone].map(Some);
        self.passives.get(&id).is_some_and(|node| kinds.contains(&node.kind) && node.ascendancy.is_empty())
    }

    /// How many of these nodes hang together with a start.
    fn connected(&self, nodes: &Nodes) -> usize {
        let mut open: Vec<u32> = nodes.iter().copied().filter(|id| self.passives[id].root).collect();
        let mut seen: Nodes = open.iter().copied().collect();
        while let Some(at) = open.pop() {
            let links = self.passives[&at].links.iter().copied();
            open.extend(links.filter(|id| nodes.contains(id) && seen.insert(*id)));
        }
        seen.len()
    }

    /// A shortest way from these nodes to another one that is near enough, by chance.
    fn way(&mut self, nodes: &Nodes) -> Nodes {
        let mut came_from = BTreeMap::new();
        let mut open: VecDeque<(u32, usize)> = nodes.iter().map(|id| (*id, 0)).collect();
        while let Some((at, distance)) = open.pop_front() {
            // No way leads through a mastery.
            if distance == self.reach || self.passives[&at].kind == Some(PassiveKind::Mastery) {
                continue;
            }
            for id in self.passives[&at].links.iter().copied() {
                if self.is_movable(id) && !nodes.contains(&id) && !came_from.contains_key(&id) {
                    came_from.insert(id, at);
                    open.push_back((id, distance + 1));
                }
            }
        }
        let found: Vec<u32> = came_from.keys().copied().collect();
        if found.is_empty() {
            return Nodes::new();
        }
        let end = found[self.below(found.len())];
        std::iter::successors(Some(end), |id| came_from.get(id).copied()).filter(|id| !nodes.contains(id)).collect()
    }

    /// A tree that is one move away: a way taken, and given up what it costs.
    fn child(&mut self, parent: &Nodes) -> Option<Nodes> {
        let way = self.way(parent);
        let mut nodes: Nodes = parent | &way;
        let mut leaves: Vec<u32> = parent.iter().copied().filter(|id| self.is_movable(*id)).collect();
        while nodes.len() > self.base.len() + self.points {
            if leaves.is_empty() {
                return None;
            }
            let leaf = leaves.swap_remove(self.below(leaves.len()));
            let before = self.connected(&nodes);
            nodes.remove(&leaf);
            if self.connected(&nodes) + 1 < before {
                nodes.insert(leaf);
            }
        }
        Some(nodes)
    }

    /// The change that makes this tree of the base's.
    fn variation(&self, nodes: &Nodes) -> Variation {
        let only = |ours: &Nodes, theirs: &Nodes| ours.difference(theirs).copied().collect();
        Variation { allocate: only(nodes, &self.base), deallocate: only(&self.base, nodes), ..Variation::default() }
    }
}

/// Values by name, as bits: NaN is not equal to itself.
fn exact(stats: &[NamedStat]) -> BTreeMap<&str, String> {
    let value = |value: &StatValue| match value {
        StatValue::Number(number) => format!("{number} {:x}", number.to_bits()),
        other => format!("{other:?}"),
    };
    stats.iter().map(|(name, stat)| (&**name, value(stat))).collect()
}

/// The share code of the varied build. What the variation promises, and what the code is when it is loaded from scratch,
/// must be the same stats, all of them.
async fn proved(client: &Client, build: Build, variation: Variation) -> Result<String, Box<dyn Error>> {
    let all = Request { stats: StatChoice::All, ..Request::new(build.clone()) };
    let winner = vec![Named { id: "the winner".to_owned(), variation: variation.clone() }];
    let promised = client.evaluate(all, winner).await?.collect().await?.outcomes.remove(0).result?;
    let code = client.export(build, &variation, None).await?.share_code;
    let loaded = client.describe_build(Build::ShareCode(code.clone()), StatChoice::All).await?;
    let (promised, loaded) = (exact(&promised), exact(&loaded.stats));
    let names: BTreeSet<_> = promised.keys().chain(loaded.keys()).collect();
    let odd: Vec<_> = names.into_iter().filter(|name| promised.get(*name) != loaded.get(*name)).collect();
    if !odd.is_empty() {
        return Err(format!("loaded from scratch the build is not as promised: {odd:?}").into());
    }
    println!("loaded from scratch, all of its {} stats are as promised", loaded.len());
    Ok(code)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    run(Arguments::parse()).await
}

/// Searches, and writes what was found.
pub(crate) async fn run(given: Arguments) -> Result<(), Box<dyn Error>> {
    let client = Client::connect_to(&given.endpoint).await?;
    let engine = client.describe_engine().await?;
    println!("engine {} {}. {}", engine.engine.name, engine.engine.version, engine.notice);
    let text = std::fs::read_to_string(&given.base)?;
    let build = if text.trim_start().starts_with('<') { Build::Xml(text) } else { Build::ShareCode(text) };

    let tree = client.passives(build.clone()).await?;
    let passives: BTreeMap<u32, Passive> = tree.passives.into_iter().map(|node| (node.id, node)).collect();
    let base: Nodes = passives.values().filter(|node| node.allocated).map(|node| node.id).collect();
    let points = tree.points.available.saturating_sub(tree.points.used) as usize;
    let mut moves = Moves { passives, base: base.clone(), points, reach: given.reach.max(1), chance: given.seed };
    let objective = Objective { expression: given.maximize.clone(), minimize: false };
    let request = Request {
        reduction: Some(Reduction {
            constraints: given.constraints.clone(),
            objectives: vec![objective],
            keep: Keep::Top(POOL),
            enough: None,
        }),
        ..Request::new(build.clone())
    };
    println!("{} points spent and {points} left; constraints: {}", tree.points.used, given.constraints.join(", "));

    // The base alone is the first generation.
    let mut seen = HashSet::from([base.clone()]);
    let mut children = vec![base];
    let mut pool: Vec<(f64, Nodes)> = Vec::new();
    let (mut evaluated, mut generation, mut first) = (0, 0, None);
    let began = Instant::now();
    let mut told = began;
    loop {
        let named = |nodes: &Nodes| Named { id: String::new(), variation: moves.variation(nodes) };
        let list: Vec<Named> = children.iter().map(named).collect();
        let best = client.evaluate(request.clone(), list).await?.collect().await?;
        evaluated += best.summary.succeeded + best.summary.failed;
        let kept = best.outcomes.into_iter().filter(|outcome| outcome.result.is_ok());
        let tree_of = |index: u64| children[usize::try_from(index).expect("an index")].clone();
        pool.extend(kept.map(|outcome| (outcome.scores[0], tree_of(outcome.index))));
        // Stable: of two equals the older one stays ahead.
        pool.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        pool.truncate(POOL as usize);
        let Some((score, nodes)) = pool.first() else { return Err("the build breaks a constraint itself".into()) };
        first.get_or_insert(*score);
        if told.elapsed() >= Duration::from_secs(2) {
            told = Instant::now();
            let differ = nodes.symmetric_difference(&moves.base).count();
            println!(
                "{:5.0} s  {evaluated:7} trees  best {score:.1}  ({differ} nodes differ)",
                began.elapsed().as_secs_f64()
            );
        }
        children.clear();
        for _ in 0..20 * given.generation {
            // The better, the more children.
            let place = moves.below(pool.len()).min(moves.below(pool.len()));
            let child = moves.child(&pool[place].1).filter(|child| seen.insert(child.clone()));
            children.extend(child);
            if children.len() == given.generation {
                break;
            }
        }
        generation += 1;
        let is_over = || began.elapsed().as_secs_f64() >= given.seconds;
        if children.is_empty() || given.generations.map_or_else(is_over, |most| generation > most) {
            break;
        }
    }

    let (score, nodes) = pool.remove(0);
    let first = first.unwrap_or(score);
    println!("\n{evaluated} trees");
    println!("{}: {first:.1} -> {score:.1} ({:+.1} %)", given.maximize, (score / first - 1.0) * 100.0);
    println!(
        "taken: {:?}\ngiven up: {:?}",
        nodes.difference(&moves.base).collect::<Vec<_>>(),
        moves.base.difference(&nodes).collect::<Vec<_>>()
    );

    let code = proved(&client, build, moves.variation(&nodes)).await?;
    std::fs::write(&given.out, code + "\n")?;
    println!("share code: {}", given.out.display());
    Ok(())
}
