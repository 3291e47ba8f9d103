//! Chaos: everything goes wrong at once, for a while, by chance that can be repeated.
//!
//! Runtimes of all roles are killed and made to talk nonsense; variations loop in three ways and eat memory in three
//! others; clients stall, vanish, lose their connection and come back; at the end the server drains. What must hold:
//! each accepted variation has exactly one outcome and the right one, the runtimes stay within the total mark, and
//! nothing is left afterwards, no process and no descriptor.
//!
//! `POBATCH_CHAOS_SEED` repeats a run (as far as the machine does), `POBATCH_CHAOS_SECONDS` makes it longer.
use std::{
    collections::{BTreeMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::common::{
    PATIENCE,
    chance::{Chance, seed},
    fault,
    front::{Front, POLL, Stream, bits, connect, message, reason, start_on},
    machine, proxy,
};
use pobatch::{
    build::{limits::Limits, variation::Variation},
    grpc::server::Patience,
    proto::v1::{self, FailureReason, evaluate_stream_response::Response},
    supervisor::Settings,
    task,
};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};

/// How long it lasts, in seconds, unless the environment says otherwise.
const SECONDS: u64 = 30;
/// Clients at once.
const CLIENTS: usize = 4;
/// Most variations of one session.
const SESSION_MAX: usize = 150;
/// How long what is in hand may take when the server drains.
const GRACE: Duration = Duration::from_secs(10);
/// Right outcomes without which a run does not say anything.
const RIGHT_MIN: u64 = 100;
/// Killed runtimes without which it does not either.
const KILLS_MIN: u64 = 6;
/// How much larger this process, server and clients in one, may be afterwards: allocators keep some.
const GROWTH_BYTES_MAX: u64 = 128 << 20;

const FAULTS: [&str; 7] = ["loop", "string", "pcall", "error", "memory", "memory_string", "memory_caught"];

/// What the chaos is about.
struct World {
    settings: Settings,
    bases: Vec<String>,
    variations: Vec<Variation>,
    /// Share of variations that misbehave, in per cent.
    faults: usize,
    budget: Option<Duration>,
    /// What an undisturbed server says, by base and variation.
    expected: BTreeMap<(usize, usize), Vec<u64>>,
    draining: CancellationToken,
    tally: Tally,
}

/// What happened, so that a run in which nothing did cannot pass.
#[derive(Debug, Default)]
struct Tally {
    sessions: AtomicU64,
    refused: AtomicU64,
    right: AtomicU64,
    failed: Mutex<BTreeMap<&'static str, u64>>,
    kills: AtomicU64,
    nonsense: AtomicU64,
}

impl Tally {
    fn says_something(&self) -> bool {
        self.right.load(Ordering::Relaxed) >= RIGHT_MIN && self.kills.load(Ordering::Relaxed) >= KILLS_MIN
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Lets chaos reign, and checks that nothing is lost by it.
pub async fn chaos(
    settings: Settings,
    bases: Vec<String>,
    variations: Vec<Variation>,
    faults: usize,
    budget: Option<Duration>,
) {
    let mut chance = Chance::new(seed("POBATCH_CHAOS_SEED"));
    let seconds = std::env::var("POBATCH_CHAOS_SECONDS").map_or(SECONDS, |text| text.parse().expect("a number"));
    let expected = undisturbed(&settings, &bases, &variations).await;
    nothing_is_left(0).await;
    let (descriptors, resident) = (machine::descriptors(), machine::resident_bytes(std::process::id()));

    let world = Arc::new(World {
        settings,
        bases,
        variations,
        faults,
        budget,
        expected,
        draining: CancellationToken::new(),
        tally: Tally::default(),
    });
    let mut front =
        Front::start_with(world.settings.clone(), Limits { in_flight: 64, ..Limits::default() }, Patience::default())
            .await;
    let over = CancellationToken::new();
    let memory = task::spawn("memory", watch_memory(over.clone()));
    let killer = task::spawn(
        "killer",
        kill_at_random(front.supervisor.clone(), chance.child(), over.clone(), Arc::clone(&world)),
    );
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| task::spawn("client", client(front.url.clone(), chance.child(), Arc::clone(&world))))
        .collect();

    tokio::time::sleep(Duration::from_secs(seconds)).await;
    // On a busy machine it takes longer until a run says anything.
    front.until("more right outcomes and killed runtimes", |_| world.tally.says_something()).await;
    world.draining.cancel();
    front.health.drain().await;
    front.close();
    let clients = async {
        for client in clients {
            client.await.unwrap();
        }
    };
    tokio::pin!(clients);
    if tokio::time::timeout(GRACE, &mut clients).await.is_err() {
        front.supervisor.give_up().await;
        tokio::time::timeout(PATIENCE, clients).await.expect("every call ends when the rest is given up");
    }
    let counters = front.status().await.counters;
    over.cancel();
    killer.await.unwrap();
    let most = memory.await.unwrap();
    drop(front);

    eprintln!("{:?}, {counters:?}, at most {} MiB", world.tally, most >> 20);
    assert_eq!((counters.drifts, counters.mismatches), (0, 0));
    let total = world.settings.memory.total_bytes;
    assert!(most <= total, "the runtimes took {most} bytes, of {total}");
    nothing_is_left(descriptors).await;
    let grown = machine::resident_bytes(std::process::id()).saturating_sub(resident);
    eprintln!("this process grew by {} MiB", grown >> 20);
    assert!(grown < GROWTH_BYTES_MAX, "{grown} bytes");
}

/// What every variation gives when nothing is wrong.
async fn undisturbed(
    settings: &Settings,
    bases: &[String],
    variations: &[Variation],
) -> BTreeMap<(usize, usize), Vec<u64>> {
    let front = Front::start(settings.clone()).await;
    let channel = connect(&front.url).await;
    let mut expected = BTreeMap::new();
    for (base, xml) in bases.iter().enumerate() {
        let mut stream = Stream::open(channel.clone(), start_on(xml, None)).await.unwrap();
        for (index, variation) in variations.iter().enumerate() {
            stream.send(index, variation).await;
        }
        stream.half_close();
        let (outcomes, _, end) = stream.rest().await;
        end.unwrap();
        expected.extend(outcomes.iter().map(|outcome| ((base, outcome.variation_id.parse().unwrap()), bits(outcome))));
    }
    assert_eq!(expected.len(), bases.len() * variations.len());
    expected
}

/// Waits until there is no child and no more descriptors than that; 0: any number.
async fn nothing_is_left(descriptors: usize) {
    let waiting = async {
        while !machine::children(std::process::id()).is_empty()
            || (descriptors > 0 && machine::descriptors() > descriptors)
        {
            tokio::time::sleep(POLL).await;
        }
    };
    if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
        let open = machine::descriptors();
        panic!("left: descriptors {open} of {descriptors}, in state\n{}", machine::state_of_affairs());
    }
}

/// The greatest sum of what all runtimes held at once.
async fn watch_memory(over: CancellationToken) -> u64 {
    const INTERVAL: Duration = Duration::from_millis(100);

    let mut interval = tokio::time::interval(INTERVAL);
    let mut most = 0;
    loop {
        tokio::select! {
            () = over.cancelled() => return most,
            _ = interval.tick() => {}
        }
        let sum = || machine::children(std::process::id()).into_iter().map(machine::pss_bytes).sum();
        most = most.max(tokio::task::spawn_blocking(sum).await.unwrap());
    }
}

async fn kill_at_random(
    supervisor: pobatch::supervisor::Supervisor,
    mut chance: Chance,
    over: CancellationToken,
    world: Arc<World>,
) {
    loop {
        let pause = Duration::from_millis(100 + chance.next() % 1200);
        if tokio::time::timeout(pause, over.cancelled()).await.is_ok() {
            return;
        }
        let status = supervisor.status().await.unwrap();
        let shards: Vec<_> = status.shards.iter().filter_map(|shard| shard.pid).collect();
        let templates: Vec<_> = status.bases.iter().filter_map(|base| base.template_pid).collect();
        let zygote: Vec<_> = status.zygote_pids().collect();
        let victims = match chance.below(100) {
            0..80 => shards,
            80..95 => templates,
            _ => zygote,
        };
        if victims.is_empty() {
            continue;
        }
        let victim = *chance.pick(&victims);
        if chance.per_cent(25) {
            let mut noise: Vec<u8> = (0..=chance.below(200)).map(|_| chance.next().to_le_bytes()[0]).collect();
            if chance.per_cent(50) {
                // The beginning of a frame that may be that long, and swallows what comes behind it.
                noise[0] = 0;
            }
            if machine::speak_for(victim, &noise) {
                count(&world.tally.nonsense);
            }
        } else {
            machine::kill(victim);
            count(&world.tally.kills);
        }
    }
}

/// Opens one session after the other until the server takes no more.
async fn client(url: String, mut chance: Chance, world: Arc<World>) {
    loop {
        let through = chance.per_cent(20);
        let line = if through { Some(proxy::Proxy::start(&url).await) } else { None };
        let Ok(channel) = tonic::transport::Endpoint::from_shared(line.as_ref().map_or(&url, |line| &line.url).clone())
            .unwrap()
            .connect()
            .await
        else {
            return;
        };
        let base = chance.below(world.bases.len());
        let mut stream = match Stream::open(channel, start_on(&world.bases[base], world.budget)).await {
            Ok(stream) => stream,
            // The server takes no calls any more, or no connections.
            Err(_) if world.draining.is_cancelled() => return,
            Err(status) => {
                assert!(may_be_refused(&status), "{status}");
                count(&world.tally.refused);
                // As a client should: a refusal says when to come back, and here somebody else may go first.
                tokio::time::sleep(Duration::from_millis(chance.next() % 300)).await;
                continue;
            }
        };
        count(&world.tally.sessions);
        let sent: Vec<Sent> = (0..=chance.below(SESSION_MAX)).map(|_| Sent::choose(&mut chance, &world)).collect();
        for (id, sent) in sent.iter().enumerate() {
            // A call that has ended takes no more, and reading tells why.
            if stream.requests.as_ref().unwrap().send(message(id, &sent.variation(&world))).await.is_err() {
                break;
            }
        }
        let mut seen = Seen { world: &world, base, sent: &sent, ids: HashSet::new() };
        match chance.below(10) {
            // Vanishes, having read some.
            0..2 => {
                for _ in 0..chance.below(sent.len()) {
                    let Ok(Some(Response::Outcome(outcome))) = stream.next().await else { break };
                    seen.check(&outcome);
                }
            }
            // Its connection breaks.
            2..5 if line.is_some() => {
                let _ =
                    tokio::time::timeout(Duration::from_millis(chance.next() % 500), stream.answers.message()).await;
                drop(line);
                let (outcomes, ..) = stream.rest().await;
                seen.check_all(&outcomes);
            }
            // Stalls, or not, and then reads everything.
            kind => {
                if kind < 5 {
                    tokio::time::sleep(Duration::from_millis(chance.next() % 1500)).await;
                }
                stream.half_close();
                let (outcomes, summary, end) = stream.rest().await;
                seen.check_all(&outcomes);
                let drained = end.as_ref().is_err_and(is_drained);
                assert!(end.is_ok() || drained, "{end:?}");
                let summary = summary.expect("a call that ends in order is summed up");
                assert_eq!(summary.succeeded + summary.failed, outcomes.len() as u64);
                // Indices count what the server read, so there is no gap even if it did not read everything.
                assert!((0..outcomes.len()).all(|index| seen.ids.contains(&index)), "an accepted one has no outcome");
                assert!(drained || outcomes.len() == sent.len(), "{} outcomes of {}", outcomes.len(), sent.len());
                if drained {
                    return;
                }
            }
        }
    }
}

/// The server says that it goes.
fn is_drained(status: &Status) -> bool {
    use tonic_types::StatusExt as _;

    status.get_error_details().error_info().is_some_and(|info| info.reason == "DRAINING")
}

/// Why a session may be refused while runtimes are killed.
fn may_be_refused(status: &Status) -> bool {
    match status.code() {
        // No runtime, no room, or a broken connection.
        Code::Unavailable | Code::ResourceExhausted => true,
        // The runtime that loaded the base was killed.
        Code::Internal => status.message().contains("the base was not loaded"),
        _ => false,
    }
}

/// A variation that was sent.
#[derive(Clone, Copy, Debug)]
enum Sent {
    Good(usize),
    Fault(&'static str),
}

impl Sent {
    fn choose(chance: &mut Chance, world: &World) -> Self {
        if chance.per_cent(world.faults) {
            Self::Fault(FAULTS[chance.below(FAULTS.len())])
        } else {
            Self::Good(chance.below(world.variations.len()))
        }
    }

    fn variation(self, world: &World) -> Variation {
        match self {
            Self::Good(index) => world.variations[index].clone(),
            Self::Fault(kind) => fault(kind),
        }
    }
}

/// The outcomes of a session so far.
struct Seen<'a> {
    world: &'a World,
    base: usize,
    sent: &'a [Sent],
    ids: HashSet<usize>,
}

impl Seen<'_> {
    fn check_all(&mut self, outcomes: &[v1::Outcome]) {
        for outcome in outcomes {
            self.check(outcome);
        }
    }

    fn check(&mut self, outcome: &v1::Outcome) {
        let id: usize = outcome.variation_id.parse().unwrap();
        assert!(self.ids.insert(id), "two outcomes for {id}");
        assert_eq!(outcome.index, id as u64, "variations are read in the order in which they are sent");
        // Its runtimes were killed twice, its template too often, or the server stopped.
        let by_chance = [FailureReason::RuntimeCrashed, FailureReason::Unavailable];
        let why = reason(outcome);
        let right = match (self.sent[id], why) {
            (Sent::Good(index), None) => {
                assert_eq!(bits(outcome), self.world.expected[&(self.base, index)], "{:?}", self.sent[id]);
                count(&self.world.tally.right);
                true
            }
            // A machine that is busy may be too slow for the budget of a good one; it was not a good run then, but no
            // wrong one.
            // So is an outcome that nonsense swallowed.
            (Sent::Fault("loop" | "string" | "pcall" | "error") | Sent::Good(_), Some(FailureReason::TimeLimit))
            | (Sent::Fault("error"), Some(FailureReason::EngineError))
            // It makes garbage all the while; which limit that comes to first depends on the machine.
            | (Sent::Fault("pcall"), Some(FailureReason::MemoryLimit)) => true,
            (Sent::Fault("memory" | "memory_string" | "memory_caught"), Some(why)) => {
                by_chance.contains(&why) || matches!(why, FailureReason::MemoryLimit | FailureReason::TimeLimit)
            }
            (_, Some(why)) => by_chance.contains(&why),
            (Sent::Fault(_), None) => false,
        };
        assert!(right, "{:?}: {outcome:?}", self.sent[id]);
        if let Some(why) = why {
            *self.world.tally.failed.lock().unwrap().entry(why.as_str_name()).or_default() += 1;
        }
    }
}
